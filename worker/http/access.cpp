#include "http/access.hpp"

#include <string>

#include "process/base64.hpp"
#include "process/loopback.hpp"

namespace wc::http {
namespace {

// Takes the same time wherever the two differ.
bool is_equal(std::string_view said, std::string_view token) noexcept
{
    std::size_t different = said.size() ^ token.size();
    for (std::size_t i = 0; i < said.size(); ++i)
        different |= static_cast<unsigned char>(said[i]) ^ static_cast<unsigned char>(token[i % token.size()]);
    return different == 0;
}

bool brings(std::string_view authorization, std::string_view token)
{
    if (authorization.starts_with("Bearer "))
        return is_equal(authorization.substr(7), token);
    if (!authorization.starts_with("Basic "))
        return false;
    auto const pair = from_base64(authorization.substr(6));
    auto const colon = pair.find(':');
    return colon != std::string::npos && is_equal(std::string_view(pair).substr(colon + 1), token);
}

}  // namespace

bool is_this_machine(std::string_view host) noexcept
{
    if (host.empty() || host.starts_with("[::1]"))
        return host.empty() || host.size() == 5 || host[5] == ':';
    return is_loopback(host.substr(0, host.find(':')));
}

std::optional<Answer> refuse_stranger(const Request &request, std::string_view token)
{
    if (request.is_from_here && is_this_machine(request.host))
        return std::nullopt;
    if (token.empty()) {
        auto answer = refusal(403);
        answer.body = "From other machines this needs a token: set http.token_file.\n";
        return answer;
    }
    if (brings(request.authorization, token))
        return std::nullopt;
    auto answer = refusal(401);
    answer.headers = "WWW-Authenticate: Bearer realm=\"wc-worker\"\r\nWWW-Authenticate: Basic realm=\"wc-worker\"\r\n";
    return answer;
}

}  // namespace wc::http
