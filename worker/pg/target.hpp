// The address of the database, and how to log in.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

namespace wc::pg {

/// A database, as libpq takes it.
struct Target {
    std::string conninfo;  ///< a URL, or key=value pairs
    std::string password;  ///< empty: the password comes from conninfo, PGPASSWORD or ~/.pgpass
    /// Parameters of the URL that libpq does not know (Prisma's `schema`, `connection_limit`, …), left out of conninfo.
    std::vector<std::string> ignored{};
    std::string worker{};  ///< the worker's name, for application_name
};

/// Parses a DATABASE_URL, or key=value pairs of libpq.  Throws std::invalid_argument that says what is wrong and
/// contains no password.
Target parse_target(const std::string &url, const std::string &password = {});

}  // namespace wc::pg
