// The secret that makes opaque ids for keys, from the file of white_cross.key_secret_file.
#pragma once
#include "core/json/buffer.hpp"
#include "core/opaque/key_secrets.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Returns the secret of new keys.  It stays the same for a whole statement, and a file that was replaced is read by
/// the next one.  REQUIRES: settings::opaque_keys().
///
/// Errors: F0000 there is no such file, it cannot be read, others may read it, or it has no secret that may be used.
/// They show neither the path nor anything of the file to the caller.
const opaque::Secret &key_secret();

/// Like key_secret(), but returns null where that reports an error.
const opaque::Secret *key_secret_if_any() noexcept;

/// Appends the fingerprints of all secrets of the file, with commas between, that of new keys first.  Errors: as
/// key_secret().
void append_key_fingerprints(json::Buffer &out);

}  // namespace wc
