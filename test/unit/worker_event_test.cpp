// Events: what an entry of the stream says, and what happens while the stream takes none.
#include <gmock/gmock.h>

#include "app/event.hpp"
#include "worker_loop.hpp"

namespace wc::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

app::Event event(std::string student, app::Xid xid)
{
    return {std::move(student), cache::kAllergies, xid, std::chrono::microseconds(1)};
}

app::Batch told(std::vector<std::string> students, app::Xid xid)
{
    std::vector<app::Change> changes;
    for (auto const &student : students)
        changes.push_back(change(student));
    auto found = batch(std::move(changes));
    for (auto const &student : students)
        found.events.push_back(event(student, xid));
    return found;
}

TEST(EventTest, SaysIdSectionsTransactionAndTime)
{
    EXPECT_THAT(app::entry_of({"ada", cache::kAllSections | cache::kPrewarm, 18446744073709551615U,
                               std::chrono::microseconds(1760088600000001)}),
                ElementsAre("ada", "student,health_records,allergies,chronic_conditions,growth", "18446744073709551615",
                            "2025-10-10T09:30:00.000001Z"));
    EXPECT_EQ(app::entry_of({"b", cache::kChronicConditions, 1, std::chrono::microseconds(-1)})[3],
              "1969-12-31T23:59:59.999999Z");
    EXPECT_FALSE(app::is_told(cache::kPrewarm));
    EXPECT_TRUE(app::is_told(cache::kPrewarm | cache::kGrowth));
}

struct EventsTest : LoopTest {
    void run_calls()
    {
        loop.turn();
        journal.clear();
    }

    Journal of_drains() const
    {
        Journal some;
        for (auto const &call : journal)
            for (auto const *name : {"invalidate", "append", "commit", "keep", "rewind", "set_aside", "forget", "give"})
                if (call.starts_with(name))
                    some.push_back(call);
        return some;
    }
};

TEST_F(EventsTest, AreAppendedAfterTheRemovalAndBeforeTheAcknowledgement)
{
    run_calls();
    database.batches = {told({"a", "b"}, 7)};
    database.woken = true;
    loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("invalidate 2", "append a7 b7", "commit"));
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_events_appended_total 2"));
}

TEST_F(EventsTest, OfARedisThatFailsComeAgain)
{
    run_calls();
    database.batches = {told({"a"}, 7)};
    database.woken = true;
    redis.fails_at = "append a7";
    loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("invalidate 1", "append a7", "give_back"));
    for (int i = 0; i < 5; ++i)
        loop.turn();
    EXPECT_THAT(redis.events, testing::SizeIs(1));
}

TEST_F(EventsTest, AStreamThatRefusesStopsNoRemovalAndLosesNothing)
{
    run_calls();
    redis.refuses_events = true;
    database.batches = {told({"a"}, 7), told({"b"}, 8)};
    database.woken = true;
    loop.turn();
    database.woken = true;
    loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("invalidate 1", "append a7", "keep", "append a7", "invalidate 1", "keep"))
        << "nothing of b, which would overtake";
    EXPECT_TRUE(database.batches.empty());
    EXPECT_EQ(health.standing(clock.now()).state, State::EventsWait);
    EXPECT_GT(health.queue_rows.load(), -1);
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_events_held 1"));
    EXPECT_FALSE(redis.live_until.empty());

    redis.refuses_events = false;
    journal.clear();
    for (int i = 0; i < 5; ++i)
        loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("append a7", "rewind", "invalidate 1", "append a7", "commit", "invalidate 1",
                                         "append b8", "commit"));
    EXPECT_NE(health.standing(clock.now()).state, State::EventsWait);
    EXPECT_THAT(metrics.text(), HasSubstr("wc_worker_events_held 0"));
}

TEST_F(EventsTest, OfAChangeThatIsSetAsideAreToldAtOnceAndOnce)
{
    run_calls();
    redis.refused = {"a"};
    database.batches = {told({"a", "b"}, 7)};
    database.woken = true;
    loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("invalidate 2", "append a7 b7", "set_aside 1", "commit"));
    journal.clear();
    redis.refused.clear();
    clock.pass(std::chrono::seconds(61));
    loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("invalidate 1", "commit"));
}

TEST_F(EventsTest, ARefusedRemovalIsExceptedAlsoWhileEventsWait)
{
    run_calls();
    redis.refused = {"a"};
    redis.refuses_events = true;
    database.batches = {told({"a"}, 7)};
    database.woken = true;
    loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("invalidate 1", "append a7", "keep", "set_aside 1"));
    EXPECT_THAT(journal, testing::Contains("renew_liveness except 1"));
}

TEST_F(EventsTest, EveryStudentIsToldWhenTheSweepIsOver)
{
    run_calls();
    app::Batch all;
    all.everything = {{9, 0, {}, std::chrono::microseconds(1)}};
    all.rows = 1;
    database.batches = {all};
    database.woken = true;
    redis.refuses_events = true;
    for (int i = 0; i < 5; ++i)
        loop.turn();
    EXPECT_THAT(of_drains(), testing::Contains("append *9"));
    EXPECT_THAT(of_drains(), testing::Not(testing::Contains(HasSubstr("forget"))));
    EXPECT_FALSE(sweep.is_active());
    redis.refuses_events = false;
    journal.clear();
    for (int i = 0; i < 5; ++i)
        loop.turn();
    EXPECT_THAT(of_drains(), ElementsAre("append *9", "append *9", "forget 1", "rewind"));
    EXPECT_EQ(redis.events.back().sections, cache::kAllSections);
}

TEST_F(EventsTest, NobodyWhoWantsNoneIsTold)
{
    app::EventStream off(false, metrics);
    app::Sweep silent{clock, hot, metrics, off};
    FakeQueue queue{database};
    FakeCache cache{redis};
    silent.add({{9, 0}}, cache);
    journal.clear();
    silent.advance(queue, cache, clock.now());
    EXPECT_THAT(journal, ElementsAre("sweep 0", "forget 1"));
    EXPECT_THAT(redis.events, IsEmpty());
}

}  // namespace
}  // namespace wc::test
