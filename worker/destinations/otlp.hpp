// A receiver of OTLP over HTTP, in JSON.
#pragma once
#include <string>
#include <vector>

#include "destinations/http_post.hpp"
#include "destinations/receiver.hpp"

namespace wc::destinations {

/// How an answer to one of two signals names what it rejected.
inline constexpr char kRejectedSpans[] = "rejectedSpans";
inline constexpr char kRejectedDataPoints[] = "rejectedDataPoints";

struct OtlpOptions {
    std::string url;                     ///< of the signal, with /v1/traces or /v1/metrics
    std::vector<std::string> headers{};  ///< lines
    bool gzip = true;
    const char *rejected = kRejectedSpans;
};

class Otlp : public Receiver {
public:
    Otlp(OtlpOptions options, HttpPost::Options http)
        : options_(std::move(options)), post_(options_.url, std::move(http))
    {}

    Delivery deliver(const Message &message) override;
    void stop_at(Time until) override { post_.stop_at(until); }

private:
    OtlpOptions options_;
    HttpPost post_;
};

/// Returns what the answer to a request that was taken says: what the receiver rejected of it, or warns of.  Values of
/// the request's headers are secrets, and masked where the receiver repeats them.
Delivery read_otlp_answer(const std::string &body, const char *rejected, const std::vector<std::string> &headers);

}  // namespace wc::destinations
