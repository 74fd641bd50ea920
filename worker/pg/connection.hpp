// A connection to PostgreSQL on which no call waits for ever.
#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pg/error.hpp"
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
};

/// After any Error the connection is to be dropped, except where a caller knows the SQLSTATE.  For one thread.
class Connection {
public:
    /// `role` goes into application_name after "wc-worker ".
    Connection(const Target &target, const Timeouts &timeouts, std::string_view role);

    /// Statements separated by semicolons in one round trip; the result is that of the last.
    Result run(const std::string &sql);
    /// One statement with parameters as text.
    Result run(const char *sql, std::span<const std::string> parameters);

    int fd() const { return PQsocket(connection_.get()); }
    /// False: nothing arrived until the deadline.
    bool wait_readable(std::chrono::steady_clock::time_point deadline);
    /// Reads what has arrived, without waiting.
    void consume();
    /// The next notification that was read: its channel, or an empty text.
    std::string next_notification();

private:
    void connect(std::chrono::milliseconds timeout);
    Result finish();
    bool wait_for(short events, std::chrono::steady_clock::time_point deadline);
    [[noreturn]] void fail(std::string_view what) const;

    struct Finish {
        void operator()(PGconn *connection) const { PQfinish(connection); }
    };
    std::unique_ptr<PGconn, Finish> connection_;
    std::chrono::milliseconds statement_timeout_;
};

/// A string literal, and an identifier, with their quotes.
std::string quoted(std::string_view text);
std::string quoted_identifier(std::string_view name);
/// The text of an array of texts, without the quotes of a string literal.
std::string array_literal(std::span<const std::string> values);

}  // namespace wc::pg
