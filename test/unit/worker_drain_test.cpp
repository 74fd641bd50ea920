// A batch leaves the queue only after Redis has acknowledged it.
#include "app/drain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "worker_fakes.hpp"

namespace wc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct DrainTest : testing::Test {
    test::Journal journal;
    test::FakeClock clock;
    config::Live live{config::Config{}};
    app::HotList hot;
    metrics::Metrics metrics;
    app::SpanBox spans;
    test::FakeDatabase database{journal};
    test::FakeRedis redis{journal};
    test::FakeQueue queue{database};
    test::FakeCache cache{redis};
    std::vector<std::string> wanted, of_writers;
    app::EventStream events{true, metrics};
    app::Drain drain{live, clock, hot, metrics, spans, events, [this](std::vector<app::Wanted> list) {
                         journal.push_back("prewarm");
                         for (auto const &one : list) {
                             wanted.push_back(one.student);
                             of_writers.push_back(one.writer ? one.writer->trace : "");
                         }
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

TEST_F(DrainTest, SetsAsideWhatIsRefusedAndTriesItAgain)
{
    redis.refused = {"b"};
    redis.cached = {"a", "b", "c"};
    database.batches = {test::batch({test::change("a"), test::change("b"), test::change("c")})};
    drain.pass(queue, cache);
    EXPECT_THAT(journal, ElementsAre("take", "invalidate 3", "prewarm", "set_aside 1", "commit"));
    EXPECT_THAT(drain.set_aside(), ElementsAre("b"));
    EXPECT_THAT(wanted, ElementsAre("a", "c")) << "a value of b's may be an old one";
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_set_aside_students 1"));

    journal.clear();
    drain.pass(queue, cache);
    EXPECT_THAT(journal, ElementsAre("take")) << "not at once";
    journal.clear();
    clock.pass(std::chrono::minutes(2));
    drain.pass(queue, cache);
    EXPECT_THAT(journal, ElementsAre("take_set_aside", "invalidate 1", "set_aside 1", "commit", "take"));
    EXPECT_THAT(drain.set_aside(), ElementsAre("b"));

    journal.clear();
    redis.refused.clear();
    drain.begin();
    drain.pass(queue, cache);
    EXPECT_THAT(journal, ElementsAre("take_set_aside", "invalidate 1", "commit", "take"));
    EXPECT_THAT(drain.set_aside(), ElementsAre());
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_set_aside_students 0"));
}

// Else a reader with the token of a write might be given what is still to be removed.
TEST_F(DrainTest, TellsRedisWhatIsDrainedOnlyWhereNothingIsLeftToDo)
{
    for (int which = 0; which < 16; ++which) {
        bool const is_complete = which & 1, is_for_all = which & 2, is_sweeping = which & 4, is_set_aside = which & 8;
        drain.begin();
        redis.refused.clear();
        if (is_set_aside)
            redis.refused = {"b"};
        database.batches = {test::batch({test::change("b")})};
        drain.pass(queue, cache);
        ASSERT_EQ(drain.set_aside().empty(), !is_set_aside);

        redis.seen.clear();
        auto next = test::batch({test::change("a")}, is_complete);
        if (is_for_all)
            next.everything = {{77, 0}};
        database.batches = {next};
        auto const result = drain.pass(queue, cache, is_sweeping);
        bool const is_all = is_complete && !is_for_all && !is_sweeping && !is_set_aside;
        EXPECT_EQ(redis.seen.size(), is_all ? 1U : 0U) << which;
        EXPECT_EQ(result.has_noted_seen, is_all) << which;
        EXPECT_EQ(result.seen.empty(), !is_complete) << which;
    }
}

TEST_F(DrainTest, KeepsWhatIsSetAsideWhenRedisFails)
{
    redis.refused = {"b"};
    database.batches = {test::batch({test::change("b")})};
    drain.pass(queue, cache);
    clock.pass(std::chrono::minutes(2));
    redis.fails_next = true;
    EXPECT_THROW(drain.pass(queue, cache), Failure);
    redis.refused.clear();
    journal.clear();
    drain.pass(queue, cache);
    EXPECT_THAT(journal, ElementsAre("take_set_aside", "invalidate 1", "commit", "take"));
}

TEST_F(DrainTest, CountsMisfits)
{
    redis.misfits = 3;
    database.batches = {test::batch({test::change("a")})};
    drain.pass(queue, cache);
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_misfit_keys_total 3"));
}

// One change of a writer in a trace, one of a writer without, and one that only asks for a rebuild.
app::Batch traced_batch()
{
    auto batch = test::batch({test::change("a"), test::change("b"), test::change("c", cache::kPrewarm)});
    batch.changes[1].xids = {101};
    batch.changes[2].xids = {102};
    batch.writers = {{"trace of a", "span of a", 100, std::chrono::microseconds(500)},
                     {"trace of c", "span of c", 102, std::chrono::microseconds(400)}};
    return batch;
}

TEST_F(DrainTest, ShowsTracedWritersWhatBecameOfTheirChanges)
{
    spans.open();
    redis.cached = {"a", "b"};
    database.batches = {traced_batch()};
    drain.pass(queue, cache);
    EXPECT_THAT(of_writers, ElementsAre("trace of a", "", "trace of c")) << "of those to be rebuilt";
    auto const made = spans.take().spans;
    ASSERT_EQ(made.size(), 4U);
    auto const &wait = made[0], &gone = made[1], &asked = made[2], &whole = made[3];
    EXPECT_EQ(gone.name, "white_cross.gone");
    EXPECT_EQ(gone.trace, "trace of a");
    EXPECT_EQ(gone.parent, "span of a");
    EXPECT_FALSE(gone.failed);
    EXPECT_EQ(gone.numbers[0], std::pair(std::string("white_cross.students"), std::int64_t{1}));
    EXPECT_EQ(gone.ended_unix_ns - gone.began_unix_ns, 500'000);
    EXPECT_EQ(wait.name, "white_cross.queue");
    EXPECT_EQ(wait.trace, "trace of a");
    EXPECT_EQ(wait.parent, gone.id);
    EXPECT_EQ(wait.began_unix_ns, gone.began_unix_ns);
    EXPECT_EQ(asked.name, "white_cross.queue") << "nothing was to be removed";
    EXPECT_EQ(asked.parent, "span of c");
    EXPECT_EQ(whole.name, "white_cross.drain");
    EXPECT_THAT(whole.links,
                ElementsAre(app::SpanLink{"trace of a", "span of a"}, app::SpanLink{"trace of c", "span of c"}));
    EXPECT_THAT(gone.links, ElementsAre(app::SpanLink{whole.trace, whole.id}));
    EXPECT_EQ(whole.trace.size(), 32U);
    EXPECT_EQ(std::set({wait.id, gone.id, asked.id, whole.id}).size(), 4U);
}

TEST_F(DrainTest, MakesNoSpansThatNobodyWants)
{
    redis.cached = {"a"};
    database.batches = {traced_batch()};
    drain.pass(queue, cache);
    EXPECT_THAT(of_writers, ElementsAre("", ""));
    EXPECT_TRUE(spans.take().spans.empty());
}

TEST_F(DrainTest, MakesNoSpansOfABatchThatItGivesBack)
{
    spans.open();
    database.batches = {traced_batch()};
    redis.fails_next = true;
    EXPECT_THROW(drain.pass(queue, cache), Failure);
    EXPECT_TRUE(spans.take().spans.empty());
}

TEST_F(DrainTest, SaysInASpanThatRedisRefused)
{
    spans.open();
    redis.refused = {"a"};
    database.batches = {traced_batch()};
    drain.pass(queue, cache);
    auto const made = spans.take().spans;
    ASSERT_EQ(made.size(), 4U);
    EXPECT_TRUE(made[1].failed);
    EXPECT_FALSE(made[3].failed);
}

TEST(SpanBox, DropsAndCountsWhatHasNoRoom)
{
    app::SpanBox box;
    EXPECT_FALSE(box.is_open());
    box.add(std::vector<app::Span>(app::SpanBox::kRoom - 1));
    box.add(std::vector<app::Span>(3));
    auto const taken = box.take();
    EXPECT_EQ(taken.spans.size(), app::SpanBox::kRoom);
    EXPECT_EQ(taken.lost, 2);
    EXPECT_EQ(box.take().lost, 0);
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
