#include <stdexcept>
#include <string>

#include "http/access.hpp"
#include "http/client.hpp"
#include "http/message.hpp"
#include "process/base64.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

constexpr std::string_view kToken = "0123456789abcdef";

void check_head(std::string_view head)
{
    auto const [status, request] = http::parse_head(head);
    require(status == 200 || status == 400 || status == 405);
    for (auto const piece : {request.method, request.path, request.query, request.authorization, request.host}) {
        require_within(head, piece);
        require(piece.find('\n') == std::string_view::npos);
    }
    require(status != 200 || request.method == "GET" || request.method == "HEAD");
    require(status == 400 ||
            (request.path.starts_with('/') && request.path.find_first_of(" ?") == std::string_view::npos));
    require(http::refuse_stranger(request, "").has_value());
    if (!http::refuse_stranger(request, kToken)) {
        auto const said = request.authorization;
        require(said == "Bearer " + std::string(kToken) ||
                (said.starts_with("Basic ") && from_base64(said.substr(6)).ends_with(":" + std::string(kToken))));
    }
}

void check_response(std::string_view text)
{
    try {
        auto const response = http::parse_response(std::string(text));
        require(response.status >= 100 && response.status <= 599);
        require(text.ends_with("\r\n\r\n" + response.body));
        require(text.substr(9, 3) == std::to_string(response.status));
    } catch (const std::runtime_error &error) {
        require(std::string_view(error.what()) == "the answer is not one of HTTP");
    }
}

}  // namespace

void check_http(std::string_view text)
{
    auto const end = http::end_of_head(text);
    require(end == std::string_view::npos || (end <= text.size() && end >= 2 && text[end - 1] == '\n'));
    // What comes behind the head, and in which pieces, makes no difference.
    if (end != std::string_view::npos)
        require(http::end_of_head(text.substr(0, end)) == end &&
                http::end_of_head(text.substr(0, end - 1)) == std::string_view::npos);
    check_head(text.substr(0, end));
    http::is_this_machine(text);
    check_response(text);
}

}  // namespace wc::fuzz
