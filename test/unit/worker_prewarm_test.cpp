#include "app/prewarm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/prewarm_pool.hpp"
#include "worker_fakes.hpp"

namespace wc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct PrewarmTest : testing::Test {
    test::FakeClock clock;
    config::Live live{config::Config{}};
    app::HotList hot;
    metrics::Metrics metrics;
    app::SpanBox spans;
    test::FakeBuilder builder;
    test::FakeStore store;
    app::Prewarm prewarm{live, clock, hot, metrics, spans};
};

TEST_F(PrewarmTest, StoresWithTheConfiguredLifetime)
{
    EXPECT_THAT(prewarm.rebuild(builder, store, {{"a"}, {"b"}}), IsEmpty());
    EXPECT_EQ(store.stored.size(), 2U);
    EXPECT_EQ(store.stored["a"].ttl_seconds, 300);
    EXPECT_EQ(builder.builds, 1) << "one statement for the batch";
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_prewarmed_total 2"));
}

TEST_F(PrewarmTest, RetriesARefusedFillWhileTheStudentIsHotButNotForEver)
{
    hot.touch("hot", clock.now());
    store.refused = {"hot", "cold"};
    auto again = prewarm.rebuild(builder, store, {{"hot"}, {"cold"}});
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].student, "hot");
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_fills_refused_total 2"));
    int tries = 1;
    while (!again.empty() && tries < 10) {
        again = prewarm.rebuild(builder, store, again);
        ++tries;
    }
    EXPECT_EQ(tries, 3);
}

TEST_F(PrewarmTest, BuildsOfEachStudentWhatIsWanted)
{
    auto const summary = app::bit(cache::Kind::HealthSummary), chart = app::bit(cache::Kind::GrowthChart);
    app::KindSet const both = summary | chart;
    EXPECT_THAT(prewarm.rebuild(builder, store, {{"a", {}, 0, chart}, {"b", {}, 0, both}, {"c"}}), IsEmpty());
    EXPECT_FALSE(store.stored.contains("a"));
    EXPECT_TRUE(store.stored.contains("b") && store.stored.contains("c"));
    EXPECT_TRUE(store.charts.contains("a") && store.charts.contains("b"));
    EXPECT_FALSE(store.charts.contains("c"));
    EXPECT_EQ(store.charts["a"].ttl_seconds, 3600);
    EXPECT_EQ(store.stored["b"].ttl_seconds, 300);
    EXPECT_EQ(builder.builds, 2) << "one statement for each kind";
}

TEST_F(PrewarmTest, RetriesWhatWasRefusedAndNothingElse)
{
    hot.touch("a", clock.now());
    store.refused = {"a"};
    auto const again = prewarm.rebuild(builder, store, {{"a", {}, 0, app::bit(cache::Kind::GrowthChart)}});
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].kinds, app::bit(cache::Kind::GrowthChart));
}

TEST_F(PrewarmTest, ShowsATracedWriterThatItsStudentsAreRebuilt)
{
    auto const writer = std::make_shared<app::TracedWriter>(
        app::TracedWriter{"trace", "span", clock.now() - std::chrono::milliseconds(3)});
    auto const summary = app::bit(cache::Kind::HealthSummary);
    hot.touch("refused", clock.now());
    store.refused = {"refused"};
    auto const again = prewarm.rebuild(
        builder, store,
        {{"a", {}, 0, summary, writer}, {"b", {}, 0, summary, writer}, {"c"}, {"refused", {}, 0, summary, writer}});
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].writer, writer) << "it is told when a later try succeeds";
    auto const made = spans.take().spans;
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0].name, "white_cross.warm");
    EXPECT_EQ(made[0].trace, "trace");
    EXPECT_EQ(made[0].parent, "span");
    EXPECT_EQ(made[0].ended_unix_ns - made[0].began_unix_ns, 3'000'000);
    EXPECT_EQ(made[0].texts[0], std::pair(std::string("white_cross.kind"), std::string("health_summary")));
    EXPECT_EQ(made[0].numbers[0], std::pair(std::string("white_cross.students"), std::int64_t{2}));
}

TEST_F(PrewarmTest, ForgetsStudentsThatDoNotExist)
{
    hot.touch("gone", clock.now());
    builder.unknown = {"gone"};
    EXPECT_THAT(prewarm.rebuild(builder, store, {{"gone"}}), IsEmpty());
    EXPECT_EQ(hot.size(), 0U);
}

TEST_F(PrewarmTest, FindsHotStudentsThatAreNotCached)
{
    builder.saved = {{"warm", 3}, {"cold", 2}, {"light", 0.1}};
    prewarm.rebuild(builder, store, {{"warm"}});
    auto const cold = prewarm.find_cold(builder, store);
    ASSERT_EQ(cold.size(), 1U);
    EXPECT_EQ(cold[0].student, "cold");
}

TEST_F(PrewarmTest, SavesTheHotListHeaviestFirst)
{
    hot.touch("a", clock.now());
    hot.touch("b", clock.now());
    hot.touch("b", clock.now());
    prewarm.save_hot_list(builder);
    ASSERT_EQ(builder.saved.size(), 2U);
    EXPECT_EQ(builder.saved[0].student, "b");
    EXPECT_EQ(builder.saved[0].weight, 2);
}

TEST(PrewarmBacklog, KeepsOrderKnowsDuplicatesAndIsBounded)
{
    app::PrewarmBacklog backlog;
    EXPECT_TRUE(backlog.add({"a"}, 2));
    EXPECT_TRUE(backlog.add({"a"}, 2));
    EXPECT_TRUE(backlog.add({"b"}, 2));
    EXPECT_FALSE(backlog.add({"c"}, 2));
    EXPECT_TRUE(backlog.add({"a"}, 2)) << "it waits already";
    EXPECT_EQ(backlog.size(), 2U);
    auto const taken = backlog.take(1);
    EXPECT_EQ(taken[0].student, "a");
    EXPECT_TRUE(backlog.add({"a"}, 2)) << "what is in hand may be asked for again";
    EXPECT_EQ(backlog.take(5).size(), 2U);
}

TEST(PrewarmBacklog, AddsUpWhatIsWantedOfAStudent)
{
    auto const summary = app::bit(cache::Kind::HealthSummary), chart = app::bit(cache::Kind::GrowthChart);
    app::PrewarmBacklog backlog;
    backlog.add({"a", {}, 0, summary}, 9);
    backlog.add({"a", {}, 0, chart}, 9);
    backlog.add({"b", {}, 0, chart}, 9);
    auto const taken = backlog.take(9);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].kinds, summary | chart);
    EXPECT_EQ(taken[1].kinds, chart);
}

TEST(PrewarmBacklog, KeepsTheFirstTracedWriterOfAStudent)
{
    auto const first = std::make_shared<app::TracedWriter>(), second = std::make_shared<app::TracedWriter>();
    app::PrewarmBacklog backlog;
    backlog.add({"a"}, 9);
    for (auto const &writer : {first, second})
        backlog.add({"a", {}, 0, app::bit(cache::Kind::HealthSummary), writer}, 9);
    EXPECT_EQ(backlog.take(9)[0].writer, first);
}

/// Real threads over fakes that they share under a lock of their own.
struct PrewarmPoolTest : PrewarmTest {
    std::mutex mutex;
    std::condition_variable changed;
    int connects = 0, refuse_connects = 0;

    struct Builder : app::Builder {
        PrewarmPoolTest &test;
        explicit Builder(PrewarmPoolTest &test) : test(test) {}
        std::vector<app::Entry> build(std::span<const std::string> students, cache::Kind kind) override
        {
            std::unique_lock lock(test.mutex);
            test.wait_for_lock(lock);
            return test.builder.build(students, kind);
        }
        void save_hot(std::span<const app::Hot> list) override
        {
            std::unique_lock lock(test.mutex);
            test.wait_for_lock(lock);
            test.builder.save_hot(list);
        }
        std::vector<app::Hot> load_hot() override
        {
            std::lock_guard const lock(test.mutex);
            return test.builder.load_hot();
        }
        std::vector<std::string> students_after(const std::string &, int) override { return {}; }
        std::string snapshot() override { return {}; }
        app::Xid commit_transaction() override { return 0; }
        void cancel() noexcept override { test.cancel(); }
    };
    struct Store : app::Store {
        PrewarmPoolTest &test;
        explicit Store(PrewarmPoolTest &test) : test(test) {}
        std::vector<bool> fill(std::span<const app::Entry> entries) override
        {
            std::lock_guard const lock(test.mutex);
            test.changed.notify_all();
            return test.store.fill(entries);
        }
        std::vector<std::string> missing(std::span<const std::string> students) override
        {
            std::lock_guard const lock(test.mutex);
            return test.store.missing(students);
        }
    };
    struct RealClock : Clock {
        Time now() const override { return std::chrono::steady_clock::now(); }
    } real;

    app::PrewarmPool pool{
        live, real, prewarm, metrics, [this] {
            std::lock_guard const lock(mutex);
            ++connects;
            if (refuse_connects > 0) {
                --refuse_connects;
                throw Failure(Part::Postgres, "refused");
            }
            return app::PrewarmLinks{std::make_unique<Builder>(*this), std::make_unique<Store>(*this)};
        }};

    // While `is_locked`, statements wait until they are cancelled, each on its own.
    bool is_locked = false;
    int waiting = 0, cancelled = 0;

    void wait_for_lock(std::unique_lock<std::mutex> &lock)
    {
        if (!is_locked)
            return;
        auto const before = cancelled;
        ++waiting;
        changed.notify_all();
        changed.wait(lock, [&] { return cancelled > before; });
        --waiting;
        throw Failure(Part::Postgres, "canceling statement due to user request");
    }
    void cancel() noexcept
    {
        std::lock_guard const lock(mutex);
        ++cancelled;
        changed.notify_all();
    }
    bool statements_wait(int count)
    {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(20), [&] { return waiting >= count; });
    }

    bool stored(std::size_t count)
    {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(20), [&] { return store.stored.size() == count; });
    }
    static std::vector<app::Wanted> students(int count)
    {
        std::vector<app::Wanted> list;
        for (int i = 0; i < count; ++i)
            list.push_back({"s" + std::to_string(i)});
        return list;
    }
};

TEST_F(PrewarmPoolTest, RebuildsAllThatIsWanted)
{
    pool.set_pace(app::Pace::Full);
    pool.want(students(5000));
    EXPECT_TRUE(stored(5000));
}

TEST_F(PrewarmPoolTest, ConnectsOnlyWhenThereIsWorkAndNotWhilePaused)
{
    pool.want(students(100));
    pool.stop();
    EXPECT_EQ(connects, 0);
    EXPECT_TRUE(store.stored.empty()) << "what is not in hand is dropped at the end";
}

TEST_F(PrewarmPoolTest, OneThreadGoesOnWhileTheDrainIsBehind)
{
    pool.set_pace(app::Pace::Slow);
    pool.want(students(2000));
    EXPECT_TRUE(stored(2000));
    EXPECT_EQ(connects, 1);
}

TEST_F(PrewarmPoolTest, PutsABatchBackWhenItsConnectionIsLost)
{
    refuse_connects = 3;
    builder.fails_next = true;
    pool.set_pace(app::Pace::Full);
    pool.want(students(70));
    EXPECT_TRUE(stored(70));
}

TEST_F(PrewarmPoolTest, SavesTheHotListEvenWhenStopping)
{
    hot.touch("a", clock.now());
    pool.save_hot_list();
    pool.stop();
    ASSERT_EQ(builder.saved.size(), 1U);
    EXPECT_EQ(builder.saved[0].student, "a");
}

TEST_F(PrewarmPoolTest, CancelsWhatWaitsForAnothersLockWhenStopping)
{
    is_locked = true;
    pool.set_pace(app::Pace::Full);
    pool.want(students(1));
    ASSERT_TRUE(statements_wait(1));
    hot.touch("a", clock.now());
    pool.save_hot_list();
    pool.stop();
    EXPECT_EQ(waiting, 0);
    EXPECT_GE(cancelled, 1);
}

TEST_F(PrewarmPoolTest, RefillsFromTheSavedList)
{
    builder.saved = {{"x", 4}, {"y", 4}};
    pool.refill();
    pool.set_pace(app::Pace::Full);
    EXPECT_TRUE(stored(2));
}

}  // namespace
}  // namespace wc
