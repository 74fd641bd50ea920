// Connecting, leading, losing and finding again.
#include "app/loop.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker_fakes.hpp"

namespace wc {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct LoopTest : testing::Test {
    test::Journal journal;
    test::FakeClock clock;
    test::FakeWaiter waiter{clock};
    config::Live live{config::Config{}};
    app::HotList hot;
    metrics::Metrics metrics;
    app::Health health;
    test::FakeDatabase database{journal};
    test::FakeRedis redis{journal, &clock};
    bool postgres_is_down = false;
    int refills = 0, saves = 0;
    app::Pace pace = app::Pace::Paused;
    app::Drain drain{live, clock, hot, metrics, [](auto) {}};
    app::Sweep sweep{clock, hot, metrics};
    app::Loop loop{live, clock, waiter, ports(), drain, sweep, hot, metrics, health};

    app::LoopPorts ports()
    {
        return {[this]() -> std::unique_ptr<app::Queue> {
                    if (postgres_is_down)
                        throw app::Failure(app::Part::Postgres, "refused");
                    journal.push_back("listen");
                    return std::make_unique<test::FakeQueue>(database);
                },
                [this] { return std::make_unique<test::FakeCache>(redis); }, [this] { ++refills; }, [this] { ++saves; },
                [this](app::Pace next) { pace = next; }};
    }
    void turns(int count)
    {
        while (count-- > 0)
            loop.turn();
    }
    long count(const std::string &entry) { return std::count(journal.begin(), journal.end(), entry); }
};

TEST_F(LoopTest, ListensThenRegistersThenDrains)
{
    loop.turn();
    EXPECT_THAT(journal, ElementsAre("listen", "redis connects", "try_lead", "enroll", "epoch of this start",
                                     "snapshot", "take", "vouch"));
    EXPECT_TRUE(health.is_well(clock.now()));
    EXPECT_EQ(refills, 1);
    loop.turn();
    EXPECT_EQ(health.role, app::Role::Draining);
}

TEST_F(LoopTest, SleepsUntilThePollWhenNothingHappens)
{
    turns(3);
    EXPECT_EQ(waiter.waited.back(), milliseconds(1000));
    EXPECT_EQ(count("take"), 3);
}

TEST_F(LoopTest, DrainsAtOnceWhenWoken)
{
    waiter.is_readable = [this] { return database.woken; };
    loop.turn();
    auto const before = clock.time;
    EXPECT_EQ(count("take"), 1);
    database.woken = true;
    loop.turn();  // the poll is due; then the wait ends at once
    loop.turn();
    EXPECT_EQ(count("take"), 3);
    EXPECT_EQ(clock.time - before, milliseconds(1000)) << "only the last wait was for the next poll";
}

TEST_F(LoopTest, AnEmptiedRedisGetsAnEpochFromASnapshotTakenAfterwards)
{
    redis.epoch = app::Epoch::Missing;
    loop.turn();
    auto const at = [&](const char *what) { return std::find(journal.begin(), journal.end(), what) - journal.begin(); };
    EXPECT_LT(at("opens an epoch"), at("snapshot"));
    EXPECT_LT(at("snapshot"), at("take"));
    EXPECT_EQ(redis.epoch, app::Epoch::Open);
    EXPECT_LT(at("distrust"), at("opens an epoch")) << "it may have lost the epoch and fences, and kept values";
}

TEST_F(LoopTest, WhatIsOfAnotherStartIsNotTrusted)
{
    redis.epoch = app::Epoch::Foreign;
    loop.turn();
    EXPECT_THAT(journal, Contains("distrust"));
    EXPECT_EQ(count("opens an epoch"), 1);
    turns(2);
    EXPECT_EQ(count("opens an epoch"), 1);
}

TEST_F(LoopTest, ARestartIsNotForgottenWhenItsMomentIsLost)
{
    redis.epoch = app::Epoch::Foreign;
    database.fail_at = "distrust";
    turns(3);
    EXPECT_EQ(count("distrust"), 2) << "an open epoch would have said that there is nothing to distrust";
    EXPECT_EQ(count("opens an epoch"), 1);
    EXPECT_EQ(redis.epoch, app::Epoch::Open);
}

TEST_F(LoopTest, ARedisThatMayEvictFencesHasNoEpoch)
{
    redis.epoch = app::Epoch::Evicting;
    loop.turn();
    auto const at = [&](const char *what) { return std::find(journal.begin(), journal.end(), what) - journal.begin(); };
    EXPECT_LT(at("distrust"), at("closes the epoch"));
    EXPECT_LT(at("closes the epoch"), at("take"));
    EXPECT_TRUE(database.reports.back().evicts);
    turns(3);
    EXPECT_EQ(count("distrust"), 1);
    EXPECT_EQ(count("opens an epoch"), 0);
    redis.epoch = app::Epoch::Missing;
    turns(2);
    EXPECT_EQ(count("opens an epoch"), 1);
    EXPECT_EQ(redis.epoch, app::Epoch::Open);
    EXPECT_FALSE(database.reports.back().evicts);
}

TEST_F(LoopTest, AnEpochThatCouldNotBeOpenedIsTriedAgain)
{
    redis.epoch = app::Epoch::Missing;
    redis.loses_opening = true;
    loop.turn();
    EXPECT_EQ(redis.epoch, app::Epoch::Missing);
    EXPECT_THAT(metrics.text(), HasSubstr("\nwc_worker_epoch_open 0\n"));
    loop.turn();
    EXPECT_EQ(redis.epoch, app::Epoch::Open);
    EXPECT_THAT(metrics.text(), HasSubstr("\nwc_worker_epoch_open 1\n"));
}

TEST_F(LoopTest, RestsAfterADrainOfManyRowsAndNotAfterOneOfOne)
{
    loop.turn();
    database.batches = {test::batch({test::change("a")}), test::batch(std::vector(20, test::change("b"))),
                        test::batch({test::change("c")})};
    waiter.is_readable = [this] { return database.woken; };
    for (int i = 0; i < 6; ++i) {
        database.woken = redis.invalidated_at.size() < 2;
        loop.turn();
    }
    ASSERT_EQ(redis.invalidated_at.size(), std::size_t{3});
    EXPECT_EQ(redis.invalidated_at[1] - redis.invalidated_at[0], milliseconds(0));
    EXPECT_EQ(redis.invalidated_at[2] - redis.invalidated_at[1], milliseconds(2));
}

TEST_F(LoopTest, AWorkerWhoseRegistrationIsGoneRegistersAnew)
{
    loop.turn();
    auto lapsed = test::batch({});
    lapsed.lapsed = true;
    database.batches = {lapsed};
    turns(2);
    EXPECT_EQ(count("enroll"), 2);
    EXPECT_EQ(count("try_lead"), 1) << "it still leads";
    EXPECT_EQ(journal.back(), "vouch");
}

TEST_F(LoopTest, VouchesOnlyWithAFinishedDrainBehindIt)
{
    database.batches = {test::batch({test::change("a")}, false), test::batch({test::change("b")})};
    loop.turn();
    EXPECT_THAT(journal, Not(Contains("vouch")));
    auto const began = clock.now();
    loop.turn();
    EXPECT_EQ(journal.back(), "vouch");
    EXPECT_EQ(redis.vouched.back(), began + milliseconds(5000));
}

TEST_F(LoopTest, VouchesAgainAndAgainHoweverRarelyItPolls)
{
    auto config = *live.get();
    config.queue.poll_interval_ms = 3'600'000;
    live.set(config);
    auto const before = clock.time;
    turns(10);
    EXPECT_GE(redis.vouched.size(), std::size_t{9});
    EXPECT_LE(clock.time - before, milliseconds(10 * 5000 / 3));
}

TEST_F(LoopTest, VouchesForNothingUntilEveryStudentIsSwept)
{
    redis.sweep_steps = {{}, {}, {}};
    redis.sweep_takes = milliseconds(10);
    auto found = test::batch({});
    found.everything = {{7, 0}};
    database.batches = {found};
    turns(2);
    EXPECT_THAT(journal, Contains("sweep 1"));
    EXPECT_THAT(journal, Not(Contains("vouch")));
    turns(2);
    EXPECT_THAT(journal, Contains("forget 1"));
    EXPECT_EQ(journal.back(), "vouch");
}

TEST_F(LoopTest, SaysAtOnceAndAgainWhatAValueMustHaveSeen)
{
    auto const began = clock.now();
    loop.turn();
    ASSERT_EQ(redis.horizons.size(), std::size_t{1});
    EXPECT_EQ(redis.horizons[0].second, began + std::chrono::seconds(90)) << "three quarters of a fence's life";
    while (clock.now() < began + std::chrono::seconds(90))
        loop.turn();
    EXPECT_GE(redis.horizons.size(), std::size_t{6});
    EXPECT_GT(redis.horizons.back().second, clock.now());
}

TEST_F(LoopTest, AWorkerThatWasHeldUpVouchesForNoLonger)
{
    redis.takes = milliseconds(1500);
    database.batches = {test::batch({test::change("a")})};
    auto const began = clock.now();
    loop.turn();
    EXPECT_EQ(redis.vouched.back(), began + milliseconds(5000)) << "good from when the drain began";
    redis.takes = milliseconds(6000);
    database.batches = {test::batch({test::change("a")})};
    loop.turn();
    EXPECT_EQ(redis.vouched.size(), std::size_t{1}) << "longer than its word is good for: not at all";
}

TEST_F(LoopTest, FencesOfAnotherLifeAreAnotherEpoch)
{
    redis.epoch = app::Epoch::OtherLife;
    loop.turn();
    EXPECT_EQ(count("opens an epoch"), 1);
    EXPECT_THAT(journal, Not(Contains("distrust")));
}

TEST_F(LoopTest, KeepsTheClockAndAsksAgainWhenTheAnswerWasSlow)
{
    database.clock = std::nullopt;
    turns(2);
    EXPECT_EQ(redis.clocks, 0);
    database.clock = std::chrono::microseconds(5);
    loop.turn();
    EXPECT_EQ(redis.clocks, 1);
    loop.turn();
    EXPECT_EQ(redis.clocks, 2) << "a clock may drift, or be set";
}

TEST_F(LoopTest, DoesNotSleepWhileMoreWaits)
{
    database.batches = {test::batch({test::change("a")}, false), test::batch({test::change("b")}, false),
                        test::batch({test::change("c")})};
    turns(3);
    EXPECT_TRUE(database.batches.empty());
    EXPECT_EQ(waiter.waited[0], milliseconds(0));
    EXPECT_EQ(waiter.waited[1], milliseconds(0));
    EXPECT_EQ(waiter.waited[2], milliseconds(1000));
    EXPECT_EQ(pace, app::Pace::Full);
}

TEST_F(LoopTest, RebuildingGivesWayToADrainThatIsBehind)
{
    database.batches = {test::batch({test::change("a")}, false), test::batch({test::change("b")})};
    loop.turn();
    EXPECT_EQ(pace, app::Pace::Slow);
    loop.turn();
    EXPECT_EQ(pace, app::Pace::Full);
}

TEST_F(LoopTest, StandsByAndTakesOverWhenTheLockIsFree)
{
    database.lock_is_free = false;
    turns(5);
    EXPECT_EQ(health.role, app::Role::Standby);
    EXPECT_THAT(journal, Not(Contains("take")));
    auto const before = clock.time;
    database.lock_is_free = true;
    while (health.role != app::Role::Draining)
        loop.turn();
    EXPECT_LE(clock.time - before, std::chrono::seconds(2));
    EXPECT_THAT(journal, Contains("take"));
}

TEST_F(LoopTest, TriesAgainToRegisterWhenWritersAreInTheWay)
{
    database.enroll_answers = {std::nullopt, std::nullopt, true};
    turns(3);
    EXPECT_EQ(count("try_lead"), 1) << "it has the lock";
    EXPECT_EQ(count("enroll"), 3);
    EXPECT_EQ(count("take"), 1);
}

TEST_F(LoopTest, KeepsTheRowsWhenRedisIsLostAndDrainsThemLater)
{
    database.batches = {test::batch({test::change("a")})};
    redis.fails_next = false;
    loop.turn();
    database.batches = {test::batch({test::change("b")})};
    database.woken = true;
    redis.is_down = true;
    turns(20);
    EXPECT_EQ(database.batches.size(), 1U);
    EXPECT_FALSE(health.is_well(clock.now()));
    EXPECT_EQ(count("release"), 1) << "another worker may reach Redis";
    EXPECT_EQ(health.queue_rows, 1);
    EXPECT_EQ(pace, app::Pace::Paused);
    redis.is_down = false;
    turns(20);
    EXPECT_TRUE(database.batches.empty());
    EXPECT_TRUE(health.is_well(clock.now()));
    EXPECT_GE(refills, 2) << "Redis may have come back empty";
}

TEST_F(LoopTest, IsAtWorkUnlessItWaits)
{
    bool asked = false;
    waiter.is_readable = [&] {
        asked = true;
        EXPECT_EQ(health.busy_since.load(), app::Time{});
        return false;
    };
    turns(3);
    EXPECT_TRUE(asked);
    EXPECT_EQ(health.busy_since.load(), clock.now());
}

TEST_F(LoopTest, StartsFromScratchWhenPostgresIsLost)
{
    database.batches = {test::batch({test::change("a")})};
    database.fail_at = "commit";
    loop.turn();
    EXPECT_FALSE(health.postgres);
    EXPECT_EQ(database.batches.size(), 1U) << "it was not committed, so it is there again";
    while (!database.batches.empty())
        loop.turn();
    EXPECT_EQ(database.connections, 2);
    EXPECT_EQ(count("invalidate 1"), 2) << "twice is harmless";
    EXPECT_EQ(count("listen"), 2);
    EXPECT_EQ(count("enroll"), 2);
}

TEST_F(LoopTest, BacksOffFromALostServerWithoutSpinning)
{
    postgres_is_down = true;
    auto const begin = clock.time;
    turns(200);
    EXPECT_GT(clock.time - begin, std::chrono::seconds(30)) << "200 turns are not 200 quick tries";
    postgres_is_down = false;
    turns(5);
    EXPECT_TRUE(health.is_well(clock.now()));
}

TEST_F(LoopTest, SweepsBetweenDrains)
{
    redis.sweep_steps = {{"x"}, {}};
    database.batches = {{{}, {{9, 0}}, 0, true}};
    turns(3);
    EXPECT_THAT(journal, Contains("fence_all 1"));
    EXPECT_THAT(journal, Contains("forget 1"));
    EXPECT_EQ(refills, 2) << "at the start, and after the sweep";
}

TEST_F(LoopTest, SavesTheHotListWhenItChanged)
{
    turns(2);
    hot.touch("a", clock.now());
    turns(70);
    EXPECT_EQ(saves, 1);
}

TEST_F(LoopTest, SendsHeartbeats)
{
    turns(40);
    EXPECT_GE(count("heartbeat"), 1);
    EXPECT_EQ(count("heartbeat"), count("ping"));
    database.fail_at = "heartbeat";
    turns(40);
    EXPECT_EQ(database.connections, 2);
}

TEST_F(LoopTest, ReportsItselfRarelyAndWhenItTakesAnotherRole)
{
    database.lock_is_free = false;
    loop.turn();
    ASSERT_EQ(database.reports.size(), 1U);
    EXPECT_FALSE(database.reports.back().draining);
    database.lock_is_free = true;
    while (!count("take"))
        loop.turn();
    ASSERT_EQ(database.reports.size(), 2U) << "at once, not with the next heartbeat";
    EXPECT_TRUE(database.reports.back().draining);
    EXPECT_EQ(database.reports.back().reads->hits, 3);
    auto const before = count("heartbeat");
    turns(60);
    EXPECT_LE(database.reports.size(), 3U + static_cast<std::size_t>(count("heartbeat") - before));
    redis.is_down = true;
    auto const reported = database.reports.size();
    turns(40);
    ASSERT_GT(database.reports.size(), reported);
    EXPECT_FALSE(database.reports.back().reads.has_value());
}

TEST_F(LoopTest, StopsAndSavesTheHotList)
{
    loop.turn();
    hot.touch("a", clock.now());
    waiter.stop = true;
    loop.run();
    EXPECT_EQ(saves, 1);
}

}  // namespace
}  // namespace wc
