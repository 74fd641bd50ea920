#include "app/horizon.hpp"

#include <gtest/gtest.h>

namespace wc::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLife{120};

class HorizonTest : public testing::Test {
protected:
    Horizon::Taken add(seconds at) { return horizon.add(began + at, std::to_string(at.count()), kLife); }

    Horizon horizon;
    Time const began{seconds(1000)};
};

TEST_F(HorizonTest, TheFirstSnapshotIsPublishedAtOnce)
{
    EXPECT_LE(horizon.due(), began);
    EXPECT_EQ(add(seconds(0)).snapshot, "0");
    EXPECT_EQ(horizon.due(), began + seconds(15));
}

TEST_F(HorizonTest, ThenTheLatestThatIsHalfALifeOld)
{
    for (int at = 0; at <= 60; at += 15)
        EXPECT_EQ(add(seconds(at)).snapshot, "0");
    EXPECT_EQ(add(seconds(75)).snapshot, "15");
    EXPECT_EQ(add(seconds(200)).snapshot, "200") << "late: the others are too old";
}

TEST_F(HorizonTest, WhatIsPublishedInTimeHasNotEndedBeforeTheNextIs)
{
    for (int at = 0; at < 600; at += 15) {
        auto const published = add(seconds(at));
        EXPECT_GT(Horizon::end_of(published, kLife), began + seconds(at + 14));
        EXPECT_LT(Horizon::end_of(published, kLife) - published.at, kLife) << "before the fences of then are gone";
    }
}

TEST_F(HorizonTest, WhatWasForgottenIsNotPublished)
{
    add(seconds(0));
    horizon.forget();
    EXPECT_LE(horizon.due(), began);
    EXPECT_EQ(add(seconds(100)).snapshot, "100");
}

}  // namespace
}  // namespace wc::app
