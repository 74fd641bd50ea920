// Where the database is.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

namespace wc::pg {

/// What libpq can be given.
struct Target {
    std::string conninfo;
    std::string password;  ///< empty: whatever conninfo, PGPASSWORD or ~/.pgpass say
    /// Parameters of the URL that libpq does not know (Prisma's `schema`, `connection_limit`, …), left out of conninfo.
    std::vector<std::string> ignored;
};

/// A DATABASE_URL, or key=value pairs of libpq.  Throws std::invalid_argument with what is wrong, never with a
/// password.
Target parse_target(const std::string &url, const std::string &password = {});

}  // namespace wc::pg
