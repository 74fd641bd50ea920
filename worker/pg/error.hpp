// Failures of PostgreSQL and of the connection to it.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "process/failure.hpp"

namespace wc::pg {

/// Finds the cause by the SQLSTATE.  libpq gives none for a connection that is refused, so its cause is found by the
/// message, in English: from a server with another lc_messages, a refused login has the cause Other.
constexpr Cause cause_of(std::string_view sqlstate, std::string_view what) noexcept
{
    auto const says = [what](std::string_view words) { return what.find(words) != std::string_view::npos; };
    if (sqlstate == "25006" || says("session is read-only") || says("server is in hot standby mode"))
        return Cause::ReadOnly;
    if (sqlstate == "42501" || sqlstate.starts_with("28") || says("password authentication failed") ||
        says("certificate authentication failed") || says("requires a valid client certificate") ||
        says("no password supplied") || says("no pg_hba.conf entry") || says("is not permitted to log in") ||
        says("permission denied for database"))
        return Cause::NoRights;
    if (sqlstate == "53100")
        return Cause::FullDisk;
    // lock_not_available, and query_canceled: a statement of the worker takes that long only if it waits for a lock.
    if (sqlstate == "55P03" || sqlstate == "57014")
        return Cause::Locked;
    return Cause::Other;
}

class Error : public Failure {
public:
    explicit Error(const std::string &what, std::string sqlstate = {})
        : Failure(Part::Postgres, what, cause_of(sqlstate, what)), sqlstate_(std::move(sqlstate))
    {}
    /// Five characters; empty if the failure did not come from the server.
    const std::string &sqlstate() const noexcept { return sqlstate_; }

private:
    std::string sqlstate_;
};

}  // namespace wc::pg
