// Encodes, into the encoding of the database, characters that JSON writes as \uXXXX.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace wc {

/// Encodes a character for json::read_string().
///
/// Errors: 22P05 and 0A000 where the database's encoding does not have the character.
inline char *encode_for_server(char32_t character, char *to)
{
    pg_unicode_to_server(static_cast<pg_wchar>(character), reinterpret_cast<unsigned char *>(to));
    return to + strlen(to);
}

}  // namespace wc
