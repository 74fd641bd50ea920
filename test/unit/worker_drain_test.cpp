// A batch leaves the queue only after Redis has acknowledged it.
#include "app/drain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker_fakes.hpp"

namespace wc {
namespace {

using app::Failure;
using testing::ElementsAre;
using testing::HasSubstr;

struct DrainTest : testing::Test {
    test::Journal journal;
    test::FakeClock clock;
    config::Live live{config::Config{}};
    app::HotList hot;
    metrics::Metrics metrics;
    test::FakeDatabase database{journal};
    test::FakeRedis redis{journal};
    test::FakeQueue queue{database};
    test::FakeCache cache{redis};
    std::vector<std::string> wanted;
    app::Drain drain{live, clock, hot, metrics, [this](std::vector<app::Wanted> list) {
                         journal.push_back("prewarm");
                         for (auto const &one : list)
                             wanted.push_back(one.student);
                     }};

    DrainTest() { journal.clear(); }
};

TEST_F(DrainTest, CommitsAfterRedisAcknowledged)
{
    database.batches = {test::batch({test::change("a"), test::change("b")})};
    EXPECT_TRUE(drain.pass(queue, cache).complete);
    EXPECT_THAT(journal, ElementsAre("take", "invalidate 2", "commit"));
    EXPECT_TRUE(database.batches.empty());
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_drained_students_total 2"));
}

TEST_F(DrainTest, GivesTheBatchBackWhenRedisFails)
{
    database.batches = {test::batch({test::change("a")})};
    redis.fails_next = true;
    EXPECT_THROW(drain.pass(queue, cache), Failure);
    EXPECT_THAT(journal, ElementsAre("take", "invalidate 1", "give_back"));
    EXPECT_EQ(database.batches.size(), 1U) << "the rows stay in the queue";
}

TEST_F(DrainTest, TouchesNothingWhenTheQueueIsEmpty)
{
    EXPECT_TRUE(drain.pass(queue, cache).complete);
    EXPECT_THAT(journal, ElementsAre("take"));
}

TEST_F(DrainTest, RebuildsOnlyWhatWasCachedAndBeforeTheCommit)
{
    redis.cached = {"hot"};
    database.batches = {test::batch({test::change("cold"), test::change("hot")})};
    drain.pass(queue, cache);
    EXPECT_THAT(journal, ElementsAre("take", "invalidate 2", "prewarm", "commit"));
    EXPECT_THAT(wanted, ElementsAre("hot"));
    EXPECT_EQ(hot.weight("hot", clock.now()), 1);
    EXPECT_EQ(hot.weight("cold", clock.now()), 0);
}

TEST_F(DrainTest, RebuildsNothingWhenSwitchedOff)
{
    config::Config config;
    config.prewarm.enabled = false;
    live.set(config);
    redis.cached = {"hot"};
    database.batches = {test::batch({test::change("hot")})};
    drain.pass(queue, cache);
    EXPECT_THAT(wanted, ElementsAre());
}

TEST_F(DrainTest, SaysWhetherMoreWaits)
{
    database.batches = {test::batch({test::change("a")}, false)};
    EXPECT_FALSE(drain.pass(queue, cache).complete);
}

TEST_F(DrainTest, HandsOnRowsForEveryStudent)
{
    database.batches = {{{}, {{77, 0}}, 0, true}};
    auto const result = drain.pass(queue, cache);
    EXPECT_THAT(result.everything, ElementsAre(app::Everything{77, 0}));
    EXPECT_THAT(journal, ElementsAre("take"));
}

TEST(StaleKinds, FollowTheMatrix)
{
    auto const summary = app::bit(cache::Kind::HealthSummary), records = app::bit(cache::Kind::Records),
               growth = app::bit(cache::Kind::GrowthChart);
    EXPECT_EQ(app::stale_kinds(cache::kStudent), summary | records);
    EXPECT_EQ(app::stale_kinds(cache::kStudent | cache::kGrowth), summary | records | growth);
    EXPECT_EQ(app::stale_kinds(cache::kHealthRecords), summary | records);
    EXPECT_EQ(app::stale_kinds(cache::kHealthRecords | cache::kGrowth), summary | records | growth);
    EXPECT_EQ(app::stale_kinds(cache::kAllergies), summary);
    EXPECT_EQ(app::stale_kinds(cache::kChronicConditions), 0);
    // The bits are arguments of the Redis function.
    EXPECT_EQ(summary, 1);
    EXPECT_EQ(records, 2);
    EXPECT_EQ(growth, 4);
}

}  // namespace
}  // namespace wc
