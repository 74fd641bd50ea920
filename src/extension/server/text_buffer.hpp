// Text that is built front to back in a memory context.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Makes a buffer in the current memory context, with room for a varlena header in front.
json::Buffer make_buffer();

/// Returns the buffer's bytes as a `json` or `text` datum, which is valid until the next write to the buffer.
///
/// Errors: 54000 more than 1 GB.
Datum finish_text(json::Buffer &buffer);

}  // namespace wc
