// Inserts the rows below the executor, as PostgreSQL inserts rows of catalogs.  So the writer needs no privileges on
// the queue, and neither triggers and rules nor the writer's search_path have an effect.
#include "extension/changes/change_queue.hpp"

#include <algorithm>
#include <iterator>

#include "core/trace/traceparent_text.hpp"
#include "extension/binding/internal_tables.hpp"
#include "extension/changes/registration.hpp"
#include "extension/server/prelude.hpp"
#include "extension/server/settings.hpp"

extern "C" {
#include "catalog/indexing.h"
#include "utils/xid8.h"
}

namespace wc {
namespace {

using changes::DirtySet;

// The number of the transaction's next row.
int next_row = 0;

// Inserts rows of the running transaction and their index entries.  There is no conflict: a transaction numbers its
// rows, and no other transaction has its id.
class QueueWriter {
public:
    /// REQUIRES: the table is locked, and a snapshot is active, which PostgreSQL needs to write indexes and TOAST.
    QueueWriter(Oid queue, const trace::Traceparent &writer)
        : relation_(table_open(queue, NoLock)),
          indexes_(CatalogOpenIndexes(relation_)),
          xid_(GetTopFullTransactionId()),
          now_(GetCurrentTimestamp()),
          traceparent_(writer.is_sampled ? text_of(writer) : Datum{0}),
          column_count_(RelationGetDescr(relation_)->natts),
          values_(static_cast<Datum *>(palloc0(sizeof(Datum) * column_count_))),
          nulls_(static_cast<bool *>(palloc(sizeof(bool) * column_count_)))
    {
        if (!ActiveSnapshotSet())
            elog(ERROR, "the queue of white_cross is written without a snapshot");
        if (column_count_ < kKnownColumns)
            elog(ERROR, "white_cross.invalidation has %d columns, and not %d", column_count_, kKnownColumns);
        std::fill_n(nulls_, column_count_, true);
    }

    void put_students(cache::Sections sections, ArrayType *students)
    {
        put(sections, PointerGetDatum(students), traceparent_);
    }
    void put_everything(cache::Sections sections) { put(sections, Datum{0}, Datum{0}); }
    void put_pattern(const KeyPattern &pattern)
    {
        text *const glob = cstring_to_text_with_len(pattern.text(), static_cast<int>(pattern.length));
        put(cache::kAllSections, Datum{0}, PointerGetDatum(glob));
        pfree(glob);
    }

    void close()
    {
        CatalogCloseIndexes(indexes_);
        table_close(relation_, NoLock);
    }

    /// Returns a lower bound of the queue's size in bytes: up to the last page that was written.
    std::int64_t size() const noexcept { return (std::int64_t{last_block_} + 1) * BLCKSZ; }

private:
    static Datum text_of(const trace::Traceparent &writer)
    {
        char text[trace::kTraceparentLength];
        trace::write_traceparent(writer, text);
        return PointerGetDatum(cstring_to_text_with_len(text, sizeof text));
    }

    // Datum 0 becomes NULL, which means "every student", "all keys" or "no trace".  A library stays loaded in sessions
    // while a later version of the extension is installed, so columns behind those that it knows become NULL.
    void put(cache::Sections sections, Datum students, Datum pattern_or_trace)
    {
        Datum const known[] = {FullTransactionIdGetDatum(xid_),
                               Int32GetDatum(next_row++),
                               Int16GetDatum(static_cast<int16>(sections)),
                               students,
                               pattern_or_trace,
                               TimestampTzGetDatum(now_)};
        static_assert(std::size(known) == kKnownColumns);
        std::copy(std::begin(known), std::end(known), values_);
        std::fill_n(nulls_, kKnownColumns, false);
        nulls_[3] = students == Datum{0};
        nulls_[4] = pattern_or_trace == Datum{0};
        HeapTuple const tuple = heap_form_tuple(RelationGetDescr(relation_), values_, nulls_);
        CatalogTupleInsertWithInfo(relation_, tuple, indexes_);
        last_block_ = Max(last_block_, ItemPointerGetBlockNumber(&tuple->t_self));
        heap_freetuple(tuple);
    }

    static constexpr int kKnownColumns = 6;

    Relation relation_;
    CatalogIndexState indexes_;
    FullTransactionId xid_;
    TimestampTz now_;
    Datum traceparent_;
    int column_count_;
    Datum *values_;
    bool *nulls_;
    BlockNumber last_block_ = 0;
};

// The largest row, in bytes.  A row that goes to TOAST costs as much as several rows that stay in line.
constexpr std::size_t kRowBytes = 1600;

// Students with the same sections share rows.
void put_students(QueueWriter &queue, const DirtySet &set, cache::Sections sections)
{
    constexpr int kMost = static_cast<int>(kRowBytes / (VARHDRSZ + 1));
    Datum ids[kMost];
    int count = 0;
    std::size_t bytes = 0;
    auto const flush_row = [&] {
        ArrayType *const students = construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT);
        queue.put_students(sections, students);
        pfree(students);
        for (int i = 0; i < count; ++i)
            pfree(DatumGetPointer(ids[i]));
        count = 0;
        bytes = 0;
    };
    for (const DirtySet::Entry &entry : set) {
        if (entry.sections != sections)
            continue;
        std::size_t const size = VARHDRSZ + entry.length;
        if (count == kMost || (count > 0 && bytes + size > kRowBytes))
            flush_row();
        ids[count++] = PointerGetDatum(cstring_to_text_with_len(entry.id, static_cast<int>(entry.length)));
        bytes += size;
    }
    if (count > 0)
        flush_row();
}

}  // namespace

void put_changes(const DirtySet &set, const KeyPattern *patterns, const trace::Traceparent &writer)
{
    Oid const table = lock_internal_table(queue_table, RowExclusiveLock);
    if (!OidIsValid(table))
        return;
    // At the pre-commit there is no active snapshot.
    PushActiveSnapshot(GetTransactionSnapshot());
    QueueWriter queue(table, writer);
    if (set.everything() != 0)
        queue.put_everything(set.everything());
    for (; patterns != nullptr; patterns = patterns->next)
        queue.put_pattern(*patterns);
    // Make one pass for each combination of sections that occurs; there is nearly always one.
    bool is_done[2 * cache::kPrewarm] = {};
    for (const DirtySet::Entry &entry : set) {
        bool const is_covered = (entry.sections & ~set.everything()) == 0;
        if (is_covered || is_done[entry.sections])
            continue;
        is_done[entry.sections] = true;
        put_students(queue, set, entry.sections);
    }
    queue.close();
    // No worker has drained for long, or it cannot keep up.  As with a replication slot whose consumer is too far
    // behind, the consumer loses its registration, and notices that; writers go on.
    if (queue.size() > settings::queue_limit_bytes() && !is_kept_up()) {
        lapse_registrations();
        ereport(LOG,
                (errmsg("the queue of white_cross has reached white_cross.queue_limit: changes are no longer queued"),
                 errhint("When wc-worker is back, all that is cached counts as stale.")));
    }
    PopActiveSnapshot();
}

void end_of_changes() noexcept { next_row = 0; }

}  // namespace wc
