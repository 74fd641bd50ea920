#include <gtest/gtest.h>

#include <string>

#include "core/label/rank.hpp"

namespace wc::label {
namespace {

TEST(Label, IsKnownWhateverItsCaseAndSeparators)
{
    for (const char *const spelled : {"LIFE_THREATENING", "life_threatening", "Life-Threatening", "life threatening",
                                      "  Life Threatening ", "lIFE_tHREATENING"})
        EXPECT_EQ(rank(spelled, kSeverities), 0) << spelled;
    EXPECT_EQ(rank("Severe", kSeverities), 1);
    EXPECT_EQ(rank("moderate", kSeverities), 2);
    EXPECT_EQ(rank("MILD", kSeverities), 3);
}

TEST(Label, IsUnknownWhereAnythingElseIsDifferent)
{
    for (const char *const spelled : {"", " ", "_", "MILDLY", "MIL", "M ILD", "\tMILD", "MILD\n", "LIFETHREATENING",
                                      "LIFE__THREATENING", "_SEVERE", "S\xC3\x89V\xC3\x88RE", "CRITICAL"})
        EXPECT_EQ(rank(spelled, kSeverities), 4) << spelled;
    EXPECT_EQ(rank(std::string_view("MILD\0", 5), kSeverities), 4);
}

// No byte but the letters, the space and the hyphen stands for another one.
TEST(Label, FoldsNothingElse)
{
    for (int byte = 0; byte < 256; ++byte) {
        char const c = static_cast<char>(byte);
        bool const is_letter = (c >= 'a' && c <= 'z');
        if (is_letter)
            EXPECT_EQ(folded(c), c - 32);
        else
            EXPECT_EQ(folded(c), c == ' ' || c == '-' ? '_' : c);
    }
}

}  // namespace
}  // namespace wc::label
