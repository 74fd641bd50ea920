// The audit among servers that others use meanwhile.
#include "app/auditing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "worker_fakes.hpp"

namespace wc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

/// One student in the database and in Redis, with the queue between them.  Each call to a server lets others act first.
struct World {
    int value = 0;             ///< of the student, in the database
    std::uint64_t next = 100;  ///< the id of the next transaction
    std::vector<std::uint64_t> queue;

    std::optional<std::string> cached;
    std::size_t fences = 0;  ///< that were raised
    std::string seen = token();
    std::uint64_t highest_fenced = 0;

    std::function<void()> others = [] {};
    bool is_known = true;
    std::string snapshot_of_entries;  ///< other than the token, where it is not empty
    std::vector<std::string> removed;
    int reads = 0, builds = 0;
    bool are_opaque = false;
    std::set<std::string> students{};
    std::vector<std::string> asked_after{}, looked_at{};

    std::string token() const { return std::to_string(next) + ":" + std::to_string(next) + ":@1#1.1.1"; }
    std::string text() const { return "{\"value\": " + std::to_string(value) + "}"; }

    void change()
    {
        value = 1 - value;
        queue.push_back(next++);
    }

    // The drain, in the steps in which Redis is told.
    std::vector<std::uint64_t> batch;
    std::string batch_seen;
    int drain_step = 0;
    bool forgets_removal = false;
    void drain()
    {
        switch (drain_step++) {
            case 0:
                batch = std::exchange(queue, {});
                batch_seen = token();
                return;
            case 1:
                for (auto const xid : batch)
                    highest_fenced = std::max(highest_fenced, xid);
                fences += batch.size();
                return;
            case 2:
                if (!batch.empty() && !forgets_removal)
                    cached.reset();
                return;
            default: seen = batch_seen; drain_step = 0;
        }
    }

    // A reader that loads, and stores later.
    std::optional<std::pair<std::string, std::uint64_t>> loaded;
    void load() { loaded = {text(), next}; }
    void store()
    {
        if (loaded && highest_fenced < loaded->second)
            cached = loaded->first;
        loaded.reset();
    }
};

struct WorldBuilder : test::FakeBuilder {
    World &world;
    explicit WorldBuilder(World &world) : world(world) {}
    std::vector<app::Entry> build(std::span<const std::string> students, cache::Kind kind) override
    {
        world.others();
        ++world.builds;
        if (!world.is_known)
            return {};
        auto const snapshot = world.snapshot_of_entries.empty() ? world.token() : world.snapshot_of_entries;
        return {{students[0], cache::key(students[0], kind), world.text(), 300, snapshot == "none" ? "" : snapshot}};
    }
    std::string snapshot() override
    {
        world.others();
        return world.token();
    }
    app::Xid commit_transaction() override { return world.next++; }
    std::vector<std::string> students_after(const std::string &student, int most) override
    {
        std::vector<std::string> students;
        for (auto const &one : world.students)
            if (one > student && students.size() < static_cast<std::size_t>(most))
                students.push_back(one);
        world.asked_after.push_back(student);
        return students;
    }
};

struct WorldSample : app::CacheSample {
    World &world;
    std::vector<std::string> &cursors;
    WorldSample(World &world, std::vector<std::string> &cursors) : world(world), cursors(cursors) {}
    app::SampleStep scan(const std::string &cursor) override
    {
        cursors.push_back(cursor);
        return {std::to_string((std::stoi(cursor) + 1) % 3), {{"a", cache::Kind::HealthSummary}}};
    }
    bool are_opaque() const override { return world.are_opaque; }
    std::vector<app::CachedName> cached(std::span<const std::string> students) override
    {
        return {{students.back(), cache::Kind::HealthSummary, 1}};
    }
    std::string name(const std::string &student) const override { return student; }
    std::optional<app::CachedValue> read(const app::CachedName &name) override
    {
        world.looked_at.push_back(name.student + std::to_string(name.secret));
        world.others();
        ++world.reads;
        if (!world.cached)
            return std::nullopt;
        return app::CachedValue{*world.cached, std::to_string(world.fences), world.seen, seconds(120)};
    }
    void remove(const std::string &student, app::Xid xid) override
    {
        world.removed.push_back(student + " " + std::to_string(xid));
        world.cached.reset();
    }
};

struct AuditingTest : testing::Test {
    test::FakeClock clock;
    config::Live live{config::Config{}};
    metrics::Metrics metrics;
    app::Health health;
    World world;
    std::vector<std::string> cursors;
    int connections = 0, pauses = 0;
    bool is_stopping = false, is_down = false;
    app::Auditor auditor{ports()};

    AuditingTest()
    {
        health.role = app::Role::Draining;
        health.tell(State::Idle, {});
    }
    app::AuditorPorts ports()
    {
        return {live,
                clock,
                health,
                metrics,
                [this]() -> std::unique_ptr<app::Builder> {
                    if (is_down)
                        throw Failure(Part::Postgres, "away");
                    ++connections;
                    return std::make_unique<WorldBuilder>(world);
                },
                [this] { return std::make_unique<WorldSample>(world, cursors); },
                [this](milliseconds time) {
                    ++pauses;
                    clock.pass(time);
                    world.others();
                    return !is_stopping;
                }};
    }
    void audit()
    {
        clock.pass(seconds(1));
        auditor.step();
    }
    void set_rate(std::int64_t rate)
    {
        config::Config config;
        config.audit.rate_per_s = rate;
        live.set(config);
    }
    std::vector<std::int64_t> found() const
    {
        auto const totals = metrics.totals();
        return {totals.audited, totals.audited_stale, totals.audit_undecided};
    }
};

TEST_F(AuditingTest, AValueAsTheDatabaseHasItIsFresh)
{
    world.cached = world.text();
    audit();
    EXPECT_THAT(found(), ElementsAre(1, 0, 0));
    EXPECT_EQ(world.reads, 1);
    EXPECT_EQ(world.builds, 1);
    EXPECT_LT(metrics.totals().stale_share_at_most, 1);
}

TEST_F(AuditingTest, OpaqueKeysTellNobodySoItGoesRoundTheStudents)
{
    world.are_opaque = true;
    for (int i = 1000; i < 1250; ++i)
        world.students.insert(std::to_string(i));
    world.cached = world.text();
    for (int i = 0; i < 3; ++i)
        audit();
    EXPECT_THAT(world.asked_after, ElementsAre("", "1199", ""));
    EXPECT_THAT(world.looked_at, ElementsAre("11991", "12491", "11991"));
    EXPECT_THAT(found(), ElementsAre(3, 0, 0));
    EXPECT_THAT(cursors, IsEmpty());
}

TEST_F(AuditingTest, AValueWrittenAnewByAnApplicationIsTheSame)
{
    world.cached = "{\"value\":0.0}";
    audit();
    EXPECT_THAT(found(), ElementsAre(1, 0, 0));
}

TEST_F(AuditingTest, WhatDiffersWithoutAChangeIsStaleAndRemoved)
{
    for (auto const *text : {"{\"value\": 7}", "no JSON", "", "[[[[", "null"}) {
        world.cached = text;
        world.seen = world.token();
        audit();
        EXPECT_FALSE(world.cached) << text;
    }
    EXPECT_THAT(found(), ElementsAre(5, 5, 0));
    EXPECT_THAT(world.removed.front(), "a 100") << "a fill must have seen a transaction of after the comparison";
}

TEST_F(AuditingTest, AValueOfAnUnknownStudentIsStale)
{
    world.cached = world.text();
    world.is_known = false;
    audit();
    EXPECT_THAT(found(), ElementsAre(1, 1, 0));
}

TEST_F(AuditingTest, NothingIsSaidOfValuesThatMustNotBeCached)
{
    world.cached = "{\"value\": 7}";
    world.snapshot_of_entries = "none";
    audit();
    EXPECT_THAT(found(), ElementsAre(0, 0, 1));
    EXPECT_EQ(pauses, 0);
}

TEST_F(AuditingTest, AChangeOnItsWayIsWaitedFor)
{
    world.cached = world.text();
    world.change();
    // While it waits the drain does its work, and a reader fills.
    int calls = 0;
    world.others = [&] {
        if (++calls > 4)
            world.drain();
    };
    audit();
    EXPECT_THAT(found(), ElementsAre(0, 0, 1));
    EXPECT_GE(pauses, 1);
}

TEST_F(AuditingTest, ADrainThatStandsStillDecidesNothing)
{
    world.cached = world.text();
    world.change();
    audit();
    EXPECT_THAT(found(), ElementsAre(0, 0, 1));
    EXPECT_THAT(world.removed, IsEmpty());
    EXPECT_LE(clock.time, Time(std::chrono::hours(1)) + seconds(30)) << "it does not wait for ever";
}

TEST_F(AuditingTest, AnInvalidationThatLeavesTheValueIsFound)
{
    world.cached = world.text();
    world.forgets_removal = true;
    world.change();
    for (int i = 0; i < 4; ++i)
        world.drain();
    audit();
    EXPECT_THAT(found(), ElementsAre(1, 1, 0));
}

// The students of a crowd have one fence, which is raised before their values are removed.  Here a value is read in
// between, removed, and what is filled then is the same again, by a change that nobody has drained yet.
TEST_F(AuditingTest, AFenceThatIsRaisedBeforeTheRemovalDeceivesNobody)
{
    world.cached = world.text();  // 0
    world.change();               // 1, at 100
    world.drain();
    world.drain();  // fenced, not removed
    int call = 0;
    world.others = [&] {
        if (++call != 3)
            return;
        // Behind the first look at the database.
        world.change();  // 0 again
        world.drain();
        world.drain();  // removed, and said so
        world.load();
        world.store();
        world.change();  // 1
    };
    audit();
    EXPECT_EQ(metrics.totals().audited_stale, 0);
    EXPECT_GE(call, 4);
}

// Whatever others do between two calls of the audit, it accuses nobody: 100,000 comparisons of random schedules.
TEST_F(AuditingTest, NoOrderOfChangesDrainsAndFillsMakesAFreshValueStale)
{
    std::mt19937 random(20260101);
    world.others = [&] {
        for (auto count = random() % 4; count > 0; --count)
            switch (random() % 8) {
                case 0: world.change(); break;
                case 1: world.load(); break;
                case 2: world.store(); break;
                default: world.drain();
            }
    };
    for (int i = 0; i < 100'000; ++i) {
        audit();
        if (!world.cached) {
            world.load();
            world.store();
        }
        ASSERT_EQ(metrics.totals().audited_stale, 0) << "comparison " << i;
    }
    auto const totals = metrics.totals();
    EXPECT_GT(totals.audited, 10'000);
    EXPECT_GT(totals.audit_undecided, 10'000) << "too few differences to prove anything";
}

TEST_F(AuditingTest, NothingIsAskedWithoutARate)
{
    set_rate(0);
    world.cached = "stale";
    for (int i = 0; i < 5; ++i)
        audit();
    EXPECT_THAT(cursors, IsEmpty());
    EXPECT_EQ(connections, 0);
    set_rate(1);
    audit();
    EXPECT_EQ(connections, 1) << "a reload sets the rate";
    set_rate(0);
    audit();
    set_rate(1);
    audit();
    EXPECT_EQ(connections, 2) << "no connection is kept for nothing";
}

TEST_F(AuditingTest, ItIsQuietUnlessThisWorkerDrainsAndKeepsUp)
{
    world.cached = "stale";
    for (auto const state : kStates) {
        if (state == State::Healthy || state == State::Idle)
            continue;
        health.tell(state, {});
        audit();
        EXPECT_THAT(cursors, IsEmpty()) << name(state);
    }
    health.tell(State::Idle, {});
    health.role = app::Role::Standby;
    audit();
    EXPECT_THAT(cursors, IsEmpty());
    health.role = app::Role::Draining;
    audit();
    EXPECT_EQ(cursors.size(), 1U);
}

TEST_F(AuditingTest, AStandbyKeepsNoConnection)
{
    world.cached = world.text();
    audit();
    health.role = app::Role::Standby;
    audit();
    health.role = app::Role::Draining;
    audit();
    EXPECT_EQ(connections, 2);
}

TEST_F(AuditingTest, ItKeepsToItsRateAndGoesRoundTheKeys)
{
    world.cached = world.text();
    for (int i = 0; i < 6; ++i) {
        clock.pass(milliseconds(500));
        auditor.step();
        auditor.step();
    }
    EXPECT_EQ(world.reads, 3) << "one a second, however often it is asked";
    EXPECT_THAT(cursors, ElementsAre("0", "1", "2"));
    audit();
    EXPECT_EQ(cursors.back(), "0");
}

TEST_F(AuditingTest, KeysThatAreGoneCostLittle)
{
    audit();
    EXPECT_EQ(world.reads, 10) << "it gives up for now";
    EXPECT_THAT(found(), ElementsAre(0, 0, 0));
}

TEST_F(AuditingTest, AServerThatIsAwayIsTriedAgain)
{
    world.cached = world.text();
    is_down = true;
    audit();
    EXPECT_THAT(found(), ElementsAre(0, 0, 0));
    is_down = false;
    clock.pass(seconds(10));
    audit();
    EXPECT_THAT(found(), ElementsAre(1, 0, 0));
}

TEST_F(AuditingTest, ALookEndsWhenTheProcessDoes)
{
    world.cached = world.text();
    world.change();
    is_stopping = true;
    audit();
    EXPECT_EQ(pauses, 1);
    EXPECT_THAT(found(), ElementsAre(0, 0, 1));
}

}  // namespace
}  // namespace wc
