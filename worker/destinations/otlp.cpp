#include "destinations/otlp.hpp"

#include <nlohmann/json.hpp>

#include "core/text/number.hpp"
#include "destinations/gzip.hpp"
#include "process/printable.hpp"

namespace wc::destinations {
namespace {

using Json = nlohmann::json;

// All others must not be tried again.
bool is_retryable(int status) { return status == 429 || (status >= 502 && status <= 504); }

// 64-bit numbers are texts in this JSON; receivers may write them as numbers too.
std::int64_t whole(const Json &value)
{
    if (value.is_number_integer())
        return value.get<std::int64_t>();
    return value.is_string() ? parse_number<std::int64_t>(value.get<std::string>()).value_or(0) : 0;
}

// A receiver may repeat what it was sent, the whole value or the part behind a word such as "Bearer".
void mask(std::string &text, std::string_view secret)
{
    for (auto at = text.find(secret); !secret.empty() && at != std::string::npos; at = text.find(secret, at + 3))
        text.replace(at, secret.size(), "***");
}

std::string masked(std::string text, const std::vector<std::string> &headers)
{
    for (auto const &line : headers) {
        auto const value = std::string_view(line).substr(line.find(": ") + 2);
        mask(text, value);
        if (auto const space = value.rfind(' '); space != std::string_view::npos)
            mask(text, value.substr(space + 1));
    }
    return text;
}

}  // namespace

Delivery read_otlp_answer(const std::string &body, const char *rejected, const std::vector<std::string> &headers)
{
    auto const answer = Json::parse(body, nullptr, false);
    if (!answer.is_object() || !answer.contains("partialSuccess") || !answer["partialSuccess"].is_object())
        return {};
    auto const &partial = answer["partialSuccess"];
    Delivery delivery;
    delivery.rejected = partial.contains(rejected) ? whole(partial[rejected]) : 0;
    auto const said = partial.contains("errorMessage") && partial["errorMessage"].is_string()
                          ? printable(masked(partial["errorMessage"].get<std::string>(), headers), 200)
                          : std::string();
    if (delivery.rejected > 0 || !said.empty())
        delivery.why = "the receiver rejects " + std::to_string(delivery.rejected) + " items: " + said;
    return delivery;
}

Delivery Otlp::deliver(const Message &message)
{
    auto headers = options_.headers;
    headers.emplace_back("Content-Type: application/json");
    if (options_.gzip)
        headers.emplace_back("Content-Encoding: gzip");
    auto const answer = post_.send(headers, options_.gzip ? gzip(message.body) : message.body);
    using Result = Delivery::Result;
    if (answer.status == 0)
        return {Result::Busy, answer.error};
    if (answer.is_success())
        return read_otlp_answer(answer.body, options_.rejected, options_.headers);
    return {is_retryable(answer.status) ? Result::Busy : Result::Useless,
            "the receiver answers " + std::to_string(answer.status), answer.retry_after};
}

}  // namespace wc::destinations
