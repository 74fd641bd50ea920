// Asks a worker over HTTP.
#pragma once
#include <chrono>
#include <string>

namespace wc::http {

struct Response {
    int status = 0;
    std::string body;
};

/// Parses a response that ends with the connection.  Throws std::runtime_error if it is none of HTTP/1.
Response parse_response(const std::string &text);

/// Sends one request and returns the answer, whose length is bounded.  An empty token is not sent.  Throws
/// std::runtime_error with the reason if no answer comes within `patience`.
Response get(const std::string &address, int port, const std::string &path, const std::string &token,
             std::chrono::milliseconds patience);

}  // namespace wc::http
