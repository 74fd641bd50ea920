// Makes text from elsewhere fit for one line of a log.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace wc {

/// Control characters, which could move a terminal's cursor or begin a line of their own, and bytes that are no UTF-8
/// become `\xNN`.  What is longer than `most` bytes is cut between two characters and ends in `...`.
std::string printable(std::string_view text, std::size_t most = 1000);

}  // namespace wc
