// The destinations outside to which this worker may send, as metrics and the log name them.
#pragma once
#include <cstddef>
#include <string_view>

namespace wc::metrics {

enum class Destination { Webhook, OtlpTraces, OtlpMetrics, Dogstatsd, Sentry };
inline constexpr Destination kDestinations[] = {Destination::Webhook, Destination::OtlpTraces, Destination::OtlpMetrics,
                                                Destination::Dogstatsd, Destination::Sentry};

constexpr std::string_view name(Destination destination) noexcept
{
    switch (destination) {
        case Destination::Webhook: return "webhook";
        case Destination::OtlpTraces: return "otlp traces";
        case Destination::OtlpMetrics: return "otlp metrics";
        case Destination::Dogstatsd: return "dogstatsd";
        case Destination::Sentry: return "sentry";
    }
    return "";
}

/// Why a message did not arrive.
enum class Loss {
    Full,     ///< the queue was full, and later messages came
    Refused,  ///< the receiver refused it
    Stopped,  ///< the receiver takes no message any more, or the worker ended
};
inline constexpr Loss kLosses[] = {Loss::Full, Loss::Refused, Loss::Stopped};

constexpr std::string_view name(Loss loss) noexcept
{
    switch (loss) {
        case Loss::Full: return "full";
        case Loss::Refused: return "refused";
        case Loss::Stopped: return "stopped";
    }
    return "";
}

}  // namespace wc::metrics
