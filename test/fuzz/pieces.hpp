// Parts of an input, for checks.
#pragma once
#include <algorithm>
#include <string_view>

#include "test/fuzz/memory.hpp"

namespace wc::fuzz {

/// Takes what stands before the next `end`, or all that is left.
inline std::string_view take_piece(std::string_view &text, char end)
{
    auto const size = std::min(text.find(end), text.size());
    auto const piece = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    return piece;
}

/// No byte of the piece lies outside of the text.
inline void require_within(std::string_view text, std::string_view piece)
{
    require(piece.empty() || (piece.data() >= text.data() && piece.data() + piece.size() <= text.data() + text.size()));
}

}  // namespace wc::fuzz
