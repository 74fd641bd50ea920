#include "destinations/sentry.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text/number.hpp"
#include "destinations/random_id.hpp"

namespace wc::destinations {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::seconds;

// Where a refusal does not say for how long it holds.
constexpr seconds kPause{60};

HttpPost::Options with_limits(HttpPost::Options options)
{
    options.wanted_header = "X-Sentry-Rate-Limits";
    return options;
}

// The part before the next `mark`, which is taken off with it.
std::string_view take_part(std::string_view &text, char mark)
{
    auto const end = std::min(text.find(mark), text.size());
    auto const part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

}  // namespace

Message sentry_message(const SentryEvent &event, const std::string &environment, const std::string &worker)
{
    auto const id = random_id(16);
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    Json body{{"event_id", id},        {"timestamp", std::chrono::duration<double>(now).count()},
              {"platform", "native"},  {"level", "error"},
              {"logger", "wc-worker"}, {"release", "wc-worker@" WC_VERSION},
              {"server_name", worker}};
    if (!environment.empty())
        body["environment"] = environment;
    body["message"] = {{"formatted", event.text}};
    body["fingerprint"] = event.fingerprint;
    body["tags"] = Json::object();
    for (auto const &[key, value] : event.tags)
        body["tags"][key] = value;
    auto const text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    Json const head{{"event_id", id}};
    Json const item{{"type", "event"}, {"length", text.size()}, {"content_type", "application/json"}};
    return {id, head.dump() + "\n" + item.dump() + "\n" + text + "\n"};
}

seconds sentry_pause(std::string_view rate_limits)
{
    seconds longest{0};
    while (!rate_limits.empty()) {
        auto limit = take_part(rate_limits, ',');
        limit.remove_prefix(std::min(limit.find_first_not_of(' '), limit.size()));
        auto const time = parse_number<double>(take_part(limit, ':')).value_or(0);
        auto categories = take_part(limit, ':');
        bool is_ours = categories.empty();
        while (!categories.empty())
            is_ours |= take_part(categories, ';') == "error";
        if (is_ours && time > 0 && time < 1e6)
            longest = std::max(longest, seconds(static_cast<std::int64_t>(time + 0.999)));
    }
    return longest;
}

Sentry::Sentry(const config::SentryDsn &dsn, HttpPost::Options options)
    : headers_{"Content-Type: application/x-sentry-envelope",
               "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=wc-worker/" WC_VERSION ", sentry_key=" + dsn.key},
      post_(dsn.url, with_limits(std::move(options)))
{}

Delivery Sentry::deliver(const Message &message)
{
    using Result = Delivery::Result;
    if (std::chrono::steady_clock::now() < quiet_until_)
        return {Result::Useless, "the receiver wants no errors for a while"};
    auto const answer = post_.send(headers_, message.body);
    if (answer.status == 0)
        return {Result::Busy, answer.error};
    auto pause = sentry_pause(answer.wanted);
    if (answer.status == 429 && pause == seconds{0})
        pause = answer.retry_after > seconds{0} ? answer.retry_after : kPause;
    quiet_until_ = std::chrono::steady_clock::now() + pause;
    if (answer.is_success())
        return {};
    return {Result::Useless, "the receiver answers " + std::to_string(answer.status)};
}

}  // namespace wc::destinations
