#include <gtest/gtest.h>

#include "core/protocol/key.hpp"
#include "core/protocol/section.hpp"

namespace wc::cache {
namespace {

std::string page_key(std::string_view student_id, int page, int limit, KeyForm form = KeyForm::Plain)
{
    std::string text;
    append_page_key(text, student_id, page, limit, form);
    return text;
}

TEST(CacheKey, IsSpelledAsTheServiceSpelledIt)
{
    EXPECT_EQ(key("clx1", Kind::HealthSummary), "student:clx1:health_summary");
    EXPECT_EQ(key("clx1", Kind::GrowthChart), "student:clx1:growth_chart");
    EXPECT_EQ(page_key("clx1", 2, 20), "student:clx1:records:2:20:");
    EXPECT_EQ(page_key("clx1", 1, 50), "student:clx1:records:1:50:");
}

TEST(CacheKey, BracesMakeAllKeysOfAStudentShareASlot)
{
    EXPECT_EQ(key("clx1", Kind::HealthSummary, KeyForm::HashTag), "student:{clx1}:health_summary");
    EXPECT_EQ(student_prefix("clx1", KeyForm::HashTag), "student:{clx1}:");
    EXPECT_EQ(page_key("7", 1, 5, KeyForm::HashTag), "student:{7}:records:1:5:");
}

TEST(Staleness, FollowsTheMatrix)
{
    struct Row {
        Section changed;
        bool summary, records, growth;
    };
    constexpr Row kMatrix[] = {
        {kStudent, true, true, false},    {kHealthRecords, true, true, false},
        {kAllergies, true, false, false}, {kChronicConditions, false, false, false},
        {kGrowth, false, false, true},
    };
    for (const Row &row : kMatrix) {
        EXPECT_EQ(is_stale(Kind::HealthSummary, row.changed), row.summary) << row.changed;
        EXPECT_EQ(is_stale(Kind::Records, row.changed), row.records) << row.changed;
        EXPECT_EQ(is_stale(Kind::GrowthChart, row.changed), row.growth) << row.changed;
    }
    EXPECT_TRUE(is_stale(Kind::HealthSummary, kAllSections));
    EXPECT_FALSE(is_stale(Kind::HealthSummary, 0));
}

TEST(Lifetime, OfEachKind)
{
    EXPECT_EQ(ttl_seconds(Kind::HealthSummary), 300);
    EXPECT_EQ(ttl_seconds(Kind::Records), 300);
    EXPECT_EQ(ttl_seconds(Kind::GrowthChart), 3600);
}

}  // namespace
}  // namespace wc::cache
