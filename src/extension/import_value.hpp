// A value of JSON on its way into a column.
#pragma once
#include <string_view>

#include "extension/history_field.hpp"

namespace wc {

/// Why a value is none of its field.  Says nothing of the value itself.
struct Refusal {
    int sqlstate;
    const char *reason;  // goes on after the name of the field
    const char *hint;
};

/// Makes a value of the field's type, in the current memory context, from what write_value (json_value.hpp) writes;
/// null is for the caller.  False, and `refusal` says why, when it is none.
///
/// Errors: those of a type's input function, of types that write_value has as text.
bool read_value(std::string_view json, const HistoryField &field, Datum &value, Refusal &refusal);

}  // namespace wc
