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
    entity_ = entity;
    reads_ = reads;
    use_ = use;
    snapshot_ = snapshot;
    scan_context_ = CurrentMemoryContext;
    scan_ = nullptr;
    whole_ = open_bound_table(entity);
    owns_whole_ = true;
    has_parts_ = is_partitioned(whole_);
    parts_ = Parts{};
    number_ = 0;
    part_ = {whole_, nullptr, {}};
    if (!may_read_parts_directly(whole_) || !can_open()) {
        table_close(whole_.relation, NoLock);
        return false;
    }
    if (!has_parts_)
        begin();
    return true;
}

bool IndexProbe::can_open() { return has_parts_ ? Parts::can_be_found(entity_, whole_) : open_index(); }

bool IndexProbe::open_index()
{
    part_.index = open_student_index(entity_, whole_, part_.student_index, use_);
    return part_.index != nullptr;
}

bool IndexProbe::open_beside(const IndexProbe &first, Entity entity, Reads reads, IndexUse use)
{
    entity_ = entity;
    reads_ = reads;
    use_ = use;
    snapshot_ = first.snapshot_;
    scan_context_ = CurrentMemoryContext;
    whole_ = first.part_.table;
    owns_whole_ = false;
    has_parts_ = false;
    part_.table = whole_;
    if (!open_index())
        return false;
    begin();
    return true;
}

// Begins to read a part.
void IndexProbe::begin()
{
    scan_ = pg::begin_index_scan(part_.table.relation, part_.index, snapshot_, 1);
    scan_->xs_want_itup = reads_ == Reads::EntriesAndRows;
    slot_ = table_slot_create(part_.table.relation, nullptr);
    ScanKeyEntryInitializeWithInfo(&key_, 0, 1, BTEqualStrategyNumber, InvalidOid, part_.student_index.collation,
                                   &part_.student_index.equal, Datum{0});
}

void IndexProbe::end()
{
    if (scan_ == nullptr)
        return;
    index_endscan(scan_);
    ExecDropSingleTupleTableSlot(slot_);
    scan_ = nullptr;
}

void IndexProbe::close()
{
    end();
    if (has_parts_)
        parts_.close();
    else
        index_close(part_.index, NoLock);
    if (owns_whole_)
        table_close(whole_.relation, NoLock);
}

bool IndexProbe::seek(Datum student_id)
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool is_found = true;
    student_id_ = student_id;
    if (has_parts_) {
        end();
        parts_.close();
        part_ = {whole_, nullptr, {}};
        number_ = 0;
        is_found = parts_.open(entity_, whole_, use_, snapshot_, student_id);
        if (is_found && parts_.count() > 0)
            read_part(0);
    } else {
        rescan();
    }
    MemoryContextSwitchTo(caller);
    return is_found;
}

bool IndexProbe::next_part()
{
    if (!has_parts_ || number_ + 1 >= parts_.count())
        return false;
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    end();
    read_part(number_ + 1);
    MemoryContextSwitchTo(caller);
    return true;
}

void IndexProbe::read_part(int number)
{
    number_ = number;
    part_ = parts_.at(number);
    begin();
    rescan();
}

void IndexProbe::rescan()
{
    key_.sk_argument = student_id_;
    index_rescan(scan_, &key_, 1, nullptr, 0);
}

ItemPointer IndexProbe::next_position()
{
    if (scan_ == nullptr)
        return nullptr;
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    ItemPointer const position = index_getnext_tid(scan_, part_.student_index.direction);
    MemoryContextSwitchTo(caller);
    return position;
}

Datum IndexProbe::index_value(AttrNumber column, bool &is_null) const
{
    return index_getattr(scan_->xs_itup, column, RelationGetDescr(part_.index), &is_null);
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
        pgstat_count_heap_fetch(part_.index);
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
        PrefetchBuffer(part_.table.relation, MAIN_FORKNUM, ItemPointerGetBlockNumberNoCheck(&position));
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
    if (scan_ == nullptr)
        return false;
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool const found = index_getnext_slot(scan_, ForwardScanDirection, slot_);
    MemoryContextSwitchTo(caller);
    return found;
}

}  // namespace wc
