// Connecting, leading, losing and finding again.
#include "worker_loop.hpp"

#include <gmock/gmock.h>

namespace wc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::LoopTest;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(LoopTest, ListensThenRegistersThenDrains)
{
    loop.turn();
    EXPECT_THAT(journal, ElementsAre("listen", "redis connects", "try_elect", "register_worker", "epoch of this start",
                                     "snapshot", "take", "renew_liveness"));
    EXPECT_TRUE(is_well());
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

TEST_F(LoopTest, AnEpochOfFewerKeysKeepsWhatIsCached)
{
    redis.epoch = app::Epoch::MoreKeys;
    loop.turn();
    EXPECT_EQ(count("distrust"), 0);
    EXPECT_EQ(count("opens an epoch"), 1);
}

TEST_F(LoopTest, NothingIsDoneForADatabaseThatMakesOtherKeys)
{
    redis.key_fingerprints = database.key_fingerprints = "one";
    loop.turn();
    EXPECT_EQ(count("renew_liveness"), 1);
    database.key_fingerprints = "other";
    clock.pass(std::chrono::seconds(2));
    auto const takes = count("take");
    turns(3);
    EXPECT_EQ(count("take"), takes);
    EXPECT_EQ(count("renew_liveness"), 1);
    EXPECT_EQ(count("release"), 1) << "another worker may know the keys";
    EXPECT_EQ(database.reports.back().standing.state, State::OtherKeys);
    EXPECT_FALSE(is_well());
    redis.key_fingerprints = "other";
    clock.pass(std::chrono::seconds(60));
    turns(2);
    EXPECT_GT(count("take"), takes);
    EXPECT_TRUE(is_well());
}

TEST_F(LoopTest, AWorkerWithOtherKeysIsNotElected)
{
    database.key_fingerprints = "other";
    turns(2);
    EXPECT_EQ(count("try_elect"), 0);
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
    EXPECT_EQ(database.reports.back().standing.state, State::Evicting);
    turns(3);
    EXPECT_EQ(count("distrust"), 1);
    EXPECT_EQ(count("opens an epoch"), 0);
    redis.epoch = app::Epoch::Missing;
    turns(2);
    EXPECT_EQ(count("opens an epoch"), 1);
    EXPECT_EQ(redis.epoch, app::Epoch::Open);
    EXPECT_NE(database.reports.back().standing.state, State::Evicting);
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

TEST_F(LoopTest, RestsLongerAfterADrainOfSeveralRowsThatTookLong)
{
    struct Case {
        std::size_t rows;
        int took_ms, rest_ms;
    };
    for (auto const &[rows, took_ms, rest_ms] :
         {Case{2, 3, 0}, Case{10, 0, 1}, Case{10, 3, 12}, Case{10, 9, 16}, Case{1, 9, 0}}) {
        SCOPED_TRACE(testing::Message() << rows << " rows in " << took_ms << " ms");
        redis.takes = {};
        redis.invalidated_at.clear();
        bool is_told = false;
        turns(2);
        redis.takes = milliseconds(took_ms);
        database.batches = {test::batch(std::vector(rows, test::change("a"))), test::batch({test::change("b")})};
        // Somebody writes at once after the first of them.
        waiter.is_readable = [&] {
            bool const is_new = redis.invalidated_at.size() == 1 && !std::exchange(is_told, true);
            database.woken = database.woken || is_new;
            return is_new;
        };
        turns(4);
        database.woken = false;
        waiter.is_readable = [] { return false; };
        ASSERT_EQ(redis.invalidated_at.size(), std::size_t{2});
        auto const between = redis.invalidated_at[1] - redis.invalidated_at[0] - milliseconds(took_ms);
        EXPECT_EQ(std::chrono::duration_cast<milliseconds>(between), milliseconds(rest_ms));
    }
}

TEST_F(LoopTest, AWorkerWhoseRegistrationIsGoneRegistersAnew)
{
    loop.turn();
    auto lapsed = test::batch({});
    lapsed.lapsed = true;
    database.batches = {lapsed};
    turns(2);
    EXPECT_EQ(count("register_worker"), 2);
    EXPECT_EQ(count("try_elect"), 1) << "it is still elected";
    EXPECT_EQ(journal.back(), "renew_liveness");
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
    database.register_answers = {std::nullopt, std::nullopt, true};
    turns(3);
    EXPECT_EQ(count("try_elect"), 1) << "it has the lock";
    EXPECT_EQ(count("register_worker"), 3);
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
    EXPECT_FALSE(is_well());
    EXPECT_EQ(count("release"), 1) << "another worker may reach Redis";
    EXPECT_EQ(health.queue_rows, 1);
    EXPECT_EQ(pace, app::Pace::Paused);
    redis.is_down = false;
    turns(20);
    EXPECT_TRUE(database.batches.empty());
    EXPECT_TRUE(is_well());
    EXPECT_GE(refills, 2) << "Redis may have come back empty";
}

TEST_F(LoopTest, IsAtWorkUnlessItWaits)
{
    bool asked = false;
    waiter.is_readable = [&] {
        asked = true;
        EXPECT_EQ(health.busy_since.load(), Time{});
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
    EXPECT_EQ(count("register_worker"), 2);
}

TEST_F(LoopTest, BacksOffFromALostServerWithoutSpinning)
{
    postgres_is_down = true;
    auto const begin = clock.time;
    turns(200);
    EXPECT_GT(clock.time - begin, std::chrono::seconds(30)) << "200 turns are not 200 quick tries";
    postgres_is_down = false;
    turns(5);
    EXPECT_TRUE(is_well());
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

TEST_F(LoopTest, RebuildsWhatIsHotAfterTheSweepOfAFirstRegistrationAndNotBefore)
{
    database.register_answers = {true};
    redis.sweep_steps = {{"x"}, {}};
    loop.turn();
    EXPECT_EQ(refills, 0) << "the sweep would remove what is rebuilt";
    database.batches = {{{}, {{9, 0}}, 0, true}};
    turns(3);
    EXPECT_EQ(refills, 1);
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

TEST_F(LoopTest, SaysEveryTenSecondsHowFarItIs)
{
    redis.takes = seconds(2);
    for (int i = 0; i < 30; ++i)
        database.batches.push_back(test::batch(std::vector(50, test::change("a")), false));
    testing::internal::CaptureStdout();
    turns(26);
    auto const log = testing::internal::GetCapturedStdout();
    EXPECT_EQ(health.standing(clock.now()).state, State::CatchingUp);
    EXPECT_DOUBLE_EQ(health.rows_per_second, 25);
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_catch_up_rows_per_second 25"));
    std::size_t said = 0;
    for (auto at = log.find("catches up: 25 rows a second"); at != std::string::npos;
         at = log.find("catches up:", at + 1))
        ++said;
    EXPECT_GE(said, 4U) << log;
    EXPECT_LE(said, 6U) << log;
    database.batches = {test::batch({test::change("a")})};
    turns(2);
    EXPECT_TRUE(is_well());
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_catch_up_rows_per_second 0"));
}

TEST_F(LoopTest, RowsThatStayWhereAnotherDrainsAreAnAlarm)
{
    database.lock_is_free = false;
    database.first = "7:0";
    database.holders = "process 7 of role x";
    auto const began = clock.now();
    while (is_well() || health.standing(clock.now()).state == State::Starting) {
        loop.turn();
        ASSERT_LT(clock.now() - began, seconds(60));
    }
    EXPECT_EQ(health.standing(clock.now()).state, State::Blocked);
    EXPECT_THAT(health.standing(clock.now()).detail, HasSubstr("process 7 of role x"));
    EXPECT_GE(clock.now() - began, seconds(20)) << "a worker that hangs is replaced sooner";
    database.first = "8:0";
    turns(20);
    EXPECT_EQ(health.standing(clock.now()).state, State::Standby) << "somebody drains";
}

TEST_F(LoopTest, AnotherRedisUnderTheSameNameEndsAWorkerThatStarts)
{
    database.lock_is_free = false;
    database.other = app::OtherRedis{"other", "elsewhere"};
    turns(60);
    EXPECT_EQ(health.standing(clock.now()).state, State::OtherRedis);
    database.other->worker = "";
    EXPECT_THROW(turns(60), std::runtime_error);
}

TEST_F(LoopTest, AReportThatIsRefusedStopsNoDrain)
{
    database.refuses_reports = Failure(Part::Postgres, "no room", Cause::FullDisk);
    turns(3);
    EXPECT_EQ(count("take"), 3);
    EXPECT_EQ(health.standing(clock.now()).state, State::FullDisk);
    database.refuses_reports.reset();
    turns(15);
    EXPECT_TRUE(is_well());
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
