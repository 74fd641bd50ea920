// numeric as text, fast for small numbers such as vital signs.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace wc {

/// Writes the digits that numeric's own output function prints, at a fraction of its cost for values of few digits.
/// NaN and infinities become null, since JSON cannot express them.
void write_numeric(json::Buffer &out, Numeric value);

}  // namespace wc
