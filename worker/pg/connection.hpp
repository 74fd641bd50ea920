// A connection to PostgreSQL on which no call waits for ever.
//
// It may lead to one session of the server, or, through a pooler, to another session in each transaction.  In the
// second case the pooler's next client would inherit what this one SETs or PREPAREs.  So at first a connection leaves
// nothing behind: it sets its settings in each transaction anew.  After `keep_session` it sets them once.
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
    /// Both throw Error if the value is not a whole number in range.
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
    /// The server ends the session of a draining worker that has been idle for this long.
    std::chrono::milliseconds hung{15000};
    /// How long a draining worker waits for a lock before its statement fails, so that it can say who holds the lock.
    std::chrono::milliseconds lock{3000};
};

/// For one thread.  REQUIRES: after an Error only the destructor follows, unless the caller handles its SQLSTATE.
class Connection {
public:
    /// Connects to the first host of the URL that takes writes; throws Error if there is none.  application_name
    /// becomes "wc-worker ROLE NAME", with the worker's name.  `settings`, each "name = value", hold for every
    /// statement of this connection.
    Connection(const Target &target, const Timeouts &timeouts, std::string_view role,
               std::vector<std::string> settings = {});

    /// Returns false if a pooler stands between: it has made up the process id that libpq got.
    bool is_direct() const noexcept { return is_direct_; }
    /// Sets the settings once for the session instead of in each transaction.  REQUIRES: the connection has one session
    /// until it ends.
    void keep_session();
    bool keeps_session() const noexcept { return keeps_session_; }

    /// Runs statements, separated by semicolons, in one round trip.  Returns the result of the last one.
    Result run(const std::string &sql);
    /// Prepares the statement.  Throws Error if the server rejects it.  Without a kept session it only checks.
    void prepare(const Statement &statement);
    /// Returns the SQL that runs a statement with these arguments.  REQUIRES: it was prepared on this connection.
    std::string call(const Statement &statement, std::span<const std::string> arguments) const;

    /// Asks the server to cancel the statement that another thread runs here; its call then throws Error.  What the
    /// server does not hear of ends by the statement's time-out.  Thread-safe.
    void cancel() noexcept;

    int fd() const { return PQsocket(connection_.get()); }
    /// Returns false if nothing has arrived until the deadline.
    bool wait_readable(std::chrono::steady_clock::time_point deadline);
    /// Reads what has arrived, without waiting.
    void consume();
    /// Returns the channel of the next notification that consume() has read; empty if there is none.
    std::string next_notification();

private:
    void choose_settings(const Timeouts &timeouts);
    Result finish();
    bool wait_for(short events, std::chrono::steady_clock::time_point deadline);
    [[noreturn]] void fail(std::string_view what) const;

    struct Finish {
        void operator()(PGconn *connection) const { PQfinish(connection); }
    };
    struct FreeCancel {
        void operator()(PGcancel *cancel) const { PQfreeCancel(cancel); }
    };
    std::unique_ptr<PGconn, Finish> connection_;
    std::unique_ptr<PGcancel, FreeCancel> cancel_;
    std::chrono::milliseconds statement_timeout_;
    std::vector<std::string> settings_;
    std::string transaction_settings_;  // the SET LOCAL statements with which each transaction begins
    bool is_direct_ = false;
    bool keeps_session_ = false;
};

}  // namespace wc::pg
