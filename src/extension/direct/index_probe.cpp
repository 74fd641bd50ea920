#include "extension/direct/index_probe.hpp"

#include <type_traits>

extern "C" {
#include "pgstat.h"
#include "storage/bufmgr.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<IndexProbe>);

bool IndexProbe::open(Entity entity, Reads reads, Snapshot snapshot, IndexUse use)
{
    table_ = open_bound_table(entity);
    owns_table_ = true;
    index_ = may_read_directly(table_) ? open_student_index(entity, table_, student_index_, use) : nullptr;
    if (index_ == nullptr) {
        table_close(table_.relation, NoLock);
        return false;
    }
    begin(reads, snapshot);
    return true;
}

bool IndexProbe::open_beside(const IndexProbe &first, Entity entity, Reads reads, IndexUse use)
{
    table_ = first.table_;
    owns_table_ = false;
    index_ = open_student_index(entity, table_, student_index_, use);
    if (index_ == nullptr)
        return false;
    begin(reads, first.snapshot());
    return true;
}

void IndexProbe::begin(Reads reads, Snapshot snapshot)
{
    scan_context_ = CurrentMemoryContext;
    scan_ = pg::begin_index_scan(table_.relation, index_, snapshot, 1);
    scan_->xs_want_itup = reads == Reads::EntriesAndRows;
    slot_ = table_slot_create(table_.relation, nullptr);
    ScanKeyEntryInitializeWithInfo(&key_, 0, 1, BTEqualStrategyNumber, InvalidOid, student_index_.collation,
                                   &student_index_.equal, Datum{0});
}

void IndexProbe::close()
{
    index_endscan(scan_);
    ExecDropSingleTupleTableSlot(slot_);
    index_close(index_, NoLock);
    if (owns_table_)
        table_close(table_.relation, NoLock);
}

void IndexProbe::seek(Datum student_id)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    key_.sk_argument = student_id;
    index_rescan(scan_, &key_, 1, nullptr, 0);
    MemoryContextSwitchTo(caller);
}

ItemPointer IndexProbe::next_position()
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    ItemPointer const position = index_getnext_tid(scan_, student_index_.direction);
    MemoryContextSwitchTo(caller);
    return position;
}

Datum IndexProbe::index_value(AttrNumber column, bool &is_null) const
{
    return index_getattr(scan_->xs_itup, column, RelationGetDescr(index_), &is_null);
}

bool IndexProbe::fetch()
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool const found = index_fetch_heap(scan_, slot_);
    MemoryContextSwitchTo(caller);
    return found;
}

bool IndexProbe::fetch_at(const ItemPointerData &position)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    ItemPointerData at = position;
    bool call_again = false;
    bool all_dead = false;
    bool const found =
        table_index_fetch_tuple(scan_->xs_heapfetch, &at, scan_->xs_snapshot, slot_, &call_again, &all_dead);
    if (found)
        pgstat_count_heap_fetch(index_);
    MemoryContextSwitchTo(caller);
    return found;
}

namespace {

// Where the page has the place of its row.
const char *line_pointer(const char *page, const ItemPointerData &position)
{
    return page + SizeOfPageHeaderData +
           sizeof(ItemIdData) * static_cast<Size>(ItemPointerGetOffsetNumberNoCheck(&position) - 1);
}

constexpr Size kCacheLine = 64;
constexpr Size kLinesOfRow = 5;

}  // namespace

Buffer IndexProbe::prefetch_page(const ItemPointerData &position) const
{
    PrefetchBufferResult const found =
        PrefetchBuffer(table_.relation, MAIN_FORKNUM, ItemPointerGetBlockNumberNoCheck(&position));
    if (BufferIsValid(found.recent_buffer)) {
        auto const *const page = static_cast<const char *>(BufferGetPage(found.recent_buffer));
        __builtin_prefetch(page);
        __builtin_prefetch(line_pointer(page, position));
    }
    return found.recent_buffer;
}

// Reads the line pointer without a lock: the page may have become another one, and then what is loaded is of no use.
void IndexProbe::prefetch_row(const ItemPointerData &position, Buffer page)
{
    if (!BufferIsValid(page))
        return;
    auto const *const begin = static_cast<const char *>(BufferGetPage(page));
    ItemIdData line{};
    memcpy(&line, line_pointer(begin, position), sizeof line);
    for (Size i = 0; i < kLinesOfRow; ++i)
        __builtin_prefetch(begin + ItemIdGetOffset(&line) + i * kCacheLine);
}

bool IndexProbe::next_row()
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool const found = index_getnext_slot(scan_, ForwardScanDirection, slot_);
    MemoryContextSwitchTo(caller);
    return found;
}

}  // namespace wc
