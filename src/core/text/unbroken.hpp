// Text that stays in one piece wherever it is written: in a line, in a header, in a C string.
#pragma once
#include <string_view>

namespace wc {

/// Returns whether the text has no space, no control character and no zero byte.
constexpr bool is_unbroken(std::string_view text) noexcept
{
    for (char const c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
            return false;
    return true;
}

}  // namespace wc
