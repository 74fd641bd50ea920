// What an import says when it fails: where it is, and what is wrong there, but nothing of what a row holds.
#pragma once
#include <string_view>

#include "extension/server/prelude.hpp"

namespace wc {

class ImportRows;

/// The place that an import has reached, which its errors name.
struct ImportPlace {
    int64 chunk = 0;  // from 1; 0 before the first
    const char *type = nullptr;
    int64 row = 0;  // within the chunk, from 1; 0 outside of rows
    const char *field = nullptr;
    bool is_ours = false;  // refuse() raised the error
};

inline constexpr const char *kOrderHint =
    "The argument is a JSON array of all the chunks of one export, in their order: json_agg(chunk ORDER BY (chunk ->> "
    "'chunk')::integer).";
inline constexpr const char *kConflictHint = "on_conflict => 'skip' leaves rows as they are, 'update' overwrites them.";

/// Raises an error that names the place.  `reason` follows the name of the place.
[[noreturn]] void refuse(ImportPlace &place, int sqlstate, const char *reason, const char *hint = nullptr);

/// Replaces an error of the database by one of the import, which names the place and shows nothing of the row.  Returns
/// if the error comes from refuse(), or cannot show a row: then the caller re-throws it unchanged.
void report(const ErrorData &error, const ImportPlace &place, const ImportRows &rows);

/// Returns as much of a name as an error shows.
const char *shown(std::string_view name);

}  // namespace wc
