#include "http/server.hpp"
#include "http/status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wc {
namespace {

using testing::HasSubstr;

auto const kNow = std::chrono::steady_clock::now();

TEST(Health, SaysInWhichStateItIsAndHowOldTheQueueIs)
{
    app::Health health;
    EXPECT_FALSE(is_well(health.standing(kNow).state)) << "nothing is known yet";
    health.postgres = true;
    health.role = app::Role::Draining;
    health.queue_rows = 3;
    health.oldest_us = 2'500'000;
    health.tell(State::NoRedis, "refused");
    EXPECT_EQ(http::health_json(health),
              "{\"healthy\":false,\"state\":\"no redis\",\"detail\":\"refused\",\"stuck\":false,\"postgres\":true,"
              "\"redis\":false,\"role\":\"draining\",\"queue_rows\":3,\"oldest_queue_row_seconds\":2.5,\"set_aside_"
              "students\":0}\n");
    health.tell(State::CatchingUp, "\xff");
    health.rows_per_second = 10;
    health.seconds_left = -1;
    EXPECT_THAT(http::health_json(health),
                HasSubstr("\"catching_up\":{\"rows_per_second\":10.0,\"rows_left\":3,\"seconds_left\":null}"));
    EXPECT_TRUE(is_well(health.standing(kNow).state));
}

TEST(Health, IsNotWellWhileAServerKeepsItWaiting)
{
    app::Health health;
    health.tell(State::Idle, {});
    health.busy_since = kNow;
    EXPECT_EQ(health.standing(kNow + app::Health::kLongestWork).state, State::Idle);
    EXPECT_EQ(health.standing(kNow + 2 * app::Health::kLongestWork).state, State::Blocked);
    health.busy_since = kNow - 2 * app::Health::kLongestWork;
    EXPECT_THAT(http::health_json(health), HasSubstr("{\"healthy\":false,\"state\":\"blocked\","));
    health.busy_since = Time{};
    EXPECT_EQ(health.standing(kNow + std::chrono::hours(1)).state, State::Idle);
}

TEST(HttpServer, TakesAFreePortAndRefusesATakenOne)
{
    http::Handler const handler = [](auto const &) { return http::refusal(404); };
    http::Server const first("127.0.0.1", 0, handler);
    EXPECT_GT(first.port(), 0);
    try {
        http::Server const second("127.0.0.1", first.port(), handler);
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
    metrics.failed(Part::Redis);
    auto const text = metrics.text();
    EXPECT_THAT(text, HasSubstr("wc_worker_invalidated_total{kind=\"records\"} 1"));
    EXPECT_THAT(text, HasSubstr("wc_worker_gone_seconds_bucket{le=\"0.0003\"} 1"));
    EXPECT_THAT(text, HasSubstr("wc_worker_gone_seconds_bucket{le=\"0.0002\"} 0"));
    EXPECT_THAT(text, HasSubstr("wc_worker_failures_total{part=\"redis\"} 1"));
}

}  // namespace
}  // namespace wc
