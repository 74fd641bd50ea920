// Parses HTTP requests and formats answers.
#pragma once
#include <string>
#include <string_view>

namespace wc::http {

struct Request {
    std::string_view method;
    std::string_view path;           ///< without the query
    std::string_view query;          ///< what follows '?'
    std::string_view authorization;  ///< the header; empty: there is none
    std::string_view host;           ///< the header, or empty
    bool is_from_here = false;       ///< the client is a process of this machine
};

struct Answer {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
    std::string headers{};  ///< further header lines, each with its line end
};

/// Returns where the head of a request ends, including its empty line; npos while the head is incomplete.
std::size_t end_of_head(std::string_view received) noexcept;

/// The status is 200, or that of the refusal: 400 if this is no request of HTTP/1, 405 if the method is neither GET nor
/// HEAD.
struct ParsedHead {
    int status;
    Request request;
};
/// Parses the head of a request.
ParsedHead parse_head(std::string_view head) noexcept;

/// Returns the answer's bytes.  The answer says `Connection: close`, because a connection is for one request.
std::string format(const Answer &answer, bool with_body);
/// Returns an answer whose body is the status in words.
Answer refusal(int status);

}  // namespace wc::http
