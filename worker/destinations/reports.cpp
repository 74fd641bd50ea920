#include "destinations/reports.hpp"

#include <unistd.h>

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/header_list.hpp"
#include "config/setting.hpp"
#include "config/webhook_key.hpp"
#include "destinations/dogstatsd.hpp"
#include "destinations/otlp.hpp"
#include "destinations/random_id.hpp"
#include "destinations/sentry.hpp"
#include "destinations/webhook.hpp"
#include "http/performance.hpp"
#include "process/log.hpp"

namespace wc::destinations {
namespace {

using metrics::Destination;
using std::chrono::milliseconds;

constexpr milliseconds kLookInterval{500};
constexpr std::chrono::seconds kLastWords{2};

std::int64_t unix_ns()
{
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// A worker that finds work and one that finds none are equally well.
State told_as(State state) { return state == State::Idle ? State::Healthy : state; }

SenderLimits limits_of(const config::Destinations &config)
{
    return {static_cast<std::size_t>(config.queue_limit), milliseconds(config.first_pause_ms),
            milliseconds(config.longest_pause_ms)};
}

HttpPost::Options http_of(const config::Destinations &config)
{
    return {milliseconds(config.timeout_ms), config.tls_ca_file};
}

OtlpOptions otlp_of(const config::Otlp &config, std::string_view path, const char *rejected)
{
    auto base = config.endpoint;
    while (base.ends_with('/'))
        base.pop_back();
    return {base + std::string(path), config::header_lines(config.headers).value_or(std::vector<std::string>()),
            config.compression == "gzip", rejected};
}

}  // namespace

Reports::Reports(const config::Config &config, const app::Health &health, const app::Board &board,
                 metrics::Metrics &metrics)
    : config_(config),
      health_(health),
      board_(board),
      metrics_(metrics),
      resource_{config.otlp.service_name, config.worker.name + "-" + random_id(4)},
      agent_lines_(config.dogstatsd.tags)
{
    auto const sender = [&](Destination to, std::unique_ptr<Receiver> receiver) {
        return std::make_unique<Sender>(to, std::move(receiver), limits_of(config.destinations), metrics);
    };
    auto const http = http_of(config.destinations);
    std::unique_ptr<Receiver> webhook, traces, figures;
    if (!config.webhook.url.empty())
        webhook = std::make_unique<Webhook>(config.webhook.url,
                                            config::webhook_key(config.webhook.secret).value_or(std::string()), http);
    auto const &otlp = config.otlp;
    if (!otlp.endpoint.empty() && otlp.traces)
        traces = std::make_unique<Otlp>(otlp_of(otlp, "/v1/traces", kRejectedSpans), http);
    if (!otlp.endpoint.empty() && otlp.metrics) {
        figures = std::make_unique<Otlp>(otlp_of(otlp, "/v1/metrics", kRejectedDataPoints), http);
        otlp_metrics_ = std::make_unique<OtlpMetrics>(resource_, otlp.temporality == "delta", unix_ns());
    }
    if (auto const agent = config::parse_datagram_address(config.dogstatsd.address)) {
        log::info("dogstatsd: sends to {}", config.dogstatsd.address);
        agent_ = sender(Destination::Dogstatsd, std::make_unique<DogStatsd>(*agent));
    }
    if (auto const dsn = config::parse_sentry_dsn(config.sentry.dsn)) {
        log::info("sentry: sends to {}", config::origin_of(config.sentry.dsn));
        sentry_ = sender(Destination::Sentry, std::make_unique<Sentry>(*dsn, http));
    }
    if (webhook) {
        log::info("webhook: sends to {}", config::origin_of(config.webhook.url));
        webhook_ = sender(Destination::Webhook, std::move(webhook));
    }
    if (traces || figures)
        log::info("otlp: sends to {}", config::origin_of(otlp.endpoint));
    if (traces)
        traces_ = sender(Destination::OtlpTraces, std::move(traces));
    if (figures)
        figures_ = sender(Destination::OtlpMetrics, std::move(figures));
}

void Reports::start()
{
    if (!webhook_ && !figures_ && !agent_ && !sentry_)
        return;
    thread_ = std::thread([this] {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            lock.unlock();
            try_to_look();
            lock.lock();
            stop_.wait_for(lock, kLookInterval, [this] { return stopping_; });
        }
    });
}

Reports::~Reports()
{
    if (thread_.joinable()) {
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
        }
        stop_.notify_all();
        thread_.join();
        // The last figures are those of now.
        window_due_ = figures_due_ = {};
        try_to_look();
    }
    auto const until = std::chrono::steady_clock::now() + kLastWords;
    for (auto const *sender : {&webhook_, &traces_, &figures_, &agent_, &sentry_})
        if (*sender)
            (*sender)->finish(until);
}

void Reports::send_spans(const std::vector<app::Span> &spans)
{
    if (traces_ && !spans.empty())
        traces_->send({{}, otlp_traces(resource_, spans)});
}

// What cannot be reported must not end the worker.
void Reports::try_to_look()
{
    try {
        look();
    } catch (const std::exception &error) {
        log::error("a report to the destinations could not be made: {}", error.what());
    }
}

void Reports::look()
{
    auto const now = std::chrono::steady_clock::now();
    auto const seen = board_.get();
    auto const next = now + std::chrono::seconds(config_.destinations.interval_s);
    // What is the database's comes from the worker that drains: otherwise it would come once from each.
    bool const is_drainer = health_.role == app::Role::Draining;
    report_state(now);
    if (webhook_)
        report_slow_calls(*seen, now, is_drainer);
    if (webhook_ && is_drainer && now >= window_due_) {
        window_due_ = next;
        auto body = http::performance_json(*seen, now);
        body.pop_back();
        webhook_->send(webhook_message("performance.window", body));
    }
    if (now >= figures_due_) {
        figures_due_ = next;
        if (figures_)
            figures_->send({{}, otlp_metrics_->request(metrics_.families(), unix_ns())});
        if (sentry_)
            report_failed_calls(*seen, now, is_drainer);
        if (agent_)
            agent_->send({{}, agent_lines_.of(metrics_.families())});
    }
}

void Reports::report_state(Time now)
{
    auto const standing = health_.standing(now);
    auto const state = told_as(standing.state);
    if (state == state_)
        return;
    auto const before = std::exchange(state_, state);
    if (sentry_ && !is_well(state)) {
        auto const text = "the worker is in the state " + std::string(name(state)) +
                          (standing.detail.empty() ? "" : ": " + standing.detail);
        report_error({text, {"worker.state", std::string(name(state))}, {{"state", std::string(name(state))}}});
    }
    if (!webhook_)
        return;
    nlohmann::ordered_json const data{{"worker", config_.worker.name},
                                      {"state", name(state)},
                                      {"before", name(before)},
                                      {"healthy", is_well(state)},
                                      {"detail", standing.detail}};
    webhook_->send(
        webhook_message("worker.state", data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
}

void Reports::report_error(const SentryEvent &event)
{
    sentry_->send(sentry_message(event, config_.sentry.environment, config_.worker.name));
}

void Reports::report_failed_calls(const app::Seen &seen, Time now, bool is_drainer)
{
    if (!app::Board::is_fresh(seen.database_at, now))
        return;
    for (auto const &failed : failed_calls_.add(seen.database.functions))
        if (is_drainer)
            report_error({"calls of " + failed.function + " fail with SQLSTATE class " + failed.error_class + ": " +
                              std::to_string(failed.count) + " since the last look",
                          {failed.function, failed.error_class},
                          {{"function", failed.function}, {"sqlstate_class", failed.error_class}}});
}

void Reports::report_slow_calls(const app::Seen &seen, Time now, bool is_drainer)
{
    if (!app::Board::is_fresh(seen.database_at, now))
        return;
    for (auto const &call : slow_calls_.add(seen.database.slow_calls))
        if (is_drainer)
            webhook_->send(webhook_message("slow.call", call));
}

}  // namespace wc::destinations
