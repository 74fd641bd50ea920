// The traceparent of W3C Trace Context: which trace and span a call belongs to, and whether the caller records it.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace wc::trace {

/// The id of a trace: 16 bytes, the first byte highest.  All zero: no trace.  A span's id has 8 bytes.
struct TraceId {
    std::uint64_t high;
    std::uint64_t low;
};
using SpanId = std::uint64_t;

struct Traceparent {
    TraceId trace;
    SpanId parent;
    bool is_sampled;

    bool is_set() const noexcept { return (trace.high | trace.low) != 0; }
};

/// Parses `00-<32 hex>-<16 hex>-<2 hex>`, in lower case and with ids that are not zero.  A version above 00 may have
/// more text behind it.  Returns nothing for any other text: a caller's mistake is never an error.
std::optional<Traceparent> parse_traceparent(std::string_view text) noexcept;

/// Parses the traceparent in the comment at the end of a SQL statement, as sqlcommenter writes it: `/*key='value',…*/`,
/// with or without quotes.  Returns nothing if there is none, or if the comment is longer than 4 KB.
std::optional<Traceparent> find_traceparent(std::string_view statement) noexcept;

/// write_hex() writes 32 digits for a trace and 16 for a span, without a zero byte behind them.
inline constexpr std::size_t kTraceDigits = 32;
inline constexpr std::size_t kSpanDigits = 16;
void write_hex(TraceId id, char *to) noexcept;
void write_hex(SpanId id, char *to) noexcept;

}  // namespace wc::trace
