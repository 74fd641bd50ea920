// Text with marked passages as HTML that is safe to put into a page.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::search {

/// The marks around a passage.  They are control characters: the caller removes them from the text before it marks
/// passages.
inline constexpr char kPassageBegins = '\x02';
inline constexpr char kPassageEnds = '\x03';

/// Appends `marked` with & < > " ' escaped and its passages within <mark> and </mark>.  Every tag that is opened is
/// closed, whatever the input.  Returns whether there was a passage.  Any encoding in which bytes below 0x80 are ASCII.
bool append_marked_html(json::Buffer &out, std::string_view marked);

}  // namespace wc::search
