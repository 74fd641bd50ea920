// A connection to PostgreSQL on which no call waits for ever.
//
// It may lead to a session of the server's, or through a pooler to another session in each transaction.  What one SETs
// or PREPAREs there stays behind for whoever gets the session next.  So a connection begins by leaving nothing behind:
// each transaction brings its settings.  Once it is known that the session is this connection's own, `keep_session`
// spares that.
#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/error.hpp"
#include "pg/statement.hpp"
#include "pg/target.hpp"

namespace wc::pg {

/// The answer to one statement.
class Result {
public:
    explicit Result(PGresult *result) : result_(result) {}

    int rows() const { return PQntuples(result_.get()); }
    std::string_view text(int row, int column) const
    {
        return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(length(row, column))};
    }
    bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
    bool is_true(int row, int column) const { return text(row, column) == "t"; }
    /// Throws Error if it is not a whole number that fits.
    std::int64_t integer(int row, int column) const;
    std::uint64_t xid(int row, int column) const;

private:
    int length(int row, int column) const { return PQgetlength(result_.get(), row, column); }
    struct Clear {
        void operator()(PGresult *result) const { PQclear(result); }
    };
    std::unique_ptr<PGresult, Clear> result_;
};

struct Timeouts {
    std::chrono::milliseconds connect{5000};
    std::chrono::milliseconds statement{60000};
    /// Whoever drains and says nothing for so long loses its session.
    std::chrono::milliseconds hung{15000};
};

/// After any Error the connection is to be dropped, except where a caller knows the SQLSTATE.  For one thread.
class Connection {
public:
    /// `role` goes into application_name after "wc-worker ".  `settings`, each "name = value", hold for all that runs
    /// here. Throws where the server takes no writes: of the hosts of a URL, the one that does is looked for.
    Connection(const Target &target, const Timeouts &timeouts, std::string_view role,
               std::vector<std::string> settings = {});

    /// False: somebody is in between who made up the process id that we were told, as poolers do.
    bool is_direct() const noexcept { return is_direct_; }
    /// The session is ours until the connection ends.
    void keep_session();
    bool keeps_session() const noexcept { return keeps_session_; }

    /// Statements separated by semicolons in one round trip; the result is that of the last.
    Result run(const std::string &sql);
    /// Throws if the server does not understand it.
    void prepare(const Statement &statement);
    /// The SQL that runs what was prepared.
    std::string call(const Statement &statement, std::span<const std::string> arguments) const;

    int fd() const { return PQsocket(connection_.get()); }
    /// False: nothing arrived until the deadline.
    bool wait_readable(std::chrono::steady_clock::time_point deadline);
    /// Reads what has arrived, without waiting.
    void consume();
    /// The next notification that was read: its channel, or an empty text.
    std::string next_notification();

private:
    Result finish();
    bool wait_for(short events, std::chrono::steady_clock::time_point deadline);
    [[noreturn]] void fail(std::string_view what) const;

    struct Finish {
        void operator()(PGconn *connection) const { PQfinish(connection); }
    };
    std::unique_ptr<PGconn, Finish> connection_;
    std::chrono::milliseconds statement_timeout_;
    std::vector<std::string> settings_;
    std::string transaction_settings_;  // what a transaction begins with
    bool is_direct_ = false;
    bool keeps_session_ = false;
};

}  // namespace wc::pg
