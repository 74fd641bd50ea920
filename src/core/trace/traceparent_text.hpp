// Writes a traceparent, as core/trace/traceparent.hpp reads it.
#pragma once
#include <cstddef>
#include <string_view>

#include "core/trace/traceparent.hpp"

namespace wc::trace {

/// Of version 00.
inline constexpr std::size_t kTraceparentLength = 55;

/// Writes kTraceparentLength characters, without a zero byte behind them.
inline void write_traceparent(const Traceparent &traceparent, char *to) noexcept
{
    constexpr std::string_view kForm = "00-00000000000000000000000000000000-0000000000000000-00";
    static_assert(kForm.size() == kTraceparentLength);
    kForm.copy(to, kForm.size());
    write_hex(traceparent.trace, to + kForm.find('-') + 1);
    write_hex(traceparent.parent, to + kForm.rfind('-') - kSpanDigits);
    if (traceparent.is_sampled)
        to[kTraceparentLength - 1] = '1';
}

}  // namespace wc::trace
