// The drain's look into the queue, without the executor: it finds the rows through the primary key and deletes each
// where it has found it.  Planned as SQL (ranges, limits, a running sum, a deletion by ctid), starting the plan alone
// took more than half of what a drain of a few rows costs.
//
// It does what a DELETE by the worker's role would do: the same lock, the same privileges, it waits for a deletion by
// somebody else, and it skips what that has deleted.
//
// white_cross.look finds the same and deletes nothing: for several Redis, each of which goes through the queue by
// itself.
#include <algorithm>

#include "core/json/writer.hpp"
#include "core/trace/traceparent_text.hpp"
#include "extension/binding/internal_tables.hpp"
#include "extension/changes/registration.hpp"
#include "extension/changes/relay.hpp"
#include "extension/server/arrays.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/result_rows.hpp"
#include "extension/value/json_value.hpp"
#include "extension/value/snapshot_token.hpp"

extern "C" {
#include "access/detoast.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/rls.h"
#include "utils/xid8.h"
}

namespace wc {
namespace {

// A row beyond one of these counts as a row for every student.  The worker's statement that deletes such rows
// (worker/pg/queue.cpp) has the same bounds.
constexpr int kMostStudents = 100'000;
constexpr Size kMostBytes = 1'000'000;

// A batch is bounded in bytes too: so many bytes count as one student.
constexpr Size kBytesAStudent = 200;

// The largest age.  The time of a row that somebody inserted by hand may be infinite, or so long ago that an age in
// microseconds overflows.
constexpr std::int64_t kOldest = std::int64_t{1000} * 365 * USECS_PER_DAY;

// The result of a batch has the traces of so many writers.  People look at the spans of a drain, and need no more.
constexpr int kMostTraces = 32;

// The columns of the queue.
enum Column { kXid, kN, kSections, kStudents, kPatternOrTrace, kQueuedAt };

struct Place {
    std::uint64_t xid;
    int n;
};

Relation open_primary_key(Relation queue)
{
    Oid const index = pg::primary_key(queue);
    if (!OidIsValid(index))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("white_cross.invalidation has no primary key"),
                        errhint("ALTER TABLE white_cross.invalidation ADD PRIMARY KEY (xid, n);")));
    return index_open(index, AccessShareLock);
}

// Rows in the order of the primary key, (xid, n).
class QueueScan {
public:
    /// REQUIRES: `queue` is locked, and stays so until the end of the transaction.
    QueueScan(Relation queue, Snapshot snapshot)
        : index_(open_primary_key(queue)),
          slot_(table_slot_create(queue, nullptr)),
          scan_(pg::begin_index_scan(queue, index_, snapshot, 2))
    {}

    /// From now on `next` gives the rows of one transaction whose n is larger than that of the place.
    void seek_behind(Place place) { seek(BTEqualStrategyNumber, F_XID8EQ, BTGreaterStrategyNumber, F_INT4GT, place); }

    /// From now on `next` gives all rows of one transaction.
    void seek(std::uint64_t xid)
    {
        seek(BTEqualStrategyNumber, F_XID8EQ, BTGreaterEqualStrategyNumber, F_INT4GE, {xid, PG_INT32_MIN});
    }

    /// From now on `next` gives all rows of later transactions.
    void seek_later(std::uint64_t xid)
    {
        seek(BTGreaterStrategyNumber, F_XID8GT, BTGreaterEqualStrategyNumber, F_INT4GE, {xid, PG_INT32_MIN});
    }

    /// Returns the next row, which is valid until the next call, or nullptr.
    TupleTableSlot *next()
    {
        if (!index_getnext_slot(scan_, ForwardScanDirection, slot_))
            return nullptr;
        slot_getallattrs(slot_);
        return slot_;
    }

    void close()
    {
        index_endscan(scan_);
        ExecDropSingleTupleTableSlot(slot_);
        index_close(index_, NoLock);
    }

private:
    void seek(StrategyNumber xid_strategy, RegProcedure compare_xids, StrategyNumber n_strategy,
              RegProcedure compare_numbers, Place place)
    {
        ScanKeyData keys[2];
        ScanKeyInit(&keys[0], 1, xid_strategy, compare_xids,
                    FullTransactionIdGetDatum(FullTransactionIdFromU64(place.xid)));
        ScanKeyInit(&keys[1], 2, n_strategy, compare_numbers, Int32GetDatum(place.n));
        index_rescan(scan_, keys, 2, nullptr, 0);
    }

    Relation index_;
    TupleTableSlot *slot_;
    IndexScanDesc scan_;
};

Datum text_of(std::uint64_t xid)
{
    char digits[24];
    return PointerGetDatum(cstring_to_text_with_len(digits, pg_ulltoa_n(xid, digits)));
}

// Returns the text of an array with one element.
Datum list_of(std::uint64_t xid)
{
    char list[24] = "{";
    int const length = pg_ulltoa_n(xid, list + 1);
    list[length + 1] = '}';
    return PointerGetDatum(cstring_to_text_with_len(list, length + 2));
}

// Takes rows, and puts their contents into the result.
class Batch {
public:
    Batch(Relation queue, bool deletes, std::int64_t most, ResultRows &result)
        : queue_(queue),
          deletes_(deletes),
          most_(most),
          result_(result),
          now_(GetCurrentTimestamp()),
          command_(GetCurrentCommandId(deletes))
    {}

    /// Takes the rows of the scan until the batch is full.  Returns false if it is full.
    bool take(QueueScan &scan)
    {
        while (TupleTableSlot *const row = scan.next()) {
            CHECK_FOR_INTERRUPTS();
            if (size_ >= most_ || count_ >= most_)
                return false;
            take(row);
        }
        return true;
    }

    void finish(bool is_complete)
    {
        json::Buffer token = make_buffer();
        append_snapshot_token(token);
        put('.', finish_text(token), taken_, is_complete, clock_text());
        if (count_ > 0)
            put('>', text_of(last_.xid), last_.n, 0, Datum{0});
    }

private:
    void take(TupleTableSlot *row)
    {
        const Datum *const values = row->tts_values;
        last_ = {U64FromFullTransactionId(DatumGetFullTransactionId(values[kXid])), DatumGetInt32(values[kN])};
        ++count_;
        Size const bytes = row->tts_isnull[kStudents] ? 0 : toast_datum_size(values[kStudents]);
        ArrayType *students = nullptr;
        if (!row->tts_isnull[kStudents] && bytes <= kMostBytes) {
            students = DatumGetArrayTypeP(values[kStudents]);
            int const length = ArrayGetNItems(ARR_NDIM(students), ARR_DIMS(students));
            if (length > kMostStudents)
                students = nullptr;
            else
                size_ += Max(length, static_cast<std::int64_t>(bytes / kBytesAStudent));
        }
        if (students == nullptr)
            keep(row);
        else if (remove(row)) {
            put_students(values, students);
            if (!row->tts_isnull[kPatternOrTrace]) [[unlikely]]
                put_trace(values);
        }
    }

    // A row for every student stays in the queue until the sweep that it asks for is over.
    void keep(TupleTableSlot *row)
    {
        ++size_;
        bool const has_pattern = row->tts_isnull[kStudents] && !row->tts_isnull[kPatternOrTrace];
        put('*', text_of(last_.xid), last_.n, age_of(DatumGetTimestampTz(row->tts_values[kQueuedAt])),
            has_pattern ? row->tts_values[kPatternOrTrace] : Datum{0});
    }

    // Returns false if another session has deleted the row; waits for a session that is deleting it.
    bool remove(TupleTableSlot *row)
    {
        ++taken_;
        return !deletes_ || pg::delete_row(queue_, &row->tts_tid, command_, GetActiveSnapshot(), true) == TM_Ok;
    }

    void put_students(const Datum *values, ArrayType *students)
    {
        Datum *ids = nullptr;
        bool *nulls = nullptr;
        int count = 0;
        deconstruct_array(students, TEXTOID, -1, false, TYPALIGN_INT, &ids, &nulls, &count);
        Datum const xids = list_of(last_.xid);
        for (int i = 0; i < count; ++i)
            if (!nulls[i])
                put('s', ids[i], DatumGetInt16(values[kSections]), age_of(DatumGetTimestampTz(values[kQueuedAt])),
                    xids);
    }

    // The rows of a transaction follow each other, and have the same trace.
    void put_trace(const Datum *values)
    {
        bool const is_told = traces_ > 0 && traced_ == last_.xid;
        if (is_told || traces_ == kMostTraces ||
            toast_raw_datum_size(values[kPatternOrTrace]) != VARHDRSZ + trace::kTraceparentLength)
            return;
        ++traces_;
        traced_ = last_.xid;
        put('t', PointerGetDatum(DatumGetTextP(values[kPatternOrTrace])), 0,
            age_of(DatumGetTimestampTz(values[kQueuedAt])), list_of(last_.xid));
    }

    // The moment to which the ages refer, in microseconds since 1970.
    Datum clock_text() const
    {
        constexpr std::int64_t kSince1970 = std::int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;
        return text_of(static_cast<std::uint64_t>(now_ + kSince1970));
    }

    std::int64_t age_of(TimestampTz queued_at) const
    {
        if (queued_at >= now_)
            return 0;
        return queued_at < now_ - kOldest ? kOldest : now_ - queued_at;
    }

    // Datum 0 becomes NULL.
    void put(char kind, Datum name, int n, std::int64_t number, Datum xids)
    {
        Datum const values[] = {CharGetDatum(kind), name, Int32GetDatum(n), Int64GetDatum(number), xids};
        bool const nulls[] = {false, false, false, false, xids == Datum{0}};
        result_.put(values, nulls);
    }

    Relation queue_;
    bool deletes_;
    std::int64_t most_;
    ResultRows &result_;
    TimestampTz now_;
    CommandId command_;
    std::int64_t size_ = 0;  // in students
    std::int64_t count_ = 0;
    int taken_ = 0;
    int traces_ = 0;
    std::uint64_t traced_ = 0;  // the transaction whose trace was put into the result last
    Place last_{};
};

struct Xids {
    std::uint64_t *begin;
    std::uint64_t *end;
};

// Returns the ids in order, each once.
Xids sorted_xids(ArrayType *array)
{
    ArrayElements const elements(array, "in_progress");
    auto *const xids = static_cast<std::uint64_t *>(palloc(sizeof(std::uint64_t) * (elements.count() + 1)));
    auto *end = xids;
    for (int i = 0; i < elements.count(); ++i)
        if (!elements.is_null(i))
            *end++ = U64FromFullTransactionId(DatumGetFullTransactionId(elements.datum(i)));
    std::sort(xids, end);
    return {xids, std::unique(xids, end)};
}

Relation open_queue()
{
    PreventCommandIfReadOnly("white_cross.take");
    Oid const id = lock_internal_table(queue_table, RowExclusiveLock);
    if (!OidIsValid(id))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the extension white_cross has no queue")));
    if (pg_class_aclcheck(id, GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
        pg_class_aclcheck(id, GetUserId(), ACL_DELETE) != ACLCHECK_OK)
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, "invalidation");
    // A row that a policy hid would stay stale in the cache.
    if (check_enable_rls(id, InvalidOid, false) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("row-level security of white_cross.invalidation applies to role \"%s\"",
                               GetUserNameFromId(GetUserId(), false)),
                        errhint("ALTER TABLE white_cross.invalidation DISABLE ROW LEVEL SECURITY;")));
    return table_open(id, NoLock);
}

Datum take(FunctionCallInfo fcinfo, bool deletes)
{
    Relation const queue = open_queue();
    begin_drain();
    ResultRows result(fcinfo);
    Xids const in_progress = sorted_xids(PG_GETARG_ARRAYTYPE_P(0));
    auto const place = [fcinfo](int xid, int n) {
        return Place{U64FromFullTransactionId(DatumGetFullTransactionId(PG_GETARG_DATUM(xid))), PG_GETARG_INT32(n)};
    };
    Place const last = place(1, 2);
    Place const later = place(3, 4);
    // What is committed after begin_drain() is announced again, so take the snapshot behind it: the query's own is
    // older.
    PushActiveSnapshot(GetTransactionSnapshot());
    QueueScan scan(queue, GetActiveSnapshot());
    Batch batch(queue, deletes, PG_GETARG_INT64(5), result);
    bool is_complete = true;
    for (auto *xid = in_progress.begin; is_complete && xid != in_progress.end && *xid < later.xid; ++xid) {
        if (*xid < last.xid)
            continue;
        if (*xid == last.xid)
            scan.seek_behind(last);
        else
            scan.seek(*xid);
        is_complete = batch.take(scan);
    }
    if (is_complete) {
        scan.seek_behind(later);
        is_complete = batch.take(scan);
    }
    if (is_complete) {
        scan.seek_later(later.xid);
        is_complete = batch.take(scan);
    }
    batch.finish(is_complete);
    scan.close();
    PopActiveSnapshot();
    table_close(queue, NoLock);
    return result.finish();
}

}  // namespace
}  // namespace wc

using namespace wc;

// white_cross.take(in_progress xid8[], last_xid xid8, last_n integer, later_xid xid8, later_n integer, most bigint)
// → (kind "char", name text, n integer, number bigint, xids text)
WC_FUNCTION(wc_take) { return take(fcinfo, true); }

// white_cross.look: the same arguments and result
WC_FUNCTION(wc_look) { return take(fcinfo, false); }
