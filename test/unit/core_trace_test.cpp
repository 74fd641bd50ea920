#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/trace/event_ring.hpp"
#include "core/trace/line_limit.hpp"
#include "core/trace/traceparent.hpp"
#include "core/trace/traceparent_text.hpp"

namespace wc::trace {
namespace {

const std::string kGood = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsRead)
{
    auto const found = parse_traceparent(kGood);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->trace.high, 0x4bf92f3577b34da6u);
    EXPECT_EQ(found->trace.low, 0xa3ce929d0e0e4736u);
    EXPECT_EQ(found->parent, 0x00f067aa0ba902b7u);
    EXPECT_TRUE(found->is_sampled);
    char digits[kTraceDigits];
    write_hex(found->trace, digits);
    EXPECT_EQ(std::string(digits, sizeof digits), kGood.substr(3, 32));
    write_hex(found->parent, digits);
    EXPECT_EQ(std::string(digits, kSpanDigits), kGood.substr(36, 16));
}

TEST(Traceparent, IsWrittenAsItIsRead)
{
    for (std::string_view const text : {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                        "00-00000000000000010000000000000000-0000000000000001-00"}) {
        char written[kTraceparentLength];
        write_traceparent(*parse_traceparent(text), written);
        EXPECT_EQ(std::string_view(written, sizeof written), text);
    }
}

TEST(Traceparent, IsSampledByTheLastBitOfTheFlags)
{
    for (auto const &[flags, is_sampled] :
         {std::pair{"00", false}, {"01", true}, {"02", false}, {"03", true}, {"ff", true}})
        EXPECT_EQ(parse_traceparent(kGood.substr(0, 53) + flags)->is_sampled, is_sampled) << flags;
}

TEST(Traceparent, OfALaterVersionMayBeLonger)
{
    std::string const later = "01" + kGood.substr(2);
    EXPECT_TRUE(parse_traceparent(later));
    EXPECT_TRUE(parse_traceparent(later + "-what-comes"));
    EXPECT_FALSE(parse_traceparent(later + "what-comes"));
    EXPECT_FALSE(parse_traceparent(kGood + "-what-comes"));
    EXPECT_FALSE(parse_traceparent("ff" + kGood.substr(2)));
}

TEST(Traceparent, WithAnyCharacterWrongIsNone)
{
    for (std::size_t at = 0; at < kGood.size(); ++at) {
        for (char const wrong : {'g', 'A', '_', ' ', '\0', '\xff'}) {
            std::string text = kGood;
            text[at] = wrong;
            EXPECT_FALSE(parse_traceparent(text)) << at;
        }
        EXPECT_FALSE(parse_traceparent(kGood.substr(0, at)));
    }
    EXPECT_FALSE(parse_traceparent("00-" + std::string(32, '0') + kGood.substr(35)));
    EXPECT_FALSE(parse_traceparent(kGood.substr(0, 36) + std::string(16, '0') + "-01"));
}

TEST(Traceparent, IsFoundInTheCommentAtTheEnd)
{
    for (const std::string &statement : std::vector<std::string>{
             "SELECT 1 /*traceparent='" + kGood + "'*/",
             "SELECT 1 /* traceparent='" + kGood + "' */ ;\n",
             "SELECT 1 /*traceparent=" + kGood + "*/",
             "SELECT 1 /*action='a%20b',traceparent='" + kGood + "',tracestate='x%3D1'*/",
             "SELECT 1 /*not-traceparent='x',traceparent='" + kGood + "'*/",
             "SELECT '/*' /* a */ /*db='x',traceparent=" + kGood + ",z='1'*/;;",
         })
        EXPECT_TRUE(find_traceparent(statement)) << statement;
}

TEST(Traceparent, IsFoundNowhereElse)
{
    for (const std::string &statement : std::vector<std::string>{
             "",
             "*/",
             "/*/",
             "/**/",
             "SELECT 1",
             "/*traceparent='" + kGood + "'*/ SELECT 1",
             "SELECT '/*traceparent=''" + kGood + "''*/'",
             "SELECT 1 /*xtraceparent='" + kGood + "'*/",
             "SELECT 1 /*traceparent*/",
             "SELECT 1 /*traceparent=*/",
             "SELECT 1 /*traceparent='*/",
             "SELECT 1 /*traceparent='" + kGood + "'" + std::string(5000, ' ') + "*/",
             "SELECT 1 /*traceparent='" + kGood + "'*/ /*another='1'*/",
         })
        EXPECT_FALSE(find_traceparent(statement)) << statement;
}

struct Event {
    std::uint64_t number;
    std::uint64_t copies[6];
};
using Ring = EventRing<Event, 16>;

Event event(std::uint64_t number) { return {number, {number, number, number, number, number, number}}; }

TEST(EventRing, KeepsTheLatest)
{
    auto const ring = std::make_unique<Ring>();
    Event found;
    EXPECT_EQ(ring->get(0, found), Ring::Found::NotYet);
    for (std::uint64_t i = 0; i < 40; ++i)
        ring->put(event(i));
    EXPECT_EQ(ring->next(), 40u);
    EXPECT_EQ(ring->oldest(), 24u);
    for (std::uint64_t i = 0; i < 40; ++i) {
        ASSERT_EQ(ring->get(i, found), i < 24 ? Ring::Found::Gone : Ring::Found::Yes) << i;
        if (i >= 24) {
            ASSERT_EQ(found.copies[5], i);
        }
    }
    EXPECT_EQ(ring->get(40, found), Ring::Found::NotYet);
}

TEST(EventRing, GivesNoEventThatIsHalfOfAnother)
{
    auto const ring = std::make_unique<Ring>();
    constexpr std::uint64_t kEach = 20'000;
    std::atomic<int> at_work{3};
    std::vector<std::thread> threads;
    for (std::uint64_t of = 0; of < 3; ++of)
        threads.emplace_back([&, of] {
            for (std::uint64_t i = 0; i < kEach; ++i)
                ring->put(event(of * kEach + i));
            --at_work;
        });
    std::uint64_t seen = 0;
    do {
        for (std::uint64_t i = ring->oldest(); i < ring->next(); ++i) {
            Event found;
            if (ring->get(i, found) != Ring::Found::Yes)
                continue;
            ++seen;
            for (std::uint64_t const copy : found.copies)
                ASSERT_EQ(copy, found.number);
        }
    } while (at_work > 0);
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(ring->next(), 3 * kEach);
    EXPECT_GT(seen, 0u);
}

TEST(LineLimit, SaysWhatItLeftOutInOneOfItsLines)
{
    auto const limit = std::make_unique<LineLimit>();
    auto const lines_of = [&](std::int64_t second, int tries) {
        std::uint64_t lines = 0;
        for (int i = 0; i < tries; ++i) {
            auto const admission = limit->admit(second);
            lines += admission.is_admitted + (admission.suppressed > 0);
        }
        return lines;
    };
    EXPECT_EQ(lines_of(100, 10), 10u);
    EXPECT_EQ(lines_of(101, 25), 10u);
    EXPECT_EQ(lines_of(100, 3), 0u) << "a clock that is behind gets no more";
    EXPECT_EQ(limit->admit(102).suppressed, 18u);
    EXPECT_EQ(lines_of(102, 20), 8u);
    EXPECT_EQ(limit->admit(200).suppressed, 12u);
    EXPECT_EQ(limit->admit(300).suppressed, 0u);
}

TEST(LineLimit, HoldsAmongThreads)
{
    auto const limit = std::make_unique<LineLimit>();
    std::atomic<std::uint64_t> lines{0};
    std::atomic<std::uint64_t> told{0};
    std::vector<std::thread> threads;
    constexpr int kTries = 3000;
    for (int of = 0; of < 3; ++of)
        threads.emplace_back([&] {
            for (int i = 0; i < kTries; ++i) {
                auto const admission = limit->admit(1 + i / 300);
                lines += admission.is_admitted;
                told += admission.suppressed;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_LE(lines, 10 * LineLimit::kLinesASecond);
    told += limit->admit(1000).suppressed;
    EXPECT_EQ(lines + told, 3u * kTries);
}

}  // namespace
}  // namespace wc::trace
