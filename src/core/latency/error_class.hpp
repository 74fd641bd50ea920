// The classes of errors that are counted separately.
#pragma once
#include <cstddef>
#include <string_view>

namespace wc::latency {

/// The first two characters of SQLSTATEs.  The last class has all other errors.
inline constexpr std::string_view kErrorClasses[] = {"22", "23", "25", "40", "42", "53",
                                                     "54", "55", "57", "58", "XX", "other"};
inline constexpr std::size_t kErrorClassCount = std::size(kErrorClasses);

/// Returns the index in kErrorClasses for a SQLSTATE.
constexpr std::size_t error_class_of(std::string_view sqlstate) noexcept
{
    for (std::size_t i = 0; i + 1 < kErrorClassCount; ++i) {
        if (sqlstate.substr(0, 2) == kErrorClasses[i])
            return i;
    }
    return kErrorClassCount - 1;
}

}  // namespace wc::latency
