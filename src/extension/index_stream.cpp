#include "extension/index_stream.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/bufmgr.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<IndexStream>);

namespace {

// Calls up what a look at a row begins with: where the page says that the row is.  The page is not pinned and may
// become another one meanwhile; then this was for nothing.
void call_up(Relation table, const ItemPointerData &row)
{
    PrefetchBufferResult const found = PrefetchBuffer(table, MAIN_FORKNUM, ItemPointerGetBlockNumber(&row));
    if (!BufferIsValid(found.recent_buffer))
        return;
    auto const *const page = static_cast<const char *>(BufferGetPage(found.recent_buffer));
    __builtin_prefetch(page);
    __builtin_prefetch(page + SizeOfPageHeaderData +
                       sizeof(ItemIdData) * static_cast<Size>(ItemPointerGetOffsetNumber(&row) - 1));
}

}  // namespace

bool IndexStream::open(const HistoryFields &fields)
{
    OpenTable const table = open_bound_table(fields.entity);
    const StudentIndex *const index = may_read_directly(table) ? find_student_index(fields.entity, table) : nullptr;
    bool const is_in_order = fields.entity == Entity::Students ||
                             (fields.entity == Entity::HealthRecords && index != nullptr && index->ties_by_id);
    if (index == nullptr || !is_in_order) {
        table_close(table.relation, NoLock);
        return false;
    }
    fields_ = &fields;
    for (int i = 0; i < fields.count; ++i)
        last_number_ = Max(last_number_, fields.fields[i].number);
    values_ = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(fields.count)));
    nulls_ = static_cast<bool *>(palloc(sizeof(bool) * static_cast<Size>(fields.count)));
    context_ = AllocSetContextCreate(CurrentMemoryContext, "white_cross index stream", ALLOCSET_DEFAULT_SIZES);
    row_context_ = AllocSetContextCreate(context_, "white_cross row", ALLOCSET_DEFAULT_SIZES);
    owner_ = CurrentResourceOwner;
    snapshot_ = RegisterSnapshot(GetActiveSnapshot());
    MemoryContext const caller = MemoryContextSwitchTo(context_);
    table_ = table.relation;
    index_ = index_open(index->index, AccessShareLock);
    direction_ = index->direction;
    scan_ = pg::begin_index_scan(table_, index_, snapshot_, 1);
    slot_ = table_slot_create(table_, nullptr);
    ScanKeyEntryInitializeWithInfo(&key_, 0, 1, BTEqualStrategyNumber, InvalidOid, index->collation,
                                   const_cast<FmgrInfo *>(&index->equal), Datum{0});
    MemoryContextSwitchTo(caller);
    return true;
}

void IndexStream::seek(Datum id)
{
    MemoryContext const caller = MemoryContextSwitchTo(context_);
    key_.sk_argument = id;
    index_rescan(scan_, &key_, 1, nullptr, 0);
    MemoryContextSwitchTo(caller);
    count_ = 0;
    at_ = 0;
    is_at_end_ = false;
}

bool IndexStream::look_ahead()
{
    at_ = 0;
    count_ = 0;
    while (!is_at_end_ && count_ < kAhead) {
        ItemPointer const row = index_getnext_tid(scan_, direction_);
        if (row == nullptr) {
            is_at_end_ = true;
        } else {
            ahead_[count_++] = *row;
            call_up(table_, *row);
        }
    }
    return count_ != 0;
}

// The next row that the snapshot sees.  Entries of rows that nobody sees any more are not marked in the index, as an
// index scan does it: the scan is ahead of them.
bool IndexStream::fetch()
{
    MemoryContext const caller = MemoryContextSwitchTo(context_);
    bool found = false;
    while (!found && (at_ < count_ || look_ahead())) {
        CHECK_FOR_INTERRUPTS();
        bool call_again = false;
        bool all_dead = false;
        found = table_index_fetch_tuple(scan_->xs_heapfetch, &ahead_[at_++], snapshot_, slot_, &call_again, &all_dead);
    }
    if (found)
        pgstat_count_heap_fetch(index_);
    MemoryContextSwitchTo(caller);
    return found;
}

std::uint64_t IndexStream::run(std::uint64_t limit, RowStream::Receive receive, void *state)
{
    std::uint64_t count = 0;
    while ((limit == 0 || count < limit) && fetch()) {
        slot_getsomeattrs(slot_, last_number_);
        for (int i = 0; i < fields_->count; ++i) {
            AttrNumber const number = fields_->fields[i].number;
            values_[i] = slot_->tts_values[number - 1];
            nulls_[i] = slot_->tts_isnull[number - 1];
        }
        MemoryContextReset(row_context_);
        MemoryContext const caller = MemoryContextSwitchTo(row_context_);
        receive(state, values_, nulls_);
        MemoryContextSwitchTo(caller);
        ++count;
    }
    return count;
}

void IndexStream::close()
{
    if (index_ == nullptr)
        return;
    index_endscan(scan_);
    ExecDropSingleTupleTableSlot(slot_);
    index_close(index_, NoLock);
    table_close(table_, NoLock);
    UnregisterSnapshotFromOwner(snapshot_, owner_);
    MemoryContextDelete(context_);
    index_ = nullptr;
}

}  // namespace wc
