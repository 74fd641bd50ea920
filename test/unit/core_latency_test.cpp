#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "core/latency/striped_tally.hpp"
#include "core/latency/window.hpp"

namespace wc::latency {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(LatencyBucket, FollowOneAnotherWithoutGaps)
{
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        ASSERT_LT(lower_edge_ns(bucket), lower_edge_ns(bucket + 1));
        ASSERT_EQ(bucket_of(lower_edge_ns(bucket)), bucket);
        ASSERT_EQ(bucket_of(lower_edge_ns(bucket + 1) - 1), bucket);
    }
    EXPECT_EQ(lower_edge_ns(0), 0u);
    EXPECT_EQ(lower_edge_ns(kBuckets), std::uint64_t{1} << 36);
    EXPECT_EQ(bucket_of(std::uint64_t{1} << 36), kBuckets - 1);
    EXPECT_EQ(bucket_of(~std::uint64_t{0}), kBuckets - 1);
}

TEST(LatencyBucket, MiddleIsNearToAllOfABucket)
{
    for (std::size_t bucket = kPerPower; bucket < kBuckets; ++bucket) {
        auto const middle = static_cast<double>(middle_ns(bucket));
        for (std::uint64_t const edge : {lower_edge_ns(bucket), lower_edge_ns(bucket + 1) - 1})
            ASSERT_LE(std::abs(middle - static_cast<double>(edge)) / static_cast<double>(edge), 1.0 / 64) << bucket;
    }
}

TEST(LatencyBucket, PowersOfTwoAreEdges)
{
    for (unsigned power = 0; power < 30; ++power)
        EXPECT_EQ(lower_edge_ns(bucket_of(kUnitNs << power)), kUnitNs << power);
}

class Percentiles : public ::testing::TestWithParam<double> {};

TEST_P(Percentiles, AreThoseOfAnExactSort)
{
    double const spread = GetParam();
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> duration(std::log(60'000.0), spread);
    std::vector<std::uint64_t> all(20'000);
    auto const tally = std::make_unique<StripedTally>();
    std::size_t n = 0;
    for (std::uint64_t &one : all) {
        one = static_cast<std::uint64_t>(2048 + duration(random));
        tally->count(n++, one, false);
    }
    std::ranges::sort(all);
    Tally sum;
    tally->read(sum);
    EXPECT_EQ(sum.calls(), all.size());
    for (double const q : {0.0001, 0.01, 0.5, 0.95, 0.99, 0.9999, 1.0}) {
        auto const exact = static_cast<double>(all[static_cast<std::size_t>(std::ceil(q * 20'000)) - 1]);
        if (exact < 6e10) {
            EXPECT_NEAR(sum.quantile_ns(q), exact, exact / 64) << q;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Spreads, Percentiles, ::testing::Values(0.01, 0.5, 2.0, 4.0));

TEST(LatencyTally, QuantileIsByNearestRank)
{
    Tally tally{};
    EXPECT_EQ(tally.quantile_ns(0.5), 0);
    tally.buckets[1] = 1;
    EXPECT_EQ(tally.quantile_ns(0.01), middle_ns(1));
    EXPECT_EQ(tally.quantile_ns(1), middle_ns(1));
    tally.buckets[3] = 1;
    EXPECT_EQ(tally.quantile_ns(0.5), middle_ns(1));
    EXPECT_EQ(tally.quantile_ns(0.51), middle_ns(3));
    tally.buckets[kBuckets - 1] = 98;
    EXPECT_EQ(tally.quantile_ns(0.02), middle_ns(3));
    EXPECT_EQ(tally.quantile_ns(0.99), middle_ns(kBuckets - 1));
}

TEST(LatencyTally, CountsBelowAPowerAreExact)
{
    Tally tally{};
    for (std::uint64_t const ns : {63, 64, 127, 128, 1023, 1024, 4095, 4096, 100'000})
        ++tally.buckets[bucket_of(ns)];
    EXPECT_EQ(tally.calls_below(0), 1u);
    EXPECT_EQ(tally.calls_below(1), 3u);
    EXPECT_EQ(tally.calls_below(4), 5u);
    EXPECT_EQ(tally.calls_below(6), 7u);
    EXPECT_EQ(tally.calls_below(29), 9u);
}

TEST(LatencyTally, ErrorsAreCountedByClass)
{
    auto const striped = std::make_unique<StripedTally>();
    for (std::string_view const state : {"22023", "57014", "22P02", "HV000", "XX000", ""})
        striped->count_error(3, error_class_of(state));
    striped->count(3, 1, true);
    Tally sum;
    striped->read(sum);
    EXPECT_EQ(sum.errors[error_class_of("22000")], 2u);
    EXPECT_EQ(sum.errors[error_class_of("57P01")], 1u);
    EXPECT_EQ(sum.errors[kErrorClassCount - 1], 2u);
    EXPECT_EQ(sum.failed(), 6u);
    EXPECT_EQ(sum.slow, 1u);
}

TEST(LatencyTally, NothingIsLostBetweenThreads)
{
    auto const striped = std::make_unique<StripedTally>();
    std::vector<std::thread> threads;
    constexpr std::uint64_t kCalls = 20'000;
    for (std::size_t of = 0; of < 4; ++of)
        threads.emplace_back([&, of] {
            for (std::uint64_t i = 1; i <= kCalls; ++i)
                striped->count(of / 2, i * 10, i % 2 == 0);
        });
    Tally sum;
    striped->read(sum);
    EXPECT_LE(sum.calls(), 4 * kCalls);
    for (std::thread &thread : threads)
        thread.join();
    striped->read(sum);
    EXPECT_EQ(sum.calls(), 4 * kCalls);
    EXPECT_EQ(sum.slow, 2 * kCalls);
    EXPECT_EQ(sum.sum_ns, 4 * 10 * kCalls * (kCalls + 1) / 2);
}

// One series, counted as the extension does it: who finds a snapshot due takes it first.
struct Clocked {
    std::unique_ptr<Window<1>> window = std::make_unique<Window<1>>();
    Tally tally{};

    explicit Clocked(std::int64_t now)
    {
        window->start(now, [this](std::size_t) -> const Tally & { return tally; });
    }

    void tick(std::int64_t now)
    {
        if (window->is_due(now))
            window->take(now, [this](std::size_t) -> const Tally & { return tally; });
    }

    void count(std::int64_t now)
    {
        tick(now);
        ++tally.buckets[5];
        tally.sum_ns += 400;
    }

    struct Seen {
        std::uint64_t calls;
        std::int64_t length;
    };
    Seen see(std::int64_t now)
    {
        tick(now);
        auto const begin = window->begin(now);
        Tally difference;
        begin.images[0].difference(tally, difference);
        EXPECT_EQ(difference.sum_ns, 400 * difference.calls());
        return {difference.calls(), now - begin.at};
    }
};

TEST(LatencyWindow, IsAsLongAsItIsOldAtFirst)
{
    Clocked clocked(1000 * kSecond);
    clocked.count(1001 * kSecond);
    auto const seen = clocked.see(1010 * kSecond);
    EXPECT_EQ(seen.calls, 1u);
    EXPECT_EQ(seen.length, 10 * kSecond);
}

TEST(LatencyWindow, HasTheCallsOfItsLength)
{
    Clocked clocked(0);
    std::vector<std::int64_t> at;
    std::mt19937_64 random(3);
    std::int64_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
        // Mostly often, and at times nobody for a long while.
        now += i % 1000 == 999 ? static_cast<std::int64_t>(random() % 900) * kSecond
                               : static_cast<std::int64_t>(random() % 300) * kSecond / 1000;
        clocked.count(now);
        at.push_back(now);
        if (i % 37 == 0) {
            auto const seen = clocked.see(now);
            if (now > kWindowNs) {
                ASSERT_GE(seen.length, kWindowNs);
            }
            ASSERT_LE(seen.length, kWindowNs + kTickNs);
            auto const within = std::ranges::count_if(at, [&](std::int64_t call) { return call >= now - seen.length; });
            ASSERT_EQ(seen.calls, static_cast<std::uint64_t>(within)) << i;
        }
    }
}

TEST(LatencyWindow, IsEmptyAfterAPauseThatIsLonger)
{
    Clocked clocked(0);
    clocked.count(2 * kSecond);
    clocked.count(14 * kSecond);
    EXPECT_EQ(clocked.see(3600 * kSecond).calls, 0u);
    EXPECT_EQ(clocked.see(3600 * kSecond).length, kWindowNs);
}

TEST(LatencyWindow, CountsBeyondTheRangeOfAnImage)
{
    Clocked clocked(0);
    clocked.tally.buckets[5] = 0xffff'fffe;
    clocked.tally.sum_ns = 400ull * 0xffff'fffe;
    clocked.tick(20 * kSecond);
    for (int i = 0; i < 5; ++i)
        clocked.count(21 * kSecond);
    EXPECT_EQ(clocked.see(330 * kSecond).calls, 5u);
}

TEST(LatencyWindow, BeginsAnewWhenStarted)
{
    Clocked clocked(0);
    for (std::int64_t second = 0; second < 1000; ++second)
        clocked.count(second * kSecond);
    clocked.window->start(1000 * kSecond, [&](std::size_t) -> const Tally & { return clocked.tally; });
    EXPECT_EQ(clocked.see(1001 * kSecond).calls, 0u);
    clocked.count(1002 * kSecond);
    EXPECT_EQ(clocked.see(1003 * kSecond).calls, 1u);
    EXPECT_EQ(clocked.see(1003 * kSecond).length, 3 * kSecond);
}

TEST(LatencyWindow, IsTakenByOneOfManyThreads)
{
    auto const window = std::make_unique<Window<1>>();
    auto const striped = std::make_unique<StripedTally>();
    Tally read;
    auto const reading = [&](std::size_t) -> const Tally & {
        striped->read(read);
        return read;
    };
    std::mutex lock;
    window->start(0, reading);
    std::vector<std::thread> threads;
    std::atomic<int> taken{0};
    constexpr int kCalls = 400;
    for (std::size_t of = 0; of < 3; ++of)
        threads.emplace_back([&, of] {
            for (int i = 0; i < kCalls; ++i) {
                std::int64_t const now = i * kSecond;
                if (window->is_due(now)) {
                    std::unique_lock<std::mutex> const held(lock, std::try_to_lock);
                    if (held.owns_lock() && window->is_due(now)) {
                        window->take(now, reading);
                        ++taken;
                    }
                }
                striped->count(of, 400, false);
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_GE(taken, 1);
    EXPECT_LE(taken, kCalls / 15);
    Tally difference;
    window->begin(kCalls * kSecond).images[0].difference(reading(0), difference);
    EXPECT_LE(difference.calls(), 3u * kCalls);
}

}  // namespace
}  // namespace wc::latency
