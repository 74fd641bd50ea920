// What the service manager is told: that the worker runs, in which state it is, and that its loop moves.
#pragma once
#include <string>

#include "app/health.hpp"
#include "config/config.hpp"
#include "process/clock.hpp"
#include "process/notify.hpp"

namespace wc::app {

/// Returns a time that no single step of the loop exceeds: a step asks few questions, and each has a time-out.
Time::duration patience_with(const config::Config &config);

/// For the thread that takes signals.  REQUIRES: the arguments outlive this.
class Service {
public:
    Service(const Notify &notify, const Health &health, Time::duration patience)
        : notify_(notify), health_(health), patience_(patience)
    {}

    void started();
    void stopping();
    void reloading() const { notify_.reloading(); }
    void reloaded() const { notify_.ready(); }
    /// Sends what is due.  Returns when to call it again; Time::max() if no service manager listens.
    Time tick(Time now);

private:
    const Notify &notify_;
    const Health &health_;
    Time::duration patience_;
    Time next_status_{}, next_watchdog_{};
    std::string told_;
    bool is_stopping_ = false;
};

}  // namespace wc::app
