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
#include <charconv>
#include <cstdlib>
#include <random>
#include <utility>

#include "app/clock_reading.hpp"
#include "app/log.hpp"
#include "core/changes/queue.hpp"

namespace wc::pg {
namespace {

// Row by row: '.' what the batch is (snapshot, rows to delete, 1 when there are no more), '>' the last row's place,
// '*' a row for every student (which stays; the pattern of its keys), 's' a student (sections, age in microseconds,
// xids).
//
// By ctid because the rows were found by the same snapshot a moment ago and nobody updates them: no second search.
constexpr std::string_view kTakeTypes[] = {"xid8[]", "xid8", "integer", "xid8", "integer", "bigint"};
constexpr Statement kTake{"wc_take", kTakeTypes, R"(
WITH unseen AS MATERIALIZED (
    SELECT * FROM (
        (SELECT i.ctid AS place, i.xid, i.n, i.students IS NULL AS everything, i.pattern, coalesce(cardinality(i.students), 1) AS size
         FROM white_cross.invalidation AS i WHERE i.xid = ANY ($1) AND (i.xid, i.n) > ($2, $3)
         ORDER BY i.xid, i.n LIMIT $6)
        UNION ALL
        (SELECT i.ctid, i.xid, i.n, i.students IS NULL, i.pattern, coalesce(cardinality(i.students), 1)
         FROM white_cross.invalidation AS i WHERE (i.xid, i.n) > ($4, $5)
         ORDER BY i.xid, i.n LIMIT $6)) AS u
    ORDER BY xid, n LIMIT $6),
picked AS MATERIALIZED (
    SELECT * FROM (SELECT *, sum(size) OVER (ORDER BY xid, n ROWS UNBOUNDED PRECEDING) - size AS before FROM unseen) AS u
    WHERE before < $6),
gone AS (
    DELETE FROM white_cross.invalidation AS i WHERE i.ctid = ANY (ARRAY(SELECT place FROM picked WHERE NOT everything))
    RETURNING i.xid, i.sections, i.students, i.queued_at)
SELECT '.', pg_current_snapshot()::text, (SELECT count(*) FROM picked WHERE NOT everything),
       (SELECT (count(*) < $6 AND count(*) = (SELECT count(*) FROM picked))::integer FROM unseen), NULL
UNION ALL
(SELECT '>', p.xid::text, p.n, NULL, NULL FROM picked AS p ORDER BY p.xid DESC, p.n DESC LIMIT 1)
UNION ALL
SELECT '*', xid::text, n, NULL, pattern FROM picked WHERE everything
UNION ALL
SELECT 's', s.student, bit_or(sections), (extract(epoch FROM clock_timestamp() - min(queued_at)) * 1000000)::bigint,
       array_agg(DISTINCT xid)::text
FROM gone CROSS JOIN LATERAL unnest(students) AS s(student) GROUP BY s.student)"};

constexpr std::string_view kBacklogTypes[] = {"xid8[]", "xid8"};
constexpr Statement kBacklog{"wc_backlog", kBacklogTypes, R"(
SELECT count(*), coalesce((extract(epoch FROM clock_timestamp() - min(queued_at)) * 1000000)::bigint, 0) FROM (
    (SELECT queued_at FROM white_cross.invalidation WHERE xid = ANY ($1) LIMIT 100000)
    UNION ALL
    (SELECT queued_at FROM white_cross.invalidation WHERE xid >= $2 ORDER BY xid, n LIMIT 100000)) AS waiting)"};

// One plan for ever, made for an index and a few rows: statistics of a table that is empty most of the time mislead.
//
// A crash of the server may undo the deletion of rows that were drained: they are drained again, hence no synchronous
// commit.  A worker that hangs inside a transaction, or on a machine that is gone, loses its session and the lock with
// it.
std::vector<std::string> settings(const Timeouts &timeouts)
{
    return {"synchronous_commit = off",
            "plan_cache_mode = force_generic_plan",
            "enable_seqscan = off",
            "enable_bitmapscan = off",
            "idle_in_transaction_session_timeout = " + std::to_string(timeouts.hung.count()),
            "tcp_keepalives_idle = 5",
            "tcp_keepalives_interval = 2",
            "tcp_keepalives_count = 3",
            "tcp_user_timeout = '15s'"};
}

// Which server this is, and since when it has lost nothing.
constexpr const char *kIdentity = "split_part(white_cross.snapshot(), '#', 2)";

// A row's n is -1 or more.
constexpr const char *kBeforeAllRows = "-2";

constexpr const char *kLockNotAvailable = "55P03";
constexpr const char *kNotRegistered = "55000";
constexpr std::chrono::milliseconds kListenTest{2000};
constexpr const char *kTurn = "1s";  // behind a pooler: how long another worker's turn may take

std::vector<app::Xid> parse_xids(std::string_view text)
{
    std::vector<app::Xid> xids;
    for (const char *at = text.data() + 1, *const end = text.data() + text.size(); at < end;) {
        app::Xid xid = 0;
        auto const parsed = std::from_chars(at, end, xid);
        if (parsed.ec != std::errc{})
            throw Error("the server's answer is not a list of transaction ids where one is expected");
        xids.push_back(xid);
        at = parsed.ptr + 1;
    }
    return xids;
}

std::string drain_lock()
{
    return "(" + std::to_string(queue::kDrainLockClass) + ", " + std::to_string(queue::kDrainLockId) + ")";
}

}  // namespace

Queue::Queue(const Target &target, const Timeouts &timeouts, std::string worker_name)
    : worker_name_(std::move(worker_name)),
      heartbeat_channel_("wc_worker_" + std::to_string(getpid()) + "_" + std::to_string(std::random_device{}())),
      hung_after_(timeouts.hung),
      listener_(std::in_place, target, timeouts, "listen"),
      drain_(target, timeouts, "drain", settings(timeouts))
{
    test_listen();
    prepare();
}

void Queue::prepare()
{
    try {
        drain_.prepare(kTake);
        drain_.prepare(kBacklog);
    } catch (const Error &error) {
        if (error.sqlstate() == "42P01" || error.sqlstate() == "3F000")
            throw Error("this database has no extension white_cross: CREATE EXTENSION white_cross");
        if (error.sqlstate() == "42501")
            throw Error(std::string(error.what()) +
                        " (SELECT wc_grant_worker('ROLE') gives the worker's role what it needs)");
        throw;
    }
}

// A session that hears what is sent to it while it says nothing is its connection's own.
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
        "LISTEN hears nothing on this connection, as behind a transaction pooler: changes are found by polling only; "
        "give the worker a direct connection");
    // As far as it can be undone.
    listener_->run("UNLISTEN " + heartbeat_channel_);
    listener_.reset();
}

// What is visible in one transaction, and who drains, holds for the next only where the server is the same one.
void Queue::check_identity(std::string found)
{
    if (!identity_.empty() && identity_ != found)
        throw Error("the pooler leads to another server, or to another start of it");
    identity_ = std::move(found);
}

// Behind a pooler the lock can be held during a transaction only, so that workers may take turns.
bool Queue::try_lead()
{
    if (!keeps_session())
        return drain_.run("SELECT pg_try_advisory_xact_lock" + drain_lock()).is_true(0, 0);
    if (!drain_.run("SELECT pg_try_advisory_lock" + drain_lock()).is_true(0, 0))
        return false;
    // A process that is stopped keeps its connections: a drainer that does not even poll is to lose them.
    drain_.run("SET idle_session_timeout = " + std::to_string(hung_after_.count()));
    return true;
}

void Queue::release()
{
    if (keeps_session())
        drain_.run("SET idle_session_timeout = 0; SELECT pg_advisory_unlock" + drain_lock());
    relayed_.reset();
    // Whoever drains next, perhaps again this worker, begins with everything that is there.
    seen_ = {};
    place_ = {};
    round_began_ = false;
}

std::optional<bool> Queue::enroll()
{
    try {
        auto const answer = drain_.run("BEGIN; SELECT white_cross.register_worker(" + pg::quoted(worker_name_) + ")");
        bool const newly = answer.is_true(0, 0);
        // A registration that a crash of the server undid would lose changes: this one waits for the disk.
        drain_.run("SET LOCAL synchronous_commit = on; COMMIT");
        start_relay();
        return newly;
    } catch (const Error &error) {
        if (error.sqlstate() != kLockNotAvailable)
            throw;
        drain_.run("ROLLBACK");
        log::info("waits for transactions in flight before it can be registered");
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
        log::info("a relay notifies for all writers");
    else
        log::info("writers notify by themselves; shared_preload_libraries = 'white_cross' would spare them that");
}

// The text that begins a transaction in which this worker alone drains.
std::string Queue::begin()
{
    if (keeps_session())
        return "BEGIN; ";
    try {
        check_identity(std::string(drain_
                                       .run("SET LOCAL lock_timeout = '" + std::string(kTurn) + "'; BEGIN; SELECT " +
                                            kIdentity + ", pg_advisory_xact_lock" + drain_lock())
                                       .text(0, 0)));
    } catch (const Error &error) {
        if (error.sqlstate() == kLockNotAvailable)
            throw Error("another worker drains the queue");
        throw;
    }
    return {};
}

app::Batch Queue::take(std::size_t max_students)
{
    app::Batch batch;
    auto const first = first_unseen();
    // Each statement has a snapshot of its own: that of the second is taken after the first is done.
    auto const answer =
        run_registered(begin() + "SELECT white_cross.begin_drain(); " +
                       drain_.call(kTake, std::vector{seen_.in_progress, place_.xid, place_.n, first.xid, first.n,
                                                      std::to_string(max_students)}));
    if (!answer) {
        batch.lapsed = true;
        return batch;
    }
    auto const &result = *answer;
    batch.changes.reserve(static_cast<std::size_t>(result.rows()));
    Seen now;
    Place last = place_;
    for (int row = 0; row < result.rows(); ++row) {
        switch (result.text(row, 0).front()) {
            case '.':
                now = parse_snapshot(result.text(row, 1));
                batch.rows = static_cast<std::size_t>(result.integer(row, 2));
                batch.complete = result.integer(row, 3) != 0;
                break;
            case '>': last = {std::string(result.text(row, 1)), std::string(result.text(row, 2))}; break;
            case '*':
                batch.everything.push_back(
                    {result.xid(row, 1), static_cast<int>(result.integer(row, 2)), std::string(result.text(row, 4))});
                break;
            default:
                batch.changes.push_back({std::string(result.text(row, 1)),
                                         static_cast<cache::Sections>(result.integer(row, 2)),
                                         parse_xids(result.text(row, 4)),
                                         std::chrono::microseconds(std::max<std::int64_t>(0, result.integer(row, 3)))});
        }
    }
    Seen const before = round_began_ ? round_ : now;
    if (batch.complete) {
        next_seen_ = before;
        next_place_ = {};
        // What committed during a round of several batches may lie behind: the next round looks.
        batch.complete = !round_began_;
        next_round_began_ = false;
    } else {
        next_seen_ = seen_;
        next_place_ = std::move(last);
        round_ = before;
        next_round_began_ = true;
    }
    if (batch.rows == 0)
        commit();
    return batch;
}

// Where the second range begins.  One bound, not two of which the index would have to begin with the wrong one.
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
        seen_ = {};
        place_ = {};
        round_began_ = false;
        return std::nullopt;
    }
}

void Queue::commit()
{
    drain_.run("COMMIT");
    seen_ = next_seen_;
    place_ = next_place_;
    round_began_ = next_round_began_;
}

void Queue::give_back() { drain_.run("ROLLBACK"); }

void Queue::forget(std::span<const app::Everything> rows)
{
    // Joined, as they may be many thousands: a condition that names each would be gone through for every row.
    std::string xids, numbers;
    for (auto const &row : rows) {
        auto const *const comma = xids.empty() ? "" : ",";
        xids += comma + std::to_string(row.xid);
        numbers += comma + std::to_string(row.n);
    }
    drain_.run("DELETE FROM white_cross.invalidation AS i USING unnest('{" + xids + "}'::xid8[], '{" + numbers +
               "}'::integer[]) AS done(xid, n) WHERE i.students IS NULL AND i.xid = done.xid AND i.n = done.n");
}

app::Backlog Queue::backlog()
{
    auto const result = drain_.run(drain_.call(kBacklog, std::vector{seen_.in_progress, seen_.xmax}));
    return {static_cast<std::size_t>(result.integer(0, 0)), std::chrono::microseconds(result.integer(0, 1))};
}

bool Queue::consume_wakes()
{
    // Nothing is heard there, but the end of the connection is seen.
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
    if (!listener_)
        return;
    woken_ = consume_wakes();
    if (heartbeat_pending_)
        throw Error("the listening connection hears nothing any more");
    drain_.run("NOTIFY " + heartbeat_channel_);
    heartbeat_pending_ = true;
    if (relayed_.has_value())
        start_relay();
}

void Queue::report(const app::Report &report)
{
    auto const count = [](std::int64_t n) { return std::to_string(n); };
    drain_.run("SELECT white_cross.report_worker(" + pg::quoted(worker_name_) +
               (report.draining ? ", true" : ", false") + (keeps_session() ? ", true, " : ", false, ") +
               count(report.next.count()) +
               (report.reads ? ", " + count(report.reads->hits) + ", " + count(report.reads->misses) : ", NULL, NULL") +
               (report.evicts ? ", true)" : ", false)"));
}

std::string Queue::identity()
{
    if (identity_.empty() || !keeps_session())
        check_identity(std::string(drain_.run(std::string("SELECT ") + kIdentity).text(0, 0)));
    return identity_;
}

std::string Queue::snapshot() { return std::string(drain_.run("SELECT white_cross.snapshot()").text(0, 0)); }

std::optional<std::chrono::microseconds> Queue::clock()
{
    app::ClockReading const reading;
    auto const shown = drain_.run("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").integer(0, 0);
    return reading.lead_of(std::chrono::microseconds(shown));
}

void Queue::distrust() { drain_.run("SELECT white_cross.distrust_cache()"); }

Queue::Seen Queue::parse_snapshot(std::string_view text)
{
    auto const first = text.find(':'), second = text.find(':', first + 1);
    if (second == std::string_view::npos)
        throw Error("the server's answer is not a snapshot where one is expected");
    return {"{" + std::string(text.substr(second + 1)) + "}", std::string(text.substr(first + 1, second - first - 1))};
}

}  // namespace wc::pg
