// Reads a JSON value as a value of a column.
#pragma once
#include <string_view>

#include "extension/history/field.hpp"

namespace wc {

/// Why a value does not fit its field.  Shows nothing of the value itself.
struct Refusal {
    int sqlstate;
    const char *reason;  // follows the name of the field
    const char *hint;
};

/// Makes a value of the field's type, in the current memory context, from what write_value() of json_value.hpp writes.
/// Returns false if the JSON is not such a value, and says why in `refusal`.
///
/// REQUIRES: `json` is not null.
/// Errors: those of the type's input function, for types that write_value() writes as text.
bool read_value(std::string_view json, const HistoryField &field, Datum &value, Refusal &refusal);

}  // namespace wc
