#include "http/status_view.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "process/printable.hpp"

namespace wc::http {
namespace {

using Json = nlohmann::json;

constexpr int kBar = 24;

std::string grouped(double number)
{
    auto const digits = std::to_string(static_cast<std::int64_t>(std::llround(number)));
    std::string out;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0 && digits[i - 1] != '-')
            out += ',';
        out += digits[i];
    }
    return out;
}

std::string bar(double done)
{
    auto const full = static_cast<int>(std::min(1.0, std::max(0.0, done)) * kBar);
    return "[" + std::string(static_cast<std::size_t>(full), '#') +
           std::string(static_cast<std::size_t>(kBar - full), '.') + "]";
}

double number(const Json &in, const char *key)
{
    auto const found = in.find(key);
    return found != in.end() && found->is_number() ? found->get<double>() : 0;
}

void add_line(std::string &out, std::string_view name, const std::string &what)
{
    out += fmt::format("{:<12}{}\n", name, what);
}

std::string time_left(const Json &work)
{
    auto const found = work.find("seconds_left");
    return found != work.end() && found->is_number() ? ", " + duration_text(found->get<double>()) + " to go" : "";
}

void show_long_work(std::string &out, const Json &status)
{
    if (auto const found = status.find("catching_up"); found != status.end()) {
        auto const line = grouped(number(*found, "rows_left")) + " rows left, " +
                          grouped(number(*found, "rows_per_second")) + " a second";
        add_line(out, "catches up", line + time_left(*found));
    }
    if (auto const found = status.find("sweeping"); found != status.end()) {
        auto line = grouped(number(*found, "keys_seen")) + " keys seen, " + grouped(number(*found, "keys_removed")) +
                    " removed, " + grouped(number(*found, "keys_per_second")) + " a second";
        auto const all = number(*found, "keys_expected");
        if (all > 0)
            line = bar(number(*found, "keys_seen") / all) + " " + line;
        add_line(out, "sweeps", line + time_left(*found));
    }
}

// A line for each of several Redis.
void show_targets(std::string &out, const Json &status)
{
    auto const targets = status.find("targets");
    if (targets == status.end() || !targets->is_array())
        return;
    auto const text = [](const Json &target, const char *key) {
        return target.contains(key) && target[key].is_string() ? printable(target[key].get<std::string>())
                                                               : std::string();
    };
    for (auto const &target : *targets)
        if (target.is_object())
            add_line(out, "target",
                     text(target, "name") + ": " + text(target, "state") +
                         (text(target, "detail").empty() ? "" : ": " + text(target, "detail")));
}

void show_audit(std::string &out, const Json &status)
{
    auto const audit = status.find("audit");
    if (audit == status.end() || number(*audit, "checked") == 0)
        return;
    auto const fresh = audit->find("fresh_at_least");
    auto line = grouped(number(*audit, "stale")) + " of " + grouped(number(*audit, "checked")) + " stale";
    if (fresh != audit->end() && fresh->is_string())
        line += ": " + printable(fresh->get<std::string>()) + " with 95 % confidence";
    add_line(out, "audit", line);
}

}  // namespace

std::string duration_text(double seconds)
{
    auto const whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60)
        return fmt::format("{} s", whole);
    if (whole < 3600)
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string StatusView::show(std::string_view body, Time now)
{
    auto const status = Json::parse(body, nullptr, false);
    if (!status.is_object() || !status.contains("state") || !status["state"].is_string())
        throw std::invalid_argument("the answer is not that of a worker");
    auto const text = [&](const char *key) {
        return status.contains(key) && status[key].is_string() ? printable(status[key].get<std::string>())
                                                               : std::string();
    };
    auto const flag = [&](const char *key) {
        return status.contains(key) && status[key].is_boolean() && status[key].get<bool>();
    };
    std::string out;
    add_line(out, "state", text("state") + (text("detail").empty() ? "" : ": " + text("detail")));
    add_line(out, "worker", "wc-worker " + text("version") + ", " + text("role"));
    add_line(out, "postgres", flag("postgres") ? "connected" : "not connected");
    add_line(out, "redis",
             std::string(flag("redis") ? "connected" : "not connected") +
                 (flag("epoch_open") ? ", stores values" : ", this worker does not let it store values"));
    show_targets(out, status);
    auto const rows = number(status, "queue_rows");
    add_line(out, "queue",
             rows == 0 ? "empty"
                       : grouped(rows) + " rows, the oldest " +
                             duration_text(number(status, "oldest_queue_row_seconds")) + " old");
    if (auto const students = number(status, "set_aside_students"); students > 0)
        add_line(out, "set aside", grouped(students) + " students");
    show_long_work(out, status);
    Json const none = Json::object();
    auto const &total = status.contains("since_start") ? status["since_start"] : none;
    auto const &prewarm = status.contains("prewarm") ? status["prewarm"] : none;
    Mark const mark{now, number(total, "rebuilt"), number(total, "rows")};
    double rebuilt = 0, drained = 0;
    if (last_ && now > last_->at) {
        auto const time = std::chrono::duration<double>(now - last_->at).count();
        rebuilt = std::max(0.0, (mark.rebuilt - last_->rebuilt) / time);
        drained = std::max(0.0, (mark.rows - last_->rows) / time);
    }
    auto const waiting = number(prewarm, "backlog");
    auto line = grouped(waiting) + " students wait, " + grouped(number(prewarm, "hot_students")) + " hot";
    if (rebuilt > 0)
        line += ", " + grouped(rebuilt) + " a second";
    if (rebuilt > 0 && waiting > 0)
        line += ", " + duration_text(waiting / rebuilt) + " to go";
    add_line(out, "prewarm", line);
    show_audit(out, status);
    line = grouped(mark.rows) + " rows drained, " + grouped(mark.rebuilt) + " values rebuilt, " +
           grouped(number(total, "keys_swept")) + " keys swept";
    if (drained > 0)
        line += "; " + grouped(drained) + " rows a second";
    add_line(out, "since start", line);
    last_ = mark;
    return out;
}

}  // namespace wc::http
