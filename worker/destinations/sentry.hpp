// A project of Sentry, which takes errors as envelopes.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "config/sentry_dsn.hpp"
#include "destinations/http_post.hpp"
#include "destinations/receiver.hpp"

namespace wc::destinations {

struct SentryEvent {
    std::string text;
    /// Sentry groups events with the same fingerprint into one issue.
    std::vector<std::string> fingerprint;
    std::vector<std::pair<std::string, std::string>> tags{};
};

/// The envelope of an event.  `environment` may be empty.
Message sentry_message(const SentryEvent &event, const std::string &environment, const std::string &worker);

/// How long errors are not wanted, by the header X-Sentry-Rate-Limits: `seconds:categories:…, …`.
std::chrono::seconds sentry_pause(std::string_view rate_limits);

class Sentry : public Receiver {
public:
    Sentry(const config::SentryDsn &dsn, HttpPost::Options options);

    /// An event that comes while none are wanted is dropped, as Sentry asks for.
    Delivery deliver(const Message &message) override;
    void stop_at(Time until) override { post_.stop_at(until); }

private:
    std::vector<std::string> headers_;
    HttpPost post_;
    Time quiet_until_{};
};

}  // namespace wc::destinations
