#include "extension/index_probe.hpp"

#include <type_traits>

namespace wc {

static_assert(std::is_trivially_destructible_v<IndexProbe>);

bool IndexProbe::open(Entity entity)
{
    table_ = open_bound_table(entity);
    student_index_ = may_read_directly(table_) ? find_student_index(entity, table_) : nullptr;
    if (student_index_ == nullptr) {
        table_close(table_.relation, NoLock);
        return false;
    }
    scan_context_ = CurrentMemoryContext;
    index_ = index_open(student_index_->index, AccessShareLock);
    scan_ = pg::begin_index_scan(table_.relation, index_, GetActiveSnapshot(), 1);
    scan_->xs_want_itup = entity == Entity::HealthRecords;
    slot_ = table_slot_create(table_.relation, nullptr);
    ScanKeyEntryInitializeWithInfo(&key_, 0, 1, BTEqualStrategyNumber, InvalidOid, student_index_->collation,
                                   const_cast<FmgrInfo *>(&student_index_->equal), Datum{0});
    return true;
}

void IndexProbe::close()
{
    index_endscan(scan_);
    ExecDropSingleTupleTableSlot(slot_);
    index_close(index_, NoLock);
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
    ItemPointer const position = index_getnext_tid(scan_, student_index_->direction);
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

bool IndexProbe::next_row()
{
    MemoryContext const caller = MemoryContextSwitchTo(scan_context_);
    bool const found = index_getnext_slot(scan_, ForwardScanDirection, slot_);
    MemoryContextSwitchTo(caller);
    return found;
}

}  // namespace wc
