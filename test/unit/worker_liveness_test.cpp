// Since when the queue is known to be drained, and what the worker says of it to readers.
#include "worker_loop.hpp"

#include <gmock/gmock.h>

namespace wc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::LoopTest;
using testing::Contains;
using testing::Not;

TEST_F(LoopTest, RenewsLivenessOnlyAfterACompleteDrain)
{
    database.batches = {test::batch({test::change("a")}, false), test::batch({test::change("b")})};
    loop.turn();
    EXPECT_THAT(journal, Not(Contains("renew_liveness")));
    auto const began = clock.now();
    loop.turn();
    EXPECT_EQ(journal.back(), "renew_liveness");
    EXPECT_EQ(redis.live_until.back(), began + milliseconds(5000));
}

// A reader with the token of a write waits for the renewal.
TEST_F(LoopTest, RenewsAtOnceWhereNoInvalidationSaidWhatIsDrained)
{
    auto config = *live.get();
    config.invalidate.alive_ttl_ms = 3'600'000;  // otherwise hardly ever
    live.set(config);
    loop.turn();
    ASSERT_EQ(count("renew_liveness"), 1);
    database.batches = {test::batch({test::change("a")})};
    database.woken = true;
    turns(2);
    EXPECT_EQ(count("invalidate 1"), 1);
    EXPECT_EQ(count("renew_liveness"), 1) << "the invalidation said it";
    redis.changes_a_call = 0;
    database.batches = {test::batch({test::change("b")})};
    database.woken = true;
    turns(2);
    EXPECT_EQ(count("invalidate 1"), 2);
    EXPECT_EQ(count("renew_liveness"), 2);
    EXPECT_THAT(redis.seen, Contains(test::batch({}).seen));
}

TEST_F(LoopTest, RenewsLivenessInTimeHoweverRarelyItPolls)
{
    auto config = *live.get();
    config.queue.poll_interval_ms = 3'600'000;
    live.set(config);
    auto const before = clock.time;
    turns(10);
    EXPECT_GE(redis.live_until.size(), std::size_t{9});
    EXPECT_LE(clock.time - before, milliseconds(10 * 5000 / 3));
}

TEST_F(LoopTest, RenewsNoLivenessUntilTheSweepEnds)
{
    redis.sweep_steps = {{}, {}, {}};
    redis.sweep_takes = milliseconds(10);
    auto found = test::batch({});
    found.everything = {{7, 0}};
    database.batches = {found};
    turns(2);
    EXPECT_THAT(journal, Contains("sweep 1"));
    EXPECT_THAT(journal, Not(Contains("renew_liveness")));
    turns(2);
    EXPECT_THAT(journal, Contains("forget 1"));
    EXPECT_EQ(journal.back(), "renew_liveness");
}

TEST_F(LoopTest, PublishesTheHorizonAtOnceAndInTime)
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

TEST_F(LoopTest, LivenessCountsFromTheBeginningOfTheDrain)
{
    redis.takes = milliseconds(1500);
    database.batches = {test::batch({test::change("a")})};
    auto const began = clock.now();
    loop.turn();
    EXPECT_EQ(redis.live_until.back(), began + milliseconds(5000)) << "counted from the beginning of the drain";
    redis.takes = milliseconds(6000);
    database.batches = {test::batch({test::change("a")})};
    loop.turn();
    EXPECT_EQ(redis.live_until.size(), std::size_t{1}) << "the drain took longer than liveness lasts";
}

}  // namespace
}  // namespace wc
