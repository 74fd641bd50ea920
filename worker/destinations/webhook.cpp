#include "destinations/webhook.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <chrono>
#include <stdexcept>

#include "destinations/random_id.hpp"
#include "process/base64.hpp"

namespace wc::destinations {
namespace {

using std::chrono::system_clock;

// 429 and these two ask for fewer messages.
bool is_throttling(int status) { return status == 429 || status == 502 || status == 504; }

std::string utc_now()
{
    auto const now = std::chrono::floor<std::chrono::milliseconds>(system_clock::now());
    auto const milliseconds = now.time_since_epoch().count() % 1000;
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(now)), milliseconds);
}

}  // namespace

std::string webhook_signature(std::string_view key, std::string_view id, std::int64_t timestamp, std::string_view body)
{
    auto const text = fmt::format("{}.{}.{}", id, timestamp, body);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char *>(text.data()), text.size(), digest, &length))
        throw std::runtime_error("OpenSSL computes no HMAC");
    return "v1," + to_base64({reinterpret_cast<const char *>(digest), length});
}

Message webhook_message(std::string_view type, std::string_view data)
{
    return {"msg_" + random_id(16),
            fmt::format(R"({{"type":"{}","timestamp":"{}","data":{}}})", type, utc_now(), data)};
}

Delivery Webhook::deliver(const Message &message)
{
    // Of this attempt: a receiver refuses old ones, so that nobody can replay them.
    auto const timestamp = system_clock::to_time_t(system_clock::now());
    std::vector<std::string> headers{"Content-Type: application/json", "webhook-id: " + message.id,
                                     "webhook-timestamp: " + std::to_string(timestamp)};
    if (!key_.empty())
        headers.push_back("webhook-signature: " + webhook_signature(key_, message.id, timestamp, message.body));
    auto const answer = post_.send(headers, message.body);
    using Result = Delivery::Result;
    if (answer.status == 0)
        return {Result::Busy, answer.error};
    if (answer.is_success())
        return {};
    auto const why = "the receiver answers " + std::to_string(answer.status);
    if (answer.status == 410)
        return {Result::Gone, why + ", it wants no messages"};
    return {is_throttling(answer.status) ? Result::Busy : Result::Refused, why, answer.retry_after};
}

}  // namespace wc::destinations
