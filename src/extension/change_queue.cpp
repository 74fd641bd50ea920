// The rows go in below the executor, as catalog rows do: as whoever the writer is, without privileges on
// the queue, without triggers or rules of its own, and with nothing of the writer's search_path.
#include "extension/change_queue.hpp"

#include "extension/internal_tables.hpp"
#include "extension/prelude.hpp"
#include "extension/registration.hpp"
#include "extension/settings.hpp"

extern "C" {
#include "catalog/indexing.h"
#include "utils/xid8.h"
}

namespace wc {
namespace {

using changes::DirtySet;

// The ordinal of the transaction's next row.
int next_row = 0;

// Rows of the running transaction, its own index entries included.  Nothing can be in their way: a transaction numbers
// its rows, and no other has its id.
class QueueWriter {
public:
    QueueWriter()
        : relation_(table_open(queue_table(), RowExclusiveLock)),
          indexes_(CatalogOpenIndexes(relation_)),
          xid_(GetTopFullTransactionId()),
          now_(GetCurrentTimestamp())
    {}

    void put_students(cache::Sections sections, ArrayType *students)
    {
        put(sections, PointerGetDatum(students), Datum{0});
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

    /// How large the queue is at least, in bytes: up to the last page that was written to.
    std::int64_t size() const noexcept { return (std::int64_t{last_block_} + 1) * BLCKSZ; }

private:
    // Nothing, where a value is 0: every student, any key.
    void put(cache::Sections sections, Datum students, Datum pattern)
    {
        Datum values[] = {FullTransactionIdGetDatum(xid_),
                          Int32GetDatum(next_row++),
                          Int16GetDatum(static_cast<int16>(sections)),
                          students,
                          pattern,
                          TimestampTzGetDatum(now_)};
        bool nulls[] = {false, false, false, students == Datum{0}, pattern == Datum{0}, false};
        HeapTuple const tuple = heap_form_tuple(RelationGetDescr(relation_), values, nulls);
        CatalogTupleInsertWithInfo(relation_, tuple, indexes_);
        last_block_ = Max(last_block_, ItemPointerGetBlockNumber(&tuple->t_self));
        heap_freetuple(tuple);
    }

    Relation relation_;
    CatalogIndexState indexes_;
    FullTransactionId xid_;
    TimestampTz now_;
    BlockNumber last_block_ = 0;
};

// Small enough to stay in line: a row that goes to TOAST costs as much as several that do not.
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

void put_changes(const DirtySet &set, const KeyPattern *patterns)
{
    QueueWriter queue;
    if (set.everything() != 0)
        queue.put_everything(set.everything());
    for (; patterns != nullptr; patterns = patterns->next)
        queue.put_pattern(*patterns);
    // One pass for each combination of sections that occurs: nearly always one.
    bool is_done[2 * cache::kPrewarm] = {};
    for (const DirtySet::Entry &entry : set) {
        bool const is_covered = (entry.sections & ~set.everything()) == 0;
        if (is_covered || is_done[entry.sections])
            continue;
        is_done[entry.sections] = true;
        put_students(queue, set, entry.sections);
    }
    queue.close();
    // Nobody has drained for long, or cannot keep up: as with a replication slot whose consumer is too far behind, it
    // is the consumer who loses, and finds out; the writers go on.
    if (queue.size() > settings::queue_limit_bytes()) {
        lapse_registrations();
        ereport(LOG,
                (errmsg("the queue of white_cross has reached white_cross.queue_limit: changes are no longer queued"),
                 errhint("When wc-worker is back, all that is cached counts as stale.")));
    }
}

void end_of_changes() noexcept { next_row = 0; }

}  // namespace wc
