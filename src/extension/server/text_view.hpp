// Views of the server's text values, without a copy.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace wc {

/// REQUIRES: the text is neither compressed nor out of line, as PG_GETARG_TEXT_PP returns it.
inline std::string_view text_view(const struct varlena *text)
{
    return {VARDATA_ANY(text), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(text))};
}

/// Detoasts into the current memory context if necessary.
inline std::string_view text_view(Datum text)
{
    return text_view(reinterpret_cast<const struct varlena *>(PG_DETOAST_DATUM_PACKED(text)));
}

/// How many bytes of a caller's text a message shows at most.
inline constexpr int kLongestShown = 100;

/// Returns the beginning of a text in the database's encoding: whole characters with at most `most_bytes` bytes.
inline std::string_view cut_text(std::string_view text, int most_bytes)
{
    int const whole = pg_mbcliplen(text.data(), static_cast<int>(text.size()), most_bytes);
    return text.substr(0, static_cast<std::size_t>(whole));
}

}  // namespace wc
