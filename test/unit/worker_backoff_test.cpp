#include "process/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace wc {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, StaysWithinItsBoundsAndGrows)
{
    Backoff backoff(milliseconds(50), milliseconds(2000), 1);
    auto last = milliseconds(50), longest = milliseconds(0);
    for (int i = 0; i < 1000; ++i) {
        auto const pause = backoff.next();
        EXPECT_GE(pause, milliseconds(50));
        EXPECT_LE(pause, milliseconds(2000));
        EXPECT_LE(pause, 3 * last);
        last = pause;
        longest = std::max(longest, pause);
    }
    EXPECT_EQ(longest, milliseconds(2000));
    backoff.reset();
    EXPECT_LE(backoff.next(), milliseconds(150));
}

TEST(Backoff, WorkersDoNotMarchInStep)
{
    std::set<milliseconds> pauses;
    for (unsigned seed = 0; seed < 20; ++seed) {
        Backoff backoff(milliseconds(50), milliseconds(5000), seed * 7919);
        backoff.next();
        backoff.next();
        pauses.insert(backoff.next());
    }
    EXPECT_GT(pauses.size(), 10U);
}

TEST(Backoff, EqualBoundsAreAFixedPause)
{
    Backoff backoff(milliseconds(10), milliseconds(10), 3);
    EXPECT_EQ(backoff.next(), milliseconds(10));
    EXPECT_EQ(backoff.next(), milliseconds(10));
}

}  // namespace
}  // namespace wc
