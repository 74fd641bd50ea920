// In which state a worker says that it is, and how it counts its progress.
#include "app/standing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/progress.hpp"
#include "pg/error.hpp"
#include "redis/error.hpp"

namespace wc {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

Time const kNow{std::chrono::hours(1)};

app::Sight drained()
{
    app::Sight sight;
    sight.is_connected = sight.is_elected = sight.is_registered = sight.has_drained = true;
    return sight;
}

State state(const app::Sight &sight) { return judge(sight, kNow).state; }

TEST(Standing, IsKnownOnlyWhenTheQueuesEndWasSeen)
{
    EXPECT_EQ(state({}), State::Starting);
    auto sight = drained();
    EXPECT_EQ(state(sight), State::Idle);
    sight.is_busy = true;
    EXPECT_EQ(state(sight), State::Healthy);
    sight.has_drained = false;
    EXPECT_EQ(state(sight), State::Starting);
    sight.is_elected = sight.is_registered = false;
    EXPECT_EQ(state(sight), State::Standby);
}

TEST(Standing, AWorkerThatIsNotRegisteredFailsAfterFiveSeconds)
{
    auto sight = drained();
    sight.is_registered = false;
    sight.elected_at = kNow - seconds(4);
    EXPECT_EQ(state(sight), State::Starting);
    sight.elected_at = kNow - seconds(5);
    sight.holders = "process 7 of role x";
    EXPECT_EQ(state(sight), State::Unregistered);
    EXPECT_THAT(judge(sight, kNow).detail, HasSubstr("process 7 of role x"));
    EXPECT_FALSE(is_well(State::Unregistered));
}

TEST(Standing, WhatAServerSaysDecides)
{
    struct {
        const char *sqlstate;
        const char *words;
        State state;
    } const of_postgres[] = {
        {"42501", "permission denied for table invalidation", State::NoRights},
        {"28P01", "x", State::NoRights},
        {"", "FATAL:  password authentication failed for user \"w\"", State::NoRights},
        {"25006", "x", State::ReadOnly},
        {"", "cannot connect: session is read-only", State::ReadOnly},
        {"53100", "could not extend file", State::FullDisk},
        {"55P03", "canceling statement due to lock timeout", State::Blocked},
        {"57014", "canceling statement due to statement timeout", State::Blocked},
        {"", "Connection refused", State::NoPostgres},
        {"XX000", "x", State::NoPostgres},
    };
    for (auto const &one : of_postgres) {
        auto sight = drained();
        sight.postgres = pg::Error(one.words, one.sqlstate);
        sight.redis = redis::Error("Connection refused");
        EXPECT_EQ(state(sight), one.state) << one.words;
        EXPECT_FALSE(is_well(one.state));
    }
    struct {
        const char *words;
        State state;
    } const of_redis[] = {
        {"NOPERM this user has no permissions", State::NoRights},
        {"READONLY You can't write against a read only replica", State::ReadOnly},
        {"MISCONF Redis is configured to save RDB snapshots", State::FullDisk},
        {"OOM command not allowed when used memory > 'maxmemory'", State::FullDisk},
        {"Connection refused", State::NoRedis},
    };
    for (auto const &one : of_redis) {
        auto sight = drained();
        sight.redis = redis::Error(one.words);
        EXPECT_EQ(state(sight), one.state) << one.words;
    }
}

TEST(Standing, OfSeveralTroublesTheGraverIsSaid)
{
    auto sight = drained();
    sight.cold = Failure(Part::Prewarm, "x");
    EXPECT_EQ(state(sight), State::Cold);
    sight.behind_since = kNow - seconds(2);
    EXPECT_EQ(state(sight), State::CatchingUp);
    sight.sweeps = true;
    EXPECT_EQ(state(sight), State::Sweeping);
    sight.events_refused = "OOM";
    EXPECT_EQ(state(sight), State::EventsWait);
    sight.set_aside = 1;
    EXPECT_EQ(state(sight), State::SetAside);
    sight.evicts = true;
    EXPECT_EQ(state(sight), State::Evicting);
    sight.other_redis = "x";
    EXPECT_EQ(state(sight), State::Evicting) << "the one who drains decides which Redis is kept fresh";
    sight.is_registered = false;
    EXPECT_EQ(state(sight), State::OtherRedis);
}

TEST(Standing, ALackOfRightsWhileRebuildingIsOne)
{
    auto sight = drained();
    sight.cold = pg::Error("permission denied for table students", "42501");
    EXPECT_EQ(state(sight), State::NoRights);
    EXPECT_THAT(judge(sight, kNow).detail, HasSubstr("not rebuilt: permission denied"));
}

TEST(Progress, CountsTheLastTenSeconds)
{
    app::Progress progress;
    EXPECT_EQ(progress.left(10), std::nullopt);
    progress.drained(kNow, 1000);
    EXPECT_EQ(progress.left(10), std::nullopt) << "one look says nothing of the pace";
    for (int second = 1; second <= 10; ++second)
        progress.drained(kNow + seconds(second), 100);
    EXPECT_DOUBLE_EQ(progress.rows_per_second(), 100);
    EXPECT_EQ(progress.left(5000), seconds(50));
    for (int second = 11; second <= 25; ++second)
        progress.drained(kNow + seconds(second), 10);
    EXPECT_DOUBLE_EQ(progress.rows_per_second(), 10);
    progress.forget();
    EXPECT_EQ(progress.left(10), std::nullopt);
}

}  // namespace
}  // namespace wc
