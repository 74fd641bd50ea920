// One of several Redis: the database is told for how long readers are answered there, before they are.
#include <gmock/gmock.h>

#include <algorithm>

#include "app/releasing.hpp"
#include "worker_loop.hpp"

namespace wc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::LoopTest;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

struct TargetTest : LoopTest {
    app::Loop loop{as_target(ports())};

    static app::LoopPorts as_target(app::LoopPorts ports)
    {
        ports.is_target = true;
        return ports;
    }
    std::ptrdiff_t place(const std::string &call) const
    {
        return std::find(journal.begin(), journal.end(), call) - journal.begin();
    }
};

TEST_F(TargetTest, TheDatabaseIsToldBeforeTheLivenessIsRenewedAndNotForLess)
{
    auto const before = clock.now();
    loop.turn();
    ASSERT_EQ(redis.live_until.size(), 1U);
    EXPECT_LT(place("vouch 5000"), place("renew_liveness"));
    EXPECT_EQ(redis.live_until.back(), before + milliseconds(5000));
    for (int turns = 0; turns < 20; ++turns)
        loop.turn();
    EXPECT_LE(redis.live_until.back(), clock.now() + milliseconds(5000));
}

TEST_F(TargetTest, OneThatWasAwayIsDistrustedBeforeAnyReaderIsAnswered)
{
    loop.turn();
    database.is_away = true;
    auto const renewed = redis.live_until.size();
    journal.clear();
    clock.pass(seconds(1));
    loop.turn();
    EXPECT_EQ(redis.live_until.size(), renewed);
    EXPECT_THAT(journal, Contains("vouch 5000"));
    loop.turn();
    EXPECT_THAT(journal, Contains("serves another"));
    EXPECT_THAT(journal, Contains("opens an epoch"));
    while (redis.live_until.size() == renewed)
        loop.turn();
    EXPECT_LT(place("opens an epoch"), place("renew_liveness"));
}

TEST_F(TargetTest, WhereNoDrainSucceedsNothingIsVouchedFor)
{
    loop.turn();
    journal.clear();
    for (int turns = 0; turns < 10; ++turns) {
        database.batches = {test::batch({test::change("ada")})};
        database.woken = true;
        redis.fails_at = "invalidate 1";
        clock.pass(seconds(1));
        loop.turn();
    }
    EXPECT_GT(count("invalidate 1"), 2);
    EXPECT_THAT(journal, Not(Contains("vouch 5000")));
}

TEST_F(LoopTest, OneRedisAloneNeedsNobodyWhoKeepsRows)
{
    app::Loop loop(ports());
    loop.turn();
    EXPECT_THAT(journal, Not(Contains("vouch 5000")));
    EXPECT_EQ(redis.live_until.size(), 1U);
}

struct FakeReleaser : app::Releaser {
    test::Journal &journal;
    explicit FakeReleaser(test::Journal &journal) : journal(journal) { journal.push_back("connect"); }
    void release() override
    {
        journal.push_back("release");
        if (std::count(journal.begin(), journal.end(), "release") == 2)
            throw Failure(Part::Postgres, "lost");
    }
    void restamp() override { journal.push_back("restamp"); }
};

TEST(Release, WorksWhileSomethingIsKeptFreshAndConnectsAgain)
{
    test::Journal journal;
    test::FakeClock clock;
    bool drains = false;
    app::Release release({clock, [&] { return std::make_unique<FakeReleaser>(journal); }, [&] { return drains; },
                          [] { return seconds(30); }});
    release.turn();
    EXPECT_TRUE(journal.empty());
    drains = true;
    release.turn();
    release.turn();
    release.turn();
    clock.pass(seconds(30));
    release.turn();
    EXPECT_THAT(journal,
                ElementsAre("connect", "restamp", "release", "release", "connect", "release", "restamp", "release"));
}

}  // namespace
}  // namespace wc
