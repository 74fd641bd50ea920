// Who may see the pages of the administrator.
#include "http/access.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wc {
namespace {

constexpr std::string_view kToken = "0123456789abcdef";

int status(bool from_here, std::string_view host, std::string_view authorization, std::string_view token = kToken)
{
    http::Request request;
    request.is_from_here = from_here;
    request.host = host;
    request.authorization = authorization;
    auto const refused = http::refuse_stranger(request, token);
    return refused ? refused->status : 200;
}

TEST(Access, AProcessOfThisMachineNeedsNoToken)
{
    for (auto const *host : {"", "localhost", "localhost:9618", "127.0.0.1", "127.0.0.1:9618", "[::1]", "[::1]:9618"}) {
        EXPECT_EQ(status(true, host, ""), 200) << host;
        EXPECT_EQ(status(true, host, "", ""), 200) << host;
    }
}

TEST(Access, ANameThatWasMadeToPointHereDoes)
{
    for (auto const *host : {"evil.example", "evil.example:9618", "127.0.0.1.evil.example", "localhost.evil.example",
                             "[::1].evil", "localhost@evil.example", "127.0.0.1evil"}) {
        EXPECT_EQ(status(true, host, ""), 401) << host;
        EXPECT_EQ(status(true, host, "", ""), 403) << host;
    }
}

TEST(Access, OthersBringTheToken)
{
    EXPECT_EQ(status(false, "db1:9618", "Bearer 0123456789abcdef"), 200);
    EXPECT_EQ(status(false, "db1:9618", "Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg=="), 200);
    for (auto const *wrong :
         {"", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdeg", "Bearer 0123456789abcdef0123456789abcdef",
          "bearer", "0123456789abcdef", "Basic ", "Basic !", "Basic YWRtaW4=", "Basic MDEyMzQ1Njc4OWFiY2RlZg=="})
        EXPECT_EQ(status(false, "localhost", wrong), 401) << wrong;
    EXPECT_EQ(status(false, "localhost", "Bearer ", ""), 403) << "no token is no empty token";
    EXPECT_EQ(status(false, "localhost", "Basic YTo=", ""), 403);
}

}  // namespace
}  // namespace wc
