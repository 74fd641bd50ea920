// The rows go in below the executor, as catalog rows do: as whoever the writer is, without privileges on
// the queue, without triggers or rules of its own, and with nothing of the writer's search_path.
#include "extension/change_queue.hpp"

#include "extension/prelude.hpp"

extern "C" {
#include "catalog/indexing.h"
#include "utils/xid8.h"
}

namespace wc {
namespace {

using changes::DirtySet;

// The ordinal of the transaction's next row.
int next_row = 0;

Oid internal_relation(const char *name)
{
    Oid const schema = get_namespace_oid("white_cross", true);
    return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

class QueueWriter {
public:
    QueueWriter()
        : relation_(table_open(internal_relation("invalidation"), RowExclusiveLock)),
          indexes_(CatalogOpenIndexes(relation_)),
          xid_(GetTopFullTransactionId()),
          now_(GetCurrentTimestamp())
    {}

    void put(cache::Sections sections, Datum students, bool everybody)
    {
        Datum values[] = {FullTransactionIdGetDatum(xid_), Int32GetDatum(next_row++),
                          Int16GetDatum(static_cast<int16>(sections)), students, TimestampTzGetDatum(now_)};
        bool nulls[] = {false, false, false, everybody, false};
        HeapTuple const tuple = heap_form_tuple(RelationGetDescr(relation_), values, nulls);
        CatalogTupleInsertWithInfo(relation_, tuple, indexes_);
        heap_freetuple(tuple);
    }

    void close()
    {
        CatalogCloseIndexes(indexes_);
        table_close(relation_, NoLock);
    }

private:
    Relation relation_;
    CatalogIndexState indexes_;
    FullTransactionId xid_;
    TimestampTz now_;
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
        queue.put(sections, PointerGetDatum(students), false);
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

bool has_worker()
{
    Oid const id = internal_relation("worker");
    if (!OidIsValid(id))
        return false;
    Relation const workers = table_open(id, AccessShareLock);
    SysScanDesc const scan = systable_beginscan(workers, InvalidOid, false, nullptr, 0, nullptr);
    bool const found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    table_close(workers, NoLock);
    return found;
}

void put_changes(const DirtySet &set)
{
    QueueWriter queue;
    if (set.everything() != 0)
        queue.put(set.everything(), Datum{0}, true);
    // One pass for each combination of sections that occurs: nearly always one.
    bool is_done[cache::kAllSections + 1] = {};
    for (const DirtySet::Entry &entry : set) {
        bool const is_covered = (entry.sections & ~set.everything()) == 0;
        if (is_covered || is_done[entry.sections])
            continue;
        is_done[entry.sections] = true;
        put_students(queue, set, entry.sections);
    }
    queue.close();
}

void end_of_changes() noexcept { next_row = 0; }

}  // namespace wc
