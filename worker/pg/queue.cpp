// Which rows a drain has to look at.
//
// Rows that were deleted stay in the index until vacuum can remove them, and it cannot while any old transaction
// lives.  A drain that looked from the start would read all of them again, more each time.  So it looks only at rows
// whose xid was not visible in the snapshot S of the last complete drain: those in S's list of transactions in
// progress, and those from S's xmax on.  Two ranges of the primary key.
//
// No row is missed.  A row's xid is that of the top-level transaction that inserted it, so the row becomes visible
// exactly when that xid does.  If the xid was visible in S, the row was visible to the drain that took S, which was
// complete: it took every row that it saw, and the deletion is committed (S is adopted with the commit, and forgotten
// with the connection).  An xid that S saw as aborted never has a row.  Every other xid is in one of the two ranges.
//
// A drain of many batches is a round: each batch continues after the last row of the one before, for the same reason. A
// row that commits meanwhile with a smaller xid lies behind that place; but the snapshot of the *first* batch did not
// see it, and that is the S which the next round starts from.
#include "pg/queue.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <unordered_map>
#include <utility>

#include "core/protocol/queue.hpp"
#include "core/protocol/snapshot_token.hpp"
#include "pg/age_of.hpp"
#include "pg/backlog.hpp"
#include "pg/taken_row.hpp"
#include "process/clock_reading.hpp"
#include "process/log.hpp"

namespace wc::pg {
namespace {

// white_cross.take() says what the rows of its result are.
//
// The extension makes rows with a few ids, of at most some kilobytes together.  A huge row, which somebody else has
// made, counts as a row for every student: to name each student would take memory and time without a bound.  The
// condition is that of src/extension/changes/take.cpp.
constexpr std::string_view kTakeTypes[] = {"xid8[]", "xid8", "integer", "xid8", "integer", "bigint"};
constexpr Statement kTake{"wc_take", kTakeTypes, "SELECT * FROM white_cross.take($1, $2, $3, $4, $5, $6)"};
#define IS_FOR_EVERYBODY \
    "(i.students IS NULL OR cardinality(i.students) > 100000 OR pg_column_size(i.students) > 1000000)"

// Takes what was set aside; its result has the same form as the 's' rows of kTake.
constexpr const char *kTakeSetAside = R"(
WITH gone AS (DELETE FROM white_cross.set_aside RETURNING student, sections, xids, since)
SELECT 's', g.student, bit_or(g.sections), )" AGE_OF("min(g.since)") R"(, array_agg(DISTINCT x.xid)::text
FROM gone AS g CROSS JOIN LATERAL unnest(g.xids) AS x(xid) GROUP BY g.student)";

// The settings of the draining connection.
//
// They fix one plan, which uses the index, because the statistics of a table that is empty most of the time mislead the
// planner.  Commits need not wait for the disk: if a crash of the server undoes the deletion of drained rows, the
// worker drains them again.  The server ends the session of a worker that hangs inside a transaction or whose machine
// is gone, and so frees the drain lock.
std::vector<std::string> settings(const Timeouts &timeouts)
{
    return {"synchronous_commit = off",
            "plan_cache_mode = force_generic_plan",
            "enable_seqscan = off",
            "enable_bitmapscan = off",
            "lock_timeout = " + std::to_string(timeouts.lock.count()),
            "idle_in_transaction_session_timeout = " + std::to_string(timeouts.hung.count()),
            "tcp_keepalives_idle = 5",
            "tcp_keepalives_interval = 2",
            "tcp_keepalives_count = 3",
            "tcp_user_timeout = '15s'"};
}

// The expression names the server to which the transaction ids belong, and its life between two crashes.
std::string identity_expression()
{
    return std::string("split_part(white_cross.snapshot(), '") + snapshot_token::kBeforeServer + "', 2)";
}

// The smallest n.  The extension's rows have -1 or more, but a row that somebody inserted by hand may have any.
constexpr const char *kBeforeAllRows = "-2147483648";

// A row that somebody inserted by hand may also have an old xid, which both ranges leave out.  So with each heartbeat
// the worker looks through the whole queue, but spends at most one part in this many of its time on that.
constexpr int kWholeLookShare = 100;

constexpr const char *kLockNotAvailable = "55P03";
constexpr const char *kNotRegistered = "55000";
constexpr std::chrono::milliseconds kListenTest{2000};
constexpr const char *kTurn = "1s";  // behind a pooler: how long to wait for the drain lock

}  // namespace

Queue::Queue(const Target &target, const Timeouts &timeouts, std::string worker_name, bool wants_events)
    : worker_name_(std::move(worker_name)),
      wants_events_(wants_events),
      heartbeat_channel_("wc_worker_" + std::to_string(getpid()) + "_" + std::to_string(std::random_device{}())),
      hung_after_(timeouts.hung),
      listener_(std::in_place, target, timeouts, "listen"),
      drain_(target, timeouts, "drain", settings(timeouts))
{
    test_listen();
    check_extension();
}

// Reads none of the extension's tables: a session that locks them must not keep the worker from connecting.
void Queue::check_extension()
{
    constexpr const char *kGrant = " (SELECT wc_grant_worker('ROLE') gives the worker's role what it needs)";
    std::optional<Result> answer;
    try {
        answer = drain_.run(
            "SELECT white_cross.snapshot(), "
            "has_function_privilege(to_regprocedure('white_cross.take(xid8[],xid8,integer,xid8,integer,bigint)')::oid, "
            "'EXECUTE')");
    } catch (const Error &error) {
        if (error.sqlstate() == "42883" || error.sqlstate() == "3F000")
            throw Error("this database has no extension white_cross: CREATE EXTENSION white_cross");
        if (error.sqlstate() == "42501")
            throw Error(error.what() + std::string(kGrant), error.sqlstate());
        throw;
    }
    if (answer->is_null(0, 1))
        throw Error(
            "the extension white_cross of this database is older than this worker: ALTER EXTENSION white_cross UPDATE");
    if (!answer->is_true(0, 1))
        throw Error(std::string("permission denied for function white_cross.take") + kGrant, "42501");
}

// Sends a notification to the listening connection: if it arrives, no pooler shares the session.
void Queue::test_listen()
{
    auto const deadline = std::chrono::steady_clock::now() + kListenTest;
    listener_->run("LISTEN " + heartbeat_channel_);
    heartbeat();
    while (heartbeat_pending_ && listener_->wait_readable(deadline))
        woken_ = consume_wakes();
    if (!heartbeat_pending_) {
        listener_->keep_session();
        drain_.keep_session();
        listener_->run(std::string("LISTEN ") + wc::queue::kChannel);
        return;
    }
    log::warning(
        "notifications do not arrive on this connection, as behind a transaction pooler: the worker finds changes by "
        "polling only; give it a direct connection");
    // UNLISTEN in case the pooler runs this in the session that listens.
    listener_->run("UNLISTEN " + heartbeat_channel_);
    listener_.reset();
}

// Throws if the server is another one than before: what the worker knows of the last transaction (snapshot, drain lock)
// holds only for the same server.
void Queue::check_identity(std::string found)
{
    if (!identity_.empty() && identity_ != found)
        throw Error("the pooler leads to another server, or to another start of it");
    identity_ = std::move(found);
}

// Behind a pooler a lock lasts only as long as a transaction, so that several workers may take turns.
bool Queue::try_elect()
{
    if (!keeps_session())
        return drain_.run("SELECT white_cross.lock_drain(false, false)").is_true(0, 0);
    if (!drain_.run("SELECT white_cross.lock_drain(true, false)").is_true(0, 0))
        return false;
    end_hung_session();
    return true;
}

// A stopped process (SIGSTOP) keeps its connections: let the server end the session if it does not even poll.
void Queue::end_hung_session() { drain_.run("SET idle_session_timeout = " + std::to_string(hung_after_.count())); }

void Queue::release()
{
    if (keeps_session())
        drain_.run("SET idle_session_timeout = 0; SELECT white_cross.unlock_drain()");
    relayed_.reset();
    // If this worker drains again, it begins with all rows that are in the queue then.
    rewind();
}

std::optional<bool> Queue::register_worker()
{
    try {
        auto const answer =
            drain_.run("BEGIN; SELECT white_cross.register_worker(" + pg::quote_literal(worker_name_) + ")");
        bool const newly = answer.is_true(0, 0);
        // Wait for the disk: if a crash of the server undid the registration, changes would be lost.
        drain_.run("SET LOCAL synchronous_commit = on; COMMIT");
        start_relay();
        return newly;
    } catch (const Error &error) {
        if (error.sqlstate() != kLockNotAvailable)
            throw;
        drain_.run("ROLLBACK");
        log::info("waiting for open transactions to end before this worker can register");
        return std::nullopt;
    }
}

void Queue::start_relay()
{
    if (!keeps_session())
        return;
    bool const relayed = drain_.run("SELECT white_cross.start_relay()").is_true(0, 0);
    if (relayed_ == relayed)
        return;
    relayed_ = relayed;
    if (relayed)
        log::info("the server's relay process sends notifications for all writers");
    else
        log::info(
            "each writer sends its own notification; shared_preload_libraries = 'white_cross' makes a relay process "
            "send them");
}

// Returns the SQL with which a draining transaction begins.  Behind a pooler, begins it here and takes the drain lock.
std::string Queue::begin()
{
    if (keeps_session())
        return "BEGIN; ";
    try {
        check_identity(std::string(drain_
                                       .run("SET LOCAL lock_timeout = '" + std::string(kTurn) + "'; BEGIN; SELECT " +
                                            identity_expression() + ", white_cross.lock_drain(false, true)")
                                       .text(0, 0)));
    } catch (const Error &error) {
        if (error.sqlstate() == kLockNotAvailable)
            throw Error("another worker drains the queue");
        throw;
    }
    return {};
}

void Queue::prepare(const Statement &statement, bool &is_prepared)
{
    if (!std::exchange(is_prepared, true))
        drain_.prepare(statement);
}

const Statement &Queue::taking() const { return kTake; }

app::Batch Queue::take(std::size_t max_students)
{
    prepare(taking(), can_take_);
    auto const began = std::chrono::steady_clock::now();
    if (!round_began_)
        round_since_ = began;
    bool const is_whole = !round_began_ && is_whole_look_due_ && began >= next_whole_look_;
    if (is_whole) {
        is_whole_look_due_ = false;
        seen_ = {};
        place_ = {};
    }
    auto const first = first_unseen();
    auto const answer =
        run_registered(begin() + drain_.call(taking(), std::vector{seen_.in_progress, place_.xid, place_.n, first.xid,
                                                                   first.n, std::to_string(max_students)}));
    if (!answer) {
        app::Batch none;
        none.lapsed = true;
        return none;
    }
    auto taken = read_taken(*answer);
    plan_next(taken);
    if (is_whole) {
        auto const now = std::chrono::steady_clock::now();
        next_whole_look_ = now + kWholeLookShare * (now - began);
    }
    if (taken.batch.rows == 0)
        commit();
    return std::move(taken.batch);
}

// Reads the result of kTake.
Queue::Taken Queue::read_taken(const Result &result) const
{
    Taken taken{{}, {}, place_};
    auto &batch = taken.batch;
    batch.changes.reserve(static_cast<std::size_t>(result.rows()));
    std::unordered_map<std::string_view, std::size_t> place_of;
    place_of.reserve(static_cast<std::size_t>(result.rows()));
    for (int row = 0; row < result.rows(); ++row) {
        switch (result.text(row, 0).front()) {
            case '.':
                taken.snapshot = parse_snapshot(result.text(row, 1));
                batch.rows = static_cast<std::size_t>(result.integer(row, 2));
                batch.complete = result.integer(row, 3) != 0;
                batch.seen = result.text(row, 1);
                if (wants_events_)
                    read_times(batch, result.is_null(row, 4) ? std::string_view{} : result.text(row, 4));
                break;
            case '>': taken.last = {std::string(result.text(row, 1)), std::string(result.text(row, 2))}; break;
            case '*':
                batch.everything.push_back({result.xid(row, 1), static_cast<int>(result.integer(row, 2)),
                                            std::string(result.text(row, 4)),
                                            std::chrono::microseconds(result.integer(row, 3))});
                break;
            case 't': add_writer(batch.writers, result, row); break;
            default:
                if (auto const sections = static_cast<cache::Sections>(result.integer(row, 2));
                    wants_events_ && app::is_told(sections))
                    batch.events.push_back(event_of(result, row));
                if (auto const [at, is_new] = place_of.try_emplace(result.text(row, 1), batch.changes.size()); is_new)
                    batch.changes.push_back(change_of(result, row));
                else
                    merge(batch.changes[at->second], change_of(result, row));
        }
    }
    return taken;
}

// Decides where the next take begins after this one is committed.
void Queue::plan_next(Taken &taken)
{
    Seen const before = round_began_ ? round_ : taken.snapshot;
    if (taken.batch.complete) {
        next_seen_ = before;
        next_place_ = {};
        // A row that was committed during a round of several batches may have a smaller place: the next round finds it.
        taken.batch.complete = !round_began_;
        // Of a round of several batches the first one's snapshot counts, and that of the next round is due anyway.
        if (round_began_)
            taken.batch.seen.clear();
        next_round_began_ = false;
    } else {
        taken.batch.seen.clear();
        next_seen_ = seen_;
        next_place_ = taken.last;
        round_ = before;
        next_round_began_ = true;
    }
}

void Queue::set_aside(std::span<const app::SetAside> changes)
{
    // One statement: of a shard that is away there may be many thousands.
    std::string rows;
    for (auto const &[change, reason] : changes) {
        std::string xids;
        for (auto const xid : change.xids)
            xids += (xids.empty() ? "" : ",") + std::to_string(xid);
        rows += (rows.empty() ? "(" : ", (") + quote_literal(change.student) + ", " +
                std::to_string(static_cast<std::int16_t>(change.sections)) + ", '{" + xids + "}'::xid8[], " +
                quote_literal(reason) + ", clock_timestamp() - " + std::to_string(change.age.count()) +
                " * interval '1 microsecond')";
    }
    drain_.run("INSERT INTO white_cross.set_aside VALUES " + rows);
}

app::Batch Queue::take_set_aside() { return take_aside(kTakeSetAside); }

app::Batch Queue::take_aside(const std::string &statement)
{
    auto const answer = drain_.run(begin() + statement);
    app::Batch batch;
    for (int row = 0; row < answer.rows(); ++row)
        batch.changes.push_back(change_of(answer, row));
    batch.rows = batch.changes.size();
    next_seen_ = seen_;
    next_place_ = place_;
    next_round_began_ = round_began_;
    if (batch.rows == 0)
        commit();
    return batch;
}

// Returns where the second range begins: the larger of two bounds, because given both, the scan might begin at the
// smaller.
Queue::Place Queue::first_unseen() const
{
    auto const number = [](const std::string &xid) { return std::strtoull(xid.c_str(), nullptr, 10); };
    return number(place_.xid) < number(seen_.xmax) ? Place{seen_.xmax, kBeforeAllRows} : place_;
}

std::optional<Result> Queue::run_registered(const std::string &sql)
{
    try {
        return drain_.run(sql);
    } catch (const Error &error) {
        if (error.sqlstate() != kNotRegistered)
            throw;
        drain_.run("ROLLBACK");
        rewind();
        return std::nullopt;
    }
}

void Queue::commit()
{
    drain_.run("COMMIT");
    adopt();
}

void Queue::adopt()
{
    seen_ = next_seen_;
    place_ = next_place_;
    round_began_ = next_round_began_;
}

void Queue::give_back() { drain_.run("ROLLBACK"); }

// Now a look through the whole queue finds these rows too, however many they become: it must stay rare.
void Queue::keep()
{
    drain_.run("ROLLBACK");
    adopt();
    keeps_ = true;
    auto const now = std::chrono::steady_clock::now();
    next_whole_look_ = std::max(next_whole_look_, now + kWholeLookShare * (now - round_since_));
}

void Queue::rewind()
{
    keeps_ = false;
    seen_ = {};
    place_ = {};
    round_began_ = false;
}

void Queue::forget(std::span<const app::Everything> rows)
{
    // Join with the arrays, as there may be many thousands of rows: a long condition would be evaluated for each row.
    std::string xids, numbers;
    for (auto const &row : rows) {
        auto const *const comma = xids.empty() ? "" : ",";
        xids += comma + std::to_string(row.xid);
        numbers += comma + std::to_string(row.n);
    }
    drain_.run("DELETE FROM white_cross.invalidation AS i USING unnest('{" + xids + "}'::xid8[], '{" + numbers +
               "}'::integer[]) AS done(xid, n) WHERE " IS_FOR_EVERYBODY " AND i.xid = done.xid AND i.n = done.n");
}

bool Queue::consume_wakes()
{
    // Behind a pooler no notification arrives; read all the same, to notice the connection's end.
    if (!listener_) {
        drain_.consume();
        return false;
    }
    listener_->consume();
    for (auto channel = listener_->next_notification(); !channel.empty(); channel = listener_->next_notification()) {
        if (channel == wc::queue::kChannel)
            woken_ = true;
        else
            heartbeat_pending_ = false;
    }
    return std::exchange(woken_, false);
}

void Queue::heartbeat()
{
    is_whole_look_due_ = true;
    if (!listener_)
        return;
    woken_ = consume_wakes();
    if (heartbeat_pending_)
        throw Error("notifications no longer arrive on the listening connection");
    drain_.run("NOTIFY " + heartbeat_channel_);
    heartbeat_pending_ = true;
    if (relayed_.has_value())
        start_relay();
}

std::string Queue::identity()
{
    if (identity_.empty() || !keeps_session())
        check_identity(std::string(drain_.run("SELECT " + identity_expression()).text(0, 0)));
    return identity_;
}

std::string Queue::snapshot() { return std::string(drain_.run("SELECT white_cross.snapshot()").text(0, 0)); }

std::optional<std::chrono::microseconds> Queue::clock()
{
    ClockReading const reading;
    auto const shown = drain_.run("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").integer(0, 0);
    return reading.lead_of(std::chrono::microseconds(shown));
}

Queue::Seen Queue::parse_snapshot(std::string_view text)
{
    auto const first = text.find(':'), second = text.find(':', first + 1);
    if (second == std::string_view::npos)
        throw Error("the server's answer is not a snapshot, as expected");
    auto const ids = text.substr(second + 1);
    return {"{" + std::string(ids.substr(0, ids.find(snapshot_token::kBeforeStart))) + "}",
            std::string(text.substr(first + 1, second - first - 1))};
}

}  // namespace wc::pg
