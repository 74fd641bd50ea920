// Every student changed: fence first, then all keys in steps, then the rows.
#include "app/sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker_fakes.hpp"

namespace wc {
namespace {

using testing::ElementsAre;

struct SweepTest : testing::Test {
    test::Journal journal;
    test::FakeClock clock;
    app::HotList hot;
    metrics::Metrics metrics;
    test::FakeDatabase database{journal};
    test::FakeRedis redis{journal};
    test::FakeQueue queue{database};
    test::FakeCache cache{redis};
    app::EventStream events{false, metrics};
    app::Sweep sweep{clock, hot, metrics, events};

    SweepTest() { journal.clear(); }
    /// One step, as when the time of a slice is over at once.
    bool step() { return sweep.advance(queue, cache, clock.now()); }
};

TEST_F(SweepTest, FencesBeforeTheFirstStepAndForgetsAfterTheLast)
{
    redis.sweep_steps = {{"a"}, {"b", "c"}, {}};
    sweep.add({{5, 0}}, cache);
    EXPECT_FALSE(step());
    EXPECT_FALSE(step());
    EXPECT_TRUE(sweep.is_active());
    EXPECT_TRUE(step());
    EXPECT_FALSE(sweep.is_active());
    EXPECT_THAT(journal, ElementsAre("fence_all 1", "sweep 0", "sweep 1", "sweep 2", "forget 1"));
    EXPECT_EQ(hot.size(), 3U) << "what was removed was in use";
}

TEST_F(SweepTest, DoesAllStepsWithinTheDeadline)
{
    redis.sweep_steps = {{}, {}, {}};
    sweep.add({{5, 0}}, cache);
    EXPECT_TRUE(sweep.advance(queue, cache, clock.now() + std::chrono::seconds(1)));
}

TEST_F(SweepTest, StartsOverForRowsThatArriveMeanwhile)
{
    redis.sweep_steps = {{}, {}};
    sweep.add({{5, 0}}, cache);
    EXPECT_FALSE(step());
    sweep.add({{6, 0}}, cache);
    EXPECT_TRUE(step());
    EXPECT_TRUE(sweep.is_active()) << "keys that the first sweep had passed may be stale again";
    step();
    EXPECT_TRUE(step());
    EXPECT_FALSE(sweep.is_active());
    EXPECT_THAT(journal, ElementsAre("fence_all 1", "sweep 0", "fence_all 1", "sweep 1", "forget 1", "sweep 0",
                                     "sweep 1", "forget 1"));
}

TEST_F(SweepTest, TakesARowOnceThoughADrainNamesItTwice)
{
    sweep.add({{5, 0}}, cache);
    sweep.add({{5, 0}}, cache);
    EXPECT_TRUE(step());
    EXPECT_FALSE(sweep.is_active());
    EXPECT_THAT(journal, ElementsAre("fence_all 1", "sweep 0", "forget 1"));
}

TEST_F(SweepTest, FencesAgainWhenRedisComesBack)
{
    redis.sweep_steps = {{}, {}};
    sweep.add({{5, 0}}, cache);
    step();
    sweep.restart(cache);
    step();
    EXPECT_TRUE(step());
    EXPECT_THAT(journal, ElementsAre("fence_all 1", "sweep 0", "fence_all 1", "sweep 0", "sweep 1", "forget 1"));
}

TEST_F(SweepTest, RemembersRowsWhoseFenceFailed)
{
    redis.fails_next = true;
    EXPECT_THROW(sweep.add({{5, 0}}, cache), Failure);
    EXPECT_TRUE(sweep.is_active());
    sweep.restart(cache);
    EXPECT_TRUE(step());
    EXPECT_THAT(journal, ElementsAre("fence_all 1", "fence_all 1", "sweep 0", "forget 1"));
}

}  // namespace
}  // namespace wc
