// How many fences may stand.
#include "redis/fence_window.hpp"

#include <gtest/gtest.h>

namespace wc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct FenceWindowTest : testing::Test {
    redis::FenceWindow window;
    redis::FenceWindow::Time start{seconds(1000)};
};

TEST_F(FenceWindowTest, CountsUntilTheLifeIsOver)
{
    window.add({3, 300}, start + seconds(120));
    window.add({2, 200}, start + seconds(130));
    window.expire(start + seconds(119));
    EXPECT_EQ(window.count(), 5U);
    EXPECT_EQ(window.fences().bytes, 500U);
    window.expire(start + seconds(120));
    EXPECT_EQ(window.count(), 2U);
    window.expire(start + seconds(130));
    EXPECT_EQ(window.fences().bytes, 0U);
}

TEST_F(FenceWindowTest, NeverCountsLessThanWhatStands)
{
    window.add({1, 100}, start);
    window.add({1, 100}, start + milliseconds(900));
    window.expire(start + milliseconds(500));
    EXPECT_EQ(window.count(), 2U) << "those of one second end with the last of them";
    window.expire(start + milliseconds(900));
    EXPECT_EQ(window.count(), 0U);
}

TEST_F(FenceWindowTest, ASteadyStreamEndsToo)
{
    for (int i = 0; i < 10'000; ++i) {
        auto const now = start + milliseconds(i);
        window.expire(now);
        window.add({1, 100}, now + seconds(2));
        EXPECT_LE(window.count(), 3002U);
    }
}

}  // namespace
}  // namespace wc
