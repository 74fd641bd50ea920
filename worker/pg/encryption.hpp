// Whether others on the network can read what goes to the database.
#pragma once
#include <optional>
#include <string>

#include "pg/target.hpp"

namespace wc::pg {

/// Returns a sentence that says what others could read or change on the way to a host that is not this machine, and
/// which sslmode prevents it; nothing where sslmode verifies the server, or GSSAPI encrypts.  Settings of the
/// environment count, as libpq takes them; of a service file nothing is known here.  The sentence contains no password.
std::optional<std::string> describe_exposure(const Target &target);

}  // namespace wc::pg
