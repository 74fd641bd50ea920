// One thing in several spellings: COVID-19, covid 19 and covid19; x-ray and x ray.
//
// What PostgreSQL's parser makes of a text depends on its hyphens: `COVID-19` gives the words covid and -19, a negative
// number, and `x-ray` gives x-ray, x and ray.  So a term of a query is looked for in each of its spellings.
#pragma once
#include <cstddef>
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::search {

/// Append `term` in another spelling; false, and nothing useful was appended, where that is not another one.  In `utf8`
/// typographic hyphens and dashes are understood too.
/// Hyphens as spaces: covid 19, x ray.
bool append_parted(json::Buffer &out, std::string_view term, bool utf8);
/// Hyphens as spaces, and one between letters and digits: covid19 as covid 19, 5mg as 5 mg.
bool append_split(json::Buffer &out, std::string_view term, bool utf8);
/// Without hyphens, where there are letters (dates stay dates): covid19, xray.
bool append_joined(json::Buffer &out, std::string_view term, bool utf8);

/// Whether two words after each other may be written as one: letters and digits, or digits and letters.
bool may_be_joined(std::string_view first, std::string_view second) noexcept;

/// Whether a lexeme is a number; then `digits` is the number without its sign, which may have been a hyphen.
bool is_number(std::string_view lexeme, std::string_view &digits) noexcept;

}  // namespace wc::search
