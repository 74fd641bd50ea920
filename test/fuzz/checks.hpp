// What holds for any bytes whatever.  The fuzzers call these with what they make up, the unit tests with the corpus;
// a check that fails ends the process.
#pragma once
#include <string_view>

namespace wc::fuzz {

/// core/search: terms lie in the text, one behind the other; patterns and highlighted HTML are well formed.
void check_search(std::string_view text);

/// core/json/reader: pieces lie in the text, and what strings say is written and read back the same.
void check_json(std::string_view text);

}  // namespace wc::fuzz
