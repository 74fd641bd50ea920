#include "app/service.hpp"

#include <algorithm>

namespace wc::app {
namespace {

constexpr std::chrono::seconds kStatusInterval{1};
// More than the questions of one step, even if each tries all hosts of a URL.
constexpr int kQuestions = 8;

}  // namespace

Time::duration patience_with(const config::Config &config)
{
    auto const &postgres = config.postgres;
    auto of_redis = config.redis.timeout_ms;
    for (auto const &target : config.targets)
        of_redis = std::max(of_redis, target.redis.timeout_ms);
    return kQuestions *
           std::chrono::milliseconds(postgres.connection_timeout_ms + postgres.statement_timeout_ms + of_redis);
}

void Service::started() { notify_.ready(); }

void Service::stopping()
{
    if (!is_stopping_)
        notify_.stopping();
    is_stopping_ = true;
}

Time Service::tick(Time now)
{
    if (!notify_.is_on())
        return Time::max();
    if (now >= next_status_) {
        next_status_ = now + kStatusInterval;
        auto const standing = health_.standing(now);
        auto text = (is_stopping_ ? "stopping; " : "") + std::string(wc::name(standing.state));
        if (!standing.detail.empty())
            text += ": " + standing.detail;
        if (text != told_)
            notify_.status(text);
        told_ = std::move(text);
    }
    auto const interval = notify_.watchdog_interval();
    if (!interval)
        return next_status_;
    // If the loop stands still, send nothing: systemd then restarts the worker.
    if (now >= next_watchdog_) {
        next_watchdog_ = now + *interval;
        if (health_.is_live(now, patience_))
            notify_.watchdog();
    }
    return std::min(next_status_, next_watchdog_);
}

}  // namespace wc::app
