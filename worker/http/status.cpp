#include "http/status.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "app/stale_share.hpp"
#include "process/printable.hpp"

namespace wc::http {
namespace {

double seconds_between(Time from, Time to)
{
    return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count()) / 1000;
}

nlohmann::ordered_json health_of(const app::Health &health, Time now);

// Of several Redis: connected to all, what waits for the one that is farthest behind, and each by itself.
void sum_up(nlohmann::ordered_json &body, const app::Health &whole, Time now)
{
    auto const all = [&](auto holds) {
        return std::all_of(whole.parts.begin(), whole.parts.end(), [&](auto &part) { return holds(*part.health); });
    };
    body["postgres"] = all([](auto &one) { return one.postgres.load(); });
    body["redis"] = all([](auto &one) { return one.redis.load(); });
    body["role"] = app::name(all([](auto &one) { return one.role != app::Role::Draining; }) ? app::Role::Standby
                                                                                            : app::Role::Draining);
    std::int64_t rows = 0, oldest_us = 0, set_aside = 0;
    auto &targets = body["targets"] = nlohmann::ordered_json::array();
    for (auto const &[target, health] : whole.parts) {
        rows = std::max(rows, health->queue_rows.load());
        oldest_us = std::max(oldest_us, health->oldest_us.load());
        set_aside += health->set_aside;
        auto one = nlohmann::ordered_json{{"name", target}};
        one.update(health_of(*health, now));
        one["vouched"] = now < health->answers_until.load();
        targets.push_back(std::move(one));
    }
    body["queue_rows"] = rows;
    body["oldest_queue_row_seconds"] = static_cast<double>(oldest_us) / 1e6;
    body["set_aside_students"] = set_aside;
}

nlohmann::ordered_json health_of(const app::Health &health, Time now)
{
    nlohmann::ordered_json body;
    auto const standing = health.standing(now);
    body["healthy"] = is_well(standing.state);
    body["state"] = name(standing.state);
    if (!standing.detail.empty())
        body["detail"] = standing.detail;
    body["stuck"] = health.is_stuck(now);
    body["postgres"] = health.postgres.load();
    body["redis"] = health.redis.load();
    body["role"] = app::name(health.role);
    body["queue_rows"] = health.queue_rows.load();
    body["oldest_queue_row_seconds"] = static_cast<double>(health.oldest_us) / 1e6;
    body["set_aside_students"] = health.set_aside.load();
    if (!health.parts.empty())
        sum_up(body, health, now);
    else if (standing.state == State::CatchingUp) {
        auto const left = health.seconds_left.load();
        auto &progress = body["catching_up"];
        progress["rows_per_second"] = health.rows_per_second.load();
        progress["rows_left"] = health.queue_rows.load();
        progress["seconds_left"] = left < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(left);
    }
    return body;
}

// Not every text of a server is UTF-8.
std::string dump(const nlohmann::ordered_json &body)
{
    return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string health_json(const app::Health &health) { return dump(health_of(health, std::chrono::steady_clock::now())); }

std::string ready_text(const app::Health &health, Time now, bool verbose)
{
    auto const standing = health.standing(now);
    bool const is_ready = is_well(standing.state);
    std::string text;
    auto const line = [&](bool good, const std::string &what) { text += (good ? "[+] " : "[-] ") + what + "\n"; };
    if (verbose && !health.parts.empty()) {
        for (auto const &[target, one] : health.parts) {
            auto const own = one->standing(now);
            line(is_well(own.state), "target " + target + ": " + std::string(name(own.state)) +
                                         (own.detail.empty() ? "" : ": " + printable(own.detail)));
        }
    } else if (verbose) {
        line(health.postgres, health.postgres ? "postgres: connected" : "postgres: not connected");
        line(health.redis, health.redis ? "redis: connected" : "redis: not connected");
        line(!health.is_stuck(now), health.is_stuck(now) ? "loop: held up by a server" : "loop: moves");
        auto state = "state: " + std::string(name(standing.state));
        if (!standing.detail.empty())
            state += ": " + printable(standing.detail);
        line(is_ready, state);
    }
    return text + (is_ready ? "ready\n" : "not ready\n");
}

std::string status_json(const app::Health &health, const metrics::Totals &totals, const app::Seen &seen)
{
    auto const now = std::chrono::steady_clock::now();
    auto body = health_of(health, now);
    body["version"] = WC_VERSION;
    auto const began = health.sweep_began.load();
    if (began != Time{}) {
        auto &sweep = body["sweeping"];
        auto const took = seconds_between(began, now);
        auto const looked_at = health.swept_seen.load();
        auto const removed = health.swept_removed.load();
        sweep["keys_seen"] = looked_at;
        sweep["keys_removed"] = removed;
        auto const pace = took > 0 ? static_cast<double>(looked_at) / took : 0;
        sweep["keys_per_second"] = pace;
        // The keys that are there now, and those that are gone already.
        bool const is_known = seen.cache.keys && app::Board::is_fresh(seen.cache_at, now);
        auto const expected = is_known ? std::max(looked_at, *seen.cache.keys + removed) : 0;
        sweep["keys_expected"] = is_known ? nlohmann::ordered_json(expected) : nlohmann::ordered_json();
        sweep["seconds_left"] = is_known && pace > 0
                                    ? nlohmann::ordered_json(static_cast<double>(expected - looked_at) / pace)
                                    : nlohmann::ordered_json();
    }
    body["epoch_open"] = totals.epoch_open;
    auto &prewarm = body["prewarm"];
    prewarm["backlog"] = totals.prewarm_backlog;
    prewarm["hot_students"] = totals.hot_students;
    auto &audit = body["audit"];
    audit["checked"] = totals.audited;
    audit["stale"] = totals.audited_stale;
    audit["undecided"] = totals.audit_undecided;
    audit["stale_share_at_most"] = totals.stale_share_at_most;
    audit["fresh_at_least"] = app::nines(totals.stale_share_at_most);
    auto &since_start = body["since_start"];
    since_start["rows"] = totals.rows;
    since_start["students"] = totals.students;
    since_start["rebuilt"] = totals.prewarmed;
    since_start["refused_by_fences"] = totals.refused;
    since_start["not_rebuilt"] = totals.dropped;
    since_start["keys_swept"] = totals.swept;
    bool const is_fresh = app::Board::is_fresh(seen.database_at, now);
    auto const told = [&](const std::string &text) {
        auto json = is_fresh ? nlohmann::ordered_json::parse(text, nullptr, false) : nlohmann::ordered_json();
        return json.is_discarded() ? nlohmann::ordered_json() : json;
    };
    body["functions"] = told(seen.database.functions);
    body["findings"] = told(seen.database.findings);
    return dump(body);
}

}  // namespace wc::http
