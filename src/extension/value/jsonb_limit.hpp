// What a column of type json can hold and jsonb cannot: \u0000, half of a character, numbers without end.
#pragma once
#include <string_view>

namespace wc {

/// Whether jsonb can surely hold the JSON text, so that reading it as jsonb raises no error.  It may be false for a
/// text that is deeply nested or has numbers of a thousand digits, which jsonb might hold.
///
/// REQUIRES: the text is valid JSON in the database's encoding.
bool fits_jsonb(std::string_view json);

}  // namespace wc
