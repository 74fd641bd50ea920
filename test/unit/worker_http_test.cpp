#include "http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wc {
namespace {

using testing::HasSubstr;

auto const kNow = std::chrono::steady_clock::now();

TEST(Health, SaysWhatIsConnectedAndHowOldTheQueueIs)
{
    app::Health health;
    EXPECT_FALSE(health.is_well(kNow));
    health.postgres = true;
    health.role = app::Role::Draining;
    health.queue_rows = 3;
    health.oldest_us = 2'500'000;
    EXPECT_FALSE(health.is_well(kNow));
    EXPECT_EQ(
        http::health_json(health),
        "{\"healthy\":false,\"stuck\":false,\"postgres\":true,\"redis\":false,\"role\":\"draining\",\"queue_rows\":3,"
        "\"oldest_queue_row_seconds\":2.5}\n");
    health.redis = true;
    EXPECT_TRUE(health.is_well(kNow));
}

TEST(Health, IsWellWhenRedisIsSwitchedOff)
{
    app::Health health;
    health.role = app::Role::Off;
    EXPECT_TRUE(health.is_well(kNow));
}

TEST(Health, IsNotWellWhileAServerKeepsItWaiting)
{
    app::Health health;
    health.postgres = health.redis = true;
    health.busy_since = kNow;
    EXPECT_TRUE(health.is_well(kNow + app::Health::kLongestWork));
    EXPECT_FALSE(health.is_well(kNow + 2 * app::Health::kLongestWork));
    health.busy_since = kNow - 2 * app::Health::kLongestWork;
    EXPECT_THAT(http::health_json(health), HasSubstr("{\"healthy\":false,\"stuck\":true,\"postgres\":true"));
    health.busy_since = app::Time{};
    EXPECT_TRUE(health.is_well(kNow + std::chrono::hours(1)));
}

TEST(HttpServer, TakesAFreePortAndRefusesATakenOne)
{
    app::Health health;
    metrics::Metrics metrics;
    http::Server const first("127.0.0.1", 0, health, metrics);
    EXPECT_GT(first.port(), 0);
    try {
        http::Server const second("127.0.0.1", first.port(), health, metrics);
        ADD_FAILURE() << "two servers on one port";
    } catch (const std::runtime_error &error) {
        EXPECT_THAT(error.what(), HasSubstr("Address already in use"));
    }
}

TEST(Metrics, CountLatenciesAndKinds)
{
    metrics::Metrics metrics;
    metrics.invalidated(cache::Kind::Records);
    metrics.gone_after(std::chrono::microseconds(250));
    metrics.failed(app::Part::Redis);
    auto const text = metrics.text();
    EXPECT_THAT(text, HasSubstr("wc_worker_invalidated_total{kind=\"records\"} 1"));
    EXPECT_THAT(text, HasSubstr("wc_worker_gone_seconds_bucket{le=\"0.0003\"} 1"));
    EXPECT_THAT(text, HasSubstr("wc_worker_gone_seconds_bucket{le=\"0.0002\"} 0"));
    EXPECT_THAT(text, HasSubstr("wc_worker_failures_total{part=\"redis\"} 1"));
}

}  // namespace
}  // namespace wc
