// The text of a value, independent of the session's settings: every session reads what another one wrote as the same
// value.
//
// DateStyle, TimeZone, extra_float_digits and others change what a type's output function prints and how its input
// function reads that: under `German` a date[] has its days where another session expects the months.  So exports and
// imports pin these settings, as pg_dump does.  They pin them only around the functions of the types: policies,
// triggers and defaults of the application run under the settings of the session.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// What the text of a type depends on, or of a type that it is made of.
struct TextForm {
    bool has_settings = false;  // settings change it, and this extension does not print and read it by itself
    bool has_names = false;     // depends on search_path, like regclass
    bool has_money = false;     // depends on lc_monetary
    bool is_for_good = false;   // no input function reads it, like pg_node_tree

    void add(const TextForm &other) noexcept
    {
        has_settings |= other.has_settings;
        has_names |= other.has_names;
        has_money |= other.has_money;
        is_for_good |= other.is_for_good;
    }
};

TextForm text_form(Oid type);

/// Pins the settings that the form depends on, where the session has other values, and returns what unpin_settings()
/// takes.  PostgreSQL restores the session's values after an error, too.
int pin_settings(const TextForm &form);
void unpin_settings(int level);

/// Returns the text of a value by its type's output function, in the current memory context.
char *output_text(Datum value, Oid type);

}  // namespace wc
