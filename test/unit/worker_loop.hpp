// A loop among fakes, which a test turns by hand.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "app/loop.hpp"
#include "worker_fakes.hpp"

namespace wc::test {

struct LoopTest : testing::Test {
    Journal journal;
    FakeClock clock;
    FakeWaiter waiter{clock};
    config::Live live{config::Config{}};
    app::HotList hot;
    metrics::Metrics metrics;
    app::Health health;
    app::SpanBox spans;
    FakeDatabase database{journal};
    FakeRedis redis{journal, &clock};
    bool postgres_is_down = false;
    int refills = 0, saves = 0;
    app::Pace pace = app::Pace::Paused;
    app::EventStream events{true, metrics};
    app::Drain drain{live, clock, hot, metrics, spans, events, [](auto) {}};
    app::Sweep sweep{clock, hot, metrics, events};
    app::Loop loop{ports()};

    app::LoopPorts ports()
    {
        return {live,
                clock,
                waiter,
                drain,
                sweep,
                events,
                hot,
                metrics,
                health,
                [this]() -> std::unique_ptr<app::Queue> {
                    if (postgres_is_down)
                        throw Failure(Part::Postgres, "refused");
                    journal.push_back("listen");
                    return std::make_unique<FakeQueue>(database);
                },
                [this] { return std::make_unique<FakeCache>(redis); },
                [this] { ++refills; },
                [this] { ++saves; },
                [this](app::Pace next) { pace = next; }};
    }
    void turns(int count)
    {
        while (count-- > 0)
            loop.turn();
    }
    bool is_well() const { return wc::is_well(health.standing(clock.now()).state); }
    long count(const std::string &entry) { return std::count(journal.begin(), journal.end(), entry); }
};

}  // namespace wc::test
