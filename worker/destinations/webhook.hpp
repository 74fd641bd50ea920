// A receiver of Standard Webhooks 1.0: https://www.standardwebhooks.com
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "destinations/http_post.hpp"
#include "destinations/receiver.hpp"

namespace wc::destinations {

/// Returns `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
std::string webhook_signature(std::string_view key, std::string_view id, std::int64_t timestamp, std::string_view body);

/// Returns a message of this type; `data` is JSON.
Message webhook_message(std::string_view type, std::string_view data);

class Webhook : public Receiver {
public:
    /// With an empty key, messages carry no signature.
    Webhook(std::string url, std::string key, HttpPost::Options options)
        : key_(std::move(key)), post_(std::move(url), std::move(options))
    {}

    Delivery deliver(const Message &message) override;
    void stop_at(Time until) override { post_.stop_at(until); }

private:
    std::string key_;
    HttpPost post_;
};

}  // namespace wc::destinations
