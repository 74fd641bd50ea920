// SQL that the worker puts together.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pg/statement.hpp"

namespace wc::pg {
namespace {

constexpr std::string_view kTypes[] = {"text[]", "integer"};
constexpr Statement kStatement{"wc_test", kTypes, "SELECT $2, '$1', \"$2\", $1"};

TEST(Statement, IsPreparedAndExecuted)
{
    EXPECT_EQ(kStatement.preparation(), "PREPARE wc_test (text[], integer) AS SELECT $2, '$1', \"$2\", $1");
    EXPECT_EQ(kStatement.execution(std::vector<std::string>{"{a,'}", "-1"}), "EXECUTE wc_test('{a,''}', '-1')");
}

TEST(Statement, IsRunWithoutPreparation)
{
    EXPECT_EQ(kStatement.whole(std::vector<std::string>{"{a,'$2}", "-1"}),
              "SELECT CAST('-1' AS integer), '$1', \"$2\", CAST('{a,''$2}' AS text[])");
}

TEST(Statement, WithoutParameters)
{
    constexpr Statement kNone{"wc_none", {}, "SELECT 1"};
    EXPECT_EQ(kNone.preparation(), "PREPARE wc_none AS SELECT 1");
    EXPECT_EQ(kNone.execution({}), "EXECUTE wc_none");
    EXPECT_EQ(kNone.whole({}), "SELECT 1");
}

TEST(Quoting, IsRightWhateverTheSessionThinksOfBackslashes)
{
    EXPECT_EQ(quote_literal("O'Brien"), "'O''Brien'");
    EXPECT_EQ(quote_literal("a\\'; --"), " E'a\\\\''; --'");
    EXPECT_EQ(quote_literal("\\\\"), " E'\\\\\\\\'");
    EXPECT_EQ(quoted_identifier("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(array_literal(std::vector<std::string>{"a", "b\"c\\", ""}), "{\"a\",\"b\\\"c\\\\\",\"\"}");
    EXPECT_EQ(array_literal({}), "{}");
}

}  // namespace
}  // namespace wc::pg
