// Several processes of Redis that take each other's place: what is served is in the database.
#include <gmock/gmock.h>

#include "worker_loop.hpp"

namespace wc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::LoopTest;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct MovingRedis : LoopTest {
    app::Loop loop{with_moves(ports())};

    MovingRedis() { loop.turn(); }
    static app::LoopPorts with_moves(app::LoopPorts ports)
    {
        ports.redis_moves = true;
        return ports;
    }
    /// Redis is lost, and another process answers where it is sought again.
    void fail_over(std::string process)
    {
        redis.fails_next = true;
        redis.process = std::move(process);
        redis.epoch = app::Epoch::Foreign;
        clock.pass(seconds(1));
        while (redis.fails_next)
            loop.turn();
        clock.pass(seconds(1));
        journal.clear();
    }
    void until_taken()
    {
        for (int turns = 0; count("take") == 0; ++turns) {
            ASSERT_LT(turns, 50);
            loop.turn();
        }
    }
    Time end_of_liveness() const { return redis.live_until.back(); }
};

TEST_F(MovingRedis, NothingIsAcknowledgedWhileTheOneBeforeMayStillAnswer)
{
    auto const end = end_of_liveness();
    fail_over("promoted.one");
    database.batches = {test::batch({test::change("ada")})};
    database.woken = true;
    ASSERT_LT(clock.now(), end) << "or there is nothing to wait for";
    loop.turn();
    EXPECT_THAT(journal, Contains("serves another"));
    EXPECT_THAT(journal, Contains("opens an epoch"));
    EXPECT_EQ(count("take"), 0);
    until_taken();
    EXPECT_GE(redis.invalidated_at.back(), end);
    EXPECT_LT(redis.invalidated_at.back(), end + seconds(1));
    EXPECT_EQ(count("commit"), 1);
    EXPECT_THAT(metrics.text(), HasSubstr("\nwc_worker_redis_changes_total 1\n"));
}

TEST_F(MovingRedis, ASweepWaitsToo)
{
    auto const end = end_of_liveness();
    fail_over("promoted.one");
    app::Batch all;
    all.rows = 1;
    all.complete = true;
    all.everything = {{7, 0, ""}};
    database.batches = {all};
    until_taken();
    while (count("forget 1") == 0)
        loop.turn();
    EXPECT_GE(clock.now(), end);
}

TEST_F(MovingRedis, WhereNoLivenessIsLeftNothingWaits)
{
    fail_over("promoted.one");
    clock.pass(seconds(10));
    loop.turn();
    EXPECT_EQ(count("take"), 1);
}

TEST_F(MovingRedis, TheSameProcessFoundAgainIsServedOn)
{
    auto const same = redis.process;
    fail_over(same);
    redis.epoch = app::Epoch::Open;
    loop.turn();
    EXPECT_THAT(journal, Not(Contains("serves another")));
    EXPECT_EQ(count("take"), 1);
}

TEST_F(MovingRedis, AnEpochOfBeforeIsNotTrustedWhenThatProcessIsServedAgain)
{
    auto const first = redis.process;
    fail_over("promoted.one");
    until_taken();
    fail_over(first);
    redis.epoch = app::Epoch::Open;  // it was never anything but a master
    loop.turn();
    EXPECT_THAT(journal, Contains("serves another"));
    EXPECT_THAT(journal, Contains("opens an epoch"));
    EXPECT_EQ(count("distrust"), 0) << "the row for every student is queued already";
}

TEST_F(MovingRedis, AWorkerThatTakesOverWaitsAsLongAsAnotherMayHaveVouched)
{
    database.fail_at = "take";  // the drain lock is lost, and others may have it meanwhile
    clock.pass(seconds(1));
    loop.turn();
    database.served = redis.process = "promoted.one";
    database.served_for = milliseconds(1500);
    journal.clear();
    auto const left = milliseconds(live.get()->invalidate.alive_ttl_ms) - milliseconds(1500);
    auto const before = clock.now();
    until_taken();
    EXPECT_GE(clock.now() - before, left);
    EXPECT_LT(clock.now() - before, left + seconds(2));
}

TEST_F(LoopTest, ARedisThatDoesNotMoveIsGoneWhenAnotherProcessAnswers)
{
    loop.turn();
    redis.process = "restarted.one";
    redis.epoch = app::Epoch::Foreign;
    journal.clear();
    loop.turn();
    EXPECT_THAT(journal, Contains("serves another"));
    EXPECT_EQ(count("distrust"), 0);
    EXPECT_EQ(count("opens an epoch"), 1);
    EXPECT_EQ(count("take"), 1);
}

}  // namespace
}  // namespace wc
