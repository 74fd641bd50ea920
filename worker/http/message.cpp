#include "http/message.hpp"

#include <algorithm>

namespace wc::http {
namespace {

constexpr std::string_view reason(int status) noexcept
{
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 431: return "Request Header Fields Too Large";
        case 503: return "Service Unavailable";
        default: return "Internal Server Error";
    }
}

bool is_same(std::string_view name, std::string_view lower_case) noexcept
{
    return std::equal(name.begin(), name.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

// The first header of that name.
std::string_view header(std::string_view head, std::string_view name) noexcept
{
    for (auto at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
        auto const line = head.substr(at + 1, head.find('\n', at + 1) - at - 1);
        auto const colon = line.find(':');
        if (colon != std::string_view::npos && is_same(line.substr(0, colon), name))
            return trimmed(line.substr(colon + 1));
    }
    return {};
}

}  // namespace

std::size_t end_of_head(std::string_view received) noexcept
{
    for (auto at = received.find('\n'); at != std::string_view::npos; at = received.find('\n', at + 1)) {
        auto const rest = received.substr(at + 1);
        if (rest.starts_with('\n'))
            return at + 2;
        if (rest.starts_with("\r\n"))
            return at + 3;
    }
    return std::string_view::npos;
}

ParsedHead parse_head(std::string_view head) noexcept
{
    auto line = head.substr(0, head.find('\n'));
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    auto const first = line.find(' ');
    auto const last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || !line.substr(last + 1).starts_with("HTTP/1."))
        return {400, {}};
    auto target = line.substr(first + 1, last - first - 1);
    if (!target.starts_with('/') || target.find(' ') != std::string_view::npos)
        return {400, {}};
    auto const mark = std::min(target.find('?'), target.size());
    Request const request{line.substr(0, first), target.substr(0, mark),
                          target.substr(std::min(mark + 1, target.size())), header(head, "authorization"),
                          header(head, "host")};
    return {request.method == "GET" || request.method == "HEAD" ? 200 : 405, request};
}

std::string format(const Answer &answer, bool with_body)
{
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
    text.append(reason(answer.status)).append("\r\nContent-Type: ").append(answer.type);
    text += "\r\nContent-Length: " + std::to_string(answer.body.size());
    if (answer.status == 405)
        text += "\r\nAllow: GET, HEAD";
    text += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n" + answer.headers +
            "\r\n";
    return with_body ? text + answer.body : text;
}

Answer refusal(int status)
{
    Answer answer;
    answer.status = status;
    answer.body = std::string(reason(status)) + "\n";
    return answer;
}

}  // namespace wc::http
