#include <string>

#include "destinations/otlp.hpp"
#include "destinations/sentry.hpp"
#include "process/printable.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

constexpr std::string_view kKey = "correct-horse-battery";

void check_pause(std::string_view rate_limits)
{
    auto const pause = destinations::sentry_pause(rate_limits);
    require(pause >= std::chrono::seconds(0) && pause <= std::chrono::seconds(1'000'000));
    require(rate_limits.find_first_of("123456789") != std::string_view::npos || pause == std::chrono::seconds(0));
}

void check_otlp(const std::string &body, const char *rejected)
{
    auto const delivery =
        destinations::read_otlp_answer(body, rejected, {"Authorization: Bearer " + std::string(kKey)});
    require(delivery.result == destinations::Delivery::Result::Taken);
    require(printable(delivery.why) == delivery.why && delivery.why.size() < 1000);
    require(delivery.why.find(kKey) == std::string::npos);
    require(body.find("partialSuccess") != std::string::npos || body.find('\\') != std::string::npos ||
            (delivery.why.empty() && delivery.rejected == 0));
}

}  // namespace

void check_answer(std::string_view text)
{
    check_pause(take_piece(text, '\n'));
    for (const char *const rejected : {destinations::kRejectedSpans, destinations::kRejectedDataPoints})
        check_otlp(std::string(text), rejected);
}

}  // namespace wc::fuzz
