#include "app/hot_list.hpp"

#include <gtest/gtest.h>

#include "worker_fakes.hpp"

namespace wc {
namespace {

using std::chrono::seconds;

TEST(HotList, WeightsAddUpAndHalve)
{
    test::FakeClock clock;
    app::HotList hot;
    hot.configure(10, seconds(60));
    EXPECT_DOUBLE_EQ(hot.touch("a", clock.now()), 1);
    EXPECT_DOUBLE_EQ(hot.touch("a", clock.now()), 2);
    clock.pass(seconds(60));
    EXPECT_DOUBLE_EQ(hot.weight("a", clock.now()), 1);
    EXPECT_DOUBLE_EQ(hot.touch("a", clock.now()), 2);
    clock.pass(seconds(120));
    EXPECT_DOUBLE_EQ(hot.weight("a", clock.now()), 0.5);
    EXPECT_DOUBLE_EQ(hot.weight("unknown", clock.now()), 0);
}

TEST(HotList, StaysWithinItsLimitAndKeepsTheHeaviest)
{
    test::FakeClock clock;
    app::HotList hot;
    hot.configure(100, seconds(60));
    for (int i = 0; i < 3; ++i)
        hot.touch("heavy", clock.now());
    for (int i = 0; i < 1000; ++i) {
        hot.touch("s" + std::to_string(i), clock.now());
        EXPECT_LE(hot.size(), 100U);
    }
    EXPECT_EQ(hot.heaviest(clock.now()).front().student, "heavy");
    EXPECT_GE(hot.size(), 90U);
}

TEST(HotList, ALimitOfOneHolds)
{
    test::FakeClock clock;
    app::HotList hot;
    hot.configure(1, seconds(60));
    hot.touch("a", clock.now());
    hot.touch("b", clock.now());
    hot.touch("c", clock.now());
    EXPECT_EQ(hot.size(), 1U);
}

TEST(HotList, MergesWhatWasSavedUnderWhatIsKnown)
{
    test::FakeClock clock;
    app::HotList hot;
    hot.touch("a", clock.now());
    EXPECT_TRUE(hot.take_changed());
    EXPECT_FALSE(hot.take_changed());
    hot.merge(std::vector<app::Hot>{{"a", 9}, {"b", 5}}, clock.now());
    EXPECT_DOUBLE_EQ(hot.weight("a", clock.now()), 1);
    EXPECT_DOUBLE_EQ(hot.weight("b", clock.now()), 5);
    EXPECT_FALSE(hot.take_changed()) << "nothing new to save";
    hot.erase("b");
    EXPECT_TRUE(hot.take_changed());
}

}  // namespace
}  // namespace wc
