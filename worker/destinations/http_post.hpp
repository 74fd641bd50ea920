// Sends something over HTTP, by libcurl.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "process/clock.hpp"

namespace wc::destinations {

struct HttpAnswer {
    int status = 0;     ///< 0: no answer came, and `error` says why
    std::string error;  ///< names neither the URL nor a header
    std::string body;   ///< the first bytes of the answer's body
    std::chrono::seconds retry_after{};
    std::string wanted;  ///< the value of the header that Options::wanted_header names

    bool is_success() const noexcept { return status / 100 == 2; }
};

/// Sends to one receiver.  Verifies certificates, keeps the connection open between two calls, follows no redirect, and
/// speaks nothing but HTTP.  For one thread, except `stop_at`, which any thread may call.
class HttpPost {
public:
    struct Options {
        std::chrono::milliseconds timeout{10000};  ///< for the whole call, including the look-up of the name
        std::string ca_file{};                     ///< empty: the system's store
        const char *wanted_header = nullptr;       ///< a response header to keep; null: none
    };
    HttpPost(std::string url, Options options);
    ~HttpPost();
    HttpPost(const HttpPost &) = delete;
    HttpPost &operator=(const HttpPost &) = delete;

    /// `headers` are lines `name: value`.
    HttpAnswer send(const std::vector<std::string> &headers, std::string_view body);
    void stop_at(Time until);

private:
    struct Handles;
    int perform();  // returns a CURLcode
    std::string url_;
    Options options_;
    std::unique_ptr<Handles> handles_;
    std::atomic<Time> until_{Time::max()};
};

}  // namespace wc::destinations
