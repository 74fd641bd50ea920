#include "http/status_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace wc::http {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string shown(const std::string &body) { return StatusView().show(body, Time{}); }

TEST(StatusView, ShowsHowMuchTimeIsLeft)
{
    EXPECT_THAT(
        shown(R"({"state":"catching up","catching_up":{"rows_left":1234,"rows_per_second":10,"seconds_left":200}})"),
        HasSubstr("1,234 rows left, 10 a second, 3 min 20 s to go\n"));
    EXPECT_THAT(
        shown(
            R"({"state":"sweeping","sweeping":{"keys_seen":1,"keys_removed":1,"keys_per_second":2,"seconds_left":7}})"),
        HasSubstr("2 a second, 7 s to go\n"));
}

TEST(StatusView, TakesABodyOfAnotherVersion)
{
    for (auto const *const work : {"{}", "[]", "3", "null", R"({"seconds_left":null})", R"({"seconds_left":"soon"})"}) {
        for (auto const *const name : {"catching_up", "sweeping"})
            EXPECT_THAT(shown(std::string(R"({"state":"busy",")") + name + "\":" + work + "}"), Not(HasSubstr("to go")))
                << work;
    }
    for (auto const *const body : {"", "[]", "{}", R"({"state":1})"})
        EXPECT_THROW(shown(body), std::invalid_argument) << body;
}

}  // namespace
}  // namespace wc::http
