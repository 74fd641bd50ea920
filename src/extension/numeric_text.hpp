// numeric as text, for the small numbers that vital signs are.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/prelude.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace wc {

/// The digits that numeric's own output function prints, at a fraction of its cost for values of few
/// digits.  NaN and infinities become null: JSON has no word for them.
void write_numeric(json::Buffer &out, Numeric value);

}  // namespace wc
