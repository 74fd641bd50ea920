#include "pg/connection.hpp"

#include <poll.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

namespace wc::pg {
namespace {

using Clock = std::chrono::steady_clock;

// The server is given a chance to say 57014 itself before the connection is thrown away.
constexpr std::chrono::milliseconds kGrace{2000};

template <class Number>
Number number(std::string_view text)
{
    Number value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw Error("the server's answer is not a number where one is expected");
    return value;
}

// libpq's messages are of several lines; the first says what happened.
std::string first_line(const char *message)
{
    std::string_view text = message ? message : "";
    text = text.substr(0, text.find('\n'));
    return std::string(text.empty() ? "no reason given" : text);
}

}  // namespace

std::int64_t Result::integer(int row, int column) const { return number<std::int64_t>(text(row, column)); }
std::uint64_t Result::xid(int row, int column) const { return number<std::uint64_t>(text(row, column)); }

Connection::Connection(const Target &target, const Timeouts &timeouts, std::string_view role)
    : statement_timeout_(timeouts.statement)
{
    std::string const name = "wc-worker " + std::string(role);
    // Later ones win: the URL may override the keepalives, which notice a dead peer within about 20 seconds.
    std::vector<const char *> keywords{"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                                       "dbname",          "application_name"};
    std::vector<const char *> values{"10", "3", "3", "15000", target.conninfo.c_str(), name.c_str()};
    if (!target.password.empty()) {
        keywords.push_back("password");
        values.push_back(target.password.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
    if (!connection_)
        throw std::bad_alloc();
    // Notices of the server would go to stderr, past the log.
    PQsetNoticeProcessor(
        connection_.get(), [](void *, const char *) {}, nullptr);
    connect(timeouts.connect);
    auto const statement = std::to_string(timeouts.statement.count());
    run("SET statement_timeout = " + statement +
        "; SET client_encoding = 'UTF8'; SET search_path = pg_catalog; SET jit = off; "
        "SET standard_conforming_strings = on");
}

void Connection::connect(std::chrono::milliseconds timeout)
{
    auto const deadline = Clock::now() + timeout;
    auto state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (PQstatus(connection_.get()) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
            fail("cannot connect");
        if (!wait_for(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
            throw Error("cannot connect: no answer within " + std::to_string(timeout.count()) + " ms");
        state = PQconnectPoll(connection_.get());
    }
}

bool Connection::wait_for(short events, Clock::time_point deadline)
{
    for (;;) {
        pollfd descriptor{fd(), events, 0};
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        int const ready = left > 0 ? poll(&descriptor, 1, static_cast<int>(left)) : 0;
        if (ready >= 0)
            return ready > 0;
        if (errno != EINTR)
            throw Error(std::string("poll: ") + std::strerror(errno));
    }
}

bool Connection::wait_readable(Clock::time_point deadline) { return wait_for(POLLIN, deadline); }

Result Connection::run(const std::string &sql)
{
    if (!PQsendQuery(connection_.get(), sql.c_str()))
        fail("cannot send");
    return finish();
}

Result Connection::run(const char *sql, std::span<const std::string> parameters)
{
    std::vector<const char *> values;
    for (auto const &parameter : parameters)
        values.push_back(parameter.c_str());
    if (!PQsendQueryParams(connection_.get(), sql, static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                           nullptr, 0))
        fail("cannot send");
    return finish();
}

Result Connection::finish()
{
    auto const deadline = Clock::now() + statement_timeout_ + kGrace;
    // The connection blocks in libpq's eyes, so a send has written all of it; only the answer is waited for here.
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

static std::string enclosed(std::string_view text, char quote)
{
    std::string out(1, quote);
    for (char const c : text) {
        if (c == quote)
            out += quote;
        out += c;
    }
    return out + quote;
}

std::string quoted(std::string_view text) { return enclosed(text, '\''); }
std::string quoted_identifier(std::string_view name) { return enclosed(name, '"'); }

std::string array_literal(std::span<const std::string> values)
{
    std::string out = "{";
    for (auto const &value : values) {
        out += out.size() > 1 ? ",\"" : "\"";
        for (char const c : value) {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + '}';
}

}  // namespace wc::pg
