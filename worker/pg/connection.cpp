#include "pg/connection.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/text/number.hpp"
#include "process/poll_until.hpp"

namespace wc::pg {
namespace {

using Clock = std::chrono::steady_clock;

// How long to wait for the server's own time-out error (57014) before this side gives up the connection.
constexpr std::chrono::milliseconds kGrace{2000};

template <class Number>
Number number(std::string_view text)
{
    auto const value = parse_number<Number>(text);
    if (!value)
        throw Error("the server's answer is not a number, as expected");
    return *value;
}

// Returns the first line of libpq's message, which says what happened.
std::string first_line(const char *message)
{
    std::string_view text = message ? message : "";
    text = text.substr(0, text.find('\n'));
    return std::string(text.empty() ? "no reason given" : text);
}

// Why a connection was not made.  libpq does not say why it does not believe a certificate; openssl does.
std::string why_not_connected(const PGconn *connection)
{
    auto reason = first_line(PQerrorMessage(connection));
    if (reason.find("certificate verify failed") != std::string::npos)
        reason += std::string(
                      ": the server's certificate has expired, is not valid yet, was revoked, or is signed by no "
                      "authority of sslrootcert; to see which: openssl s_client -starttls postgres -connect ") +
                  PQhost(connection) + ":" + PQport(connection) + " -CAfile FILE";
    return reason;
}

}  // namespace

std::int64_t Result::integer(int row, int column) const { return number<std::int64_t>(text(row, column)); }
std::uint64_t Result::xid(int row, int column) const { return number<std::uint64_t>(text(row, column)); }

Connection::Connection(const Target &target, const Timeouts &timeouts, std::string_view role,
                       std::vector<std::string> settings)
    : statement_timeout_(timeouts.statement), settings_(std::move(settings))
{
    std::string const name = "wc-worker " + std::string(role) + (target.worker.empty() ? "" : " " + target.worker);
    // libpq counts whole seconds, and applies the time-out to each host in turn.
    auto const patience = std::to_string(std::chrono::ceil<std::chrono::seconds>(timeouts.connect).count());
    // A later keyword overrides an earlier one, so the URL (dbname) may override those before it.  The keepalives
    // notice a dead peer within about 20 seconds.
    std::vector<const char *> keywords{"keepalives_idle",  "keepalives_interval",  "keepalives_count",
                                       "tcp_user_timeout", "target_session_attrs", "dbname",
                                       "connect_timeout",  "client_encoding",      "application_name"};
    std::vector<const char *> values{
        "10", "3", "3", "15000", "read-write", target.conninfo.c_str(), patience.c_str(), "UTF8", name.c_str()};
    if (!target.password.empty()) {
        keywords.push_back("password");
        values.push_back(target.password.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 1));
    if (!connection_)
        throw std::bad_alloc();
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw Error("cannot connect: " + why_not_connected(connection_.get()));
    // Drop notices of the server: libpq would write them to stderr, past the log.
    PQsetNoticeProcessor(
        connection_.get(), [](void *, const char *) {}, nullptr);
    cancel_.reset(PQgetCancel(connection_.get()));
    choose_settings(timeouts);
    auto const server =
        run("SELECT pg_backend_pid(), pg_is_in_recovery() OR current_setting('transaction_read_only')::bool");
    if (server.is_true(0, 1))
        throw Error("the server takes no writes: it is a standby, or default_transaction_read_only is on", "25006");
    is_direct_ = server.integer(0, 0) == PQbackendPID(connection_.get());
}

// Overrides settings that a role, a database or the server may have for interactive users: the worker's sessions are
// idle for long, and each of its statements needs a snapshot of its own.
void Connection::choose_settings(const Timeouts &timeouts)
{
    std::vector<std::string> chosen{"statement_timeout = " + std::to_string(timeouts.statement.count()),
                                    "lock_timeout = 0",
                                    "idle_session_timeout = 0",
                                    "idle_in_transaction_session_timeout = 0",
                                    "search_path = pg_catalog, pg_temp",
                                    "jit = off"};
    if (PQserverVersion(connection_.get()) >= 170000)
        chosen.push_back("transaction_timeout = 0");
    settings_.insert(settings_.begin(), chosen.begin(), chosen.end());
    for (auto const &setting : settings_)
        transaction_settings_ += "SET LOCAL " + setting + "; ";
    transaction_settings_ += "SET LOCAL transaction_isolation = 'read committed'; ";
}

void Connection::keep_session()
{
    std::string sql = "SET default_transaction_isolation = 'read committed'; ";
    for (auto const &setting : settings_)
        sql += "SET " + setting + "; ";
    run(sql);
    keeps_session_ = true;
}

bool Connection::wait_for(short events, Clock::time_point deadline)
{
    int const ready = poll_until(fd(), events, deadline);
    if (ready < 0)
        throw Error(std::string("poll: ") + std::strerror(errno));
    return ready > 0;
}

bool Connection::wait_readable(Clock::time_point deadline) { return wait_for(POLLIN, deadline); }

Result Connection::run(const std::string &sql)
{
    bool const is_first = !keeps_session_ && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
    if (!PQsendQuery(connection_.get(), is_first ? (transaction_settings_ + sql).c_str() : sql.c_str()))
        fail("cannot send");
    return finish();
}

void Connection::prepare(const Statement &statement)
{
    auto const sql = statement.preparation();
    run(keeps_session_ ? sql : sql + "; DEALLOCATE " + std::string(statement.name));
}

std::string Connection::call(const Statement &statement, std::span<const std::string> arguments) const
{
    return keeps_session_ ? statement.execution(arguments) : statement.whole(arguments);
}

void Connection::cancel() noexcept
{
    char reason[256];
    PQcancel(cancel_.get(), reason, sizeof reason);
}

Result Connection::finish()
{
    auto const deadline = Clock::now() + statement_timeout_ + kGrace;
    // The connection is in libpq's blocking mode, so the send has written everything; only the answer is missing.
    Result last(nullptr);
    std::string failure, sqlstate;
    for (;;) {
        while (PQisBusy(connection_.get())) {
            if (!wait_for(POLLIN, deadline))
                throw Error("a statement was not answered in time");
            if (!PQconsumeInput(connection_.get()))
                fail("connection lost");
        }
        PGresult *const raw = PQgetResult(connection_.get());
        if (!raw)
            break;
        last = Result(raw);
        auto const status = PQresultStatus(raw);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && failure.empty()) {
            failure = first_line(PQresultErrorMessage(raw));
            const char *code = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
            sqlstate = code ? code : "";
        }
    }
    if (!failure.empty())
        throw Error(failure, sqlstate);
    return last;
}

void Connection::consume()
{
    if (!PQconsumeInput(connection_.get()))
        fail("connection lost");
}

std::string Connection::next_notification()
{
    std::unique_ptr<PGnotify, decltype(&PQfreemem)> const notification(PQnotifies(connection_.get()), PQfreemem);
    return notification ? notification->relname : std::string();
}

void Connection::fail(std::string_view what) const
{
    throw Error(std::string(what) + ": " + first_line(PQerrorMessage(connection_.get())));
}

}  // namespace wc::pg
