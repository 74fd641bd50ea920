// Arguments that hold JSON.  Callers have it as json, as jsonb or as text, as their drivers bind it, and no error shows
// what it holds.
#pragma once
#include <string_view>

#include "extension/server/prelude.hpp"

namespace wc {

enum class JsonType { Json, Jsonb, Text };

/// Returns as which type an argument holds JSON.  Text is text or varchar; a domain counts as the type that it is made
/// from.
///
/// Errors: 42804 an argument of another type; 42P18 C code called the function without telling the types.
JsonType json_type_of(FunctionCallInfo fcinfo, int argument, const char *name);

/// Returns an argument as JSON text.
///
/// REQUIRES: the argument is not NULL.
/// Errors: those of json_type_of(), and 22P02 text that is not JSON.
std::string_view json_text_argument(FunctionCallInfo fcinfo, int argument, const char *name, const char *hint);

/// Returns JSON text as jsonb.  Errors: 22P02 text that is not JSON; 22P05 or 22003 a character or a number that jsonb
/// cannot hold.
Jsonb *parse_jsonb(const text *json, const char *name);

/// Checks that text is JSON.  `what` begins the message, as `"filters" is` does.  Errors: 22P02.
void check_json(std::string_view json, const char *what, const char *hint);

}  // namespace wc
