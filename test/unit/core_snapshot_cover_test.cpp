#include <gtest/gtest.h>

#include "core/protocol/snapshot_cover.hpp"

namespace wc::snapshot_token {
namespace {

TEST(SnapshotCover, ASnapshotCoversItselfAndEarlierOnes)
{
    EXPECT_TRUE(covers("10:10:@5#1.1.1", "10:10:@5#1.1.1"));
    EXPECT_TRUE(covers("12:12:@9#1.1.1", "10:10:@5#1.1.1"));
    EXPECT_FALSE(covers("10:10:@5#1.1.1", "11:11:@5#1.1.1"));
}

TEST(SnapshotCover, WhatIsInProgressInOneMustNotBeVisibleInTheOther)
{
    EXPECT_FALSE(covers("8:12:8@5#1.1.1", "10:10:@5#1.1.1")) << "8 is visible in the other alone";
    EXPECT_TRUE(covers("8:12:8@5#1.1.1", "8:10:8@5#1.1.1")) << "8 is visible in neither";
    EXPECT_TRUE(covers("10:10:@5#1.1.1", "8:10:8,9@5#1.1.1")) << "8 and 9 are visible in the first alone";
    EXPECT_TRUE(covers("10:12:10@5#1.1.1", "10:10:@5#1.1.1")) << "10 had not begun in the other";
    EXPECT_FALSE(covers("8:12:8,9@5#1.1.1", "8:10:8@5#1.1.1"));
}

TEST(SnapshotCover, IdsOfAnotherServerMeanNothing)
{
    EXPECT_FALSE(covers("12:12:@5#1.1.2", "10:10:@5#1.1.1"));
    EXPECT_FALSE(covers("12:12:@5", "10:10:@5#1.1.1"));
}

TEST(SnapshotCover, WhatIsNoTokenCoversNothing)
{
    for (auto const *text : {"", "x", "10:10", "10:10:", "@", "10:@5", "12:10:@5", "10:10:@", "10:10:,@5",
                             "10:10:8,,9@5", "99999999999999999999:99999999999999999999:@5"}) {
        EXPECT_FALSE(covers(text, "1:1:@5")) << text;
        EXPECT_FALSE(covers("20:20:@5", text)) << text;
    }
    EXPECT_TRUE(covers("18446744073709551615:18446744073709551615:@5", "10:10:@5"));
}

}  // namespace
}  // namespace wc::snapshot_token
