// Who reads: the part of a line that tells database, roles, address, application, process and purpose.
//
// It is the same for most calls of a session, and looking the names of roles up takes longer than the rest of a line,
// so the text is kept until one of these changes.
#pragma once
#include <string_view>

#include "extension/server/prelude.hpp"

namespace wc::audit {

/// Returns the members from `,"database":` to `,"purpose":`, as they are now.  They are valid until the next call.
/// Reads the catalog for the names of roles.
std::string_view reader();

/// Notes when roles are renamed or dropped.  REQUIRES: called while the library is loaded (_PG_init).
void watch_roles();

}  // namespace wc::audit
