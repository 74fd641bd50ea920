#include "extension/history/index_stream.hpp"

#include "extension/binding/partition.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<IndexStream>);

bool IndexStream::open(const HistoryFields &fields)
{
    // No index has the order of allergies and conditions, which is by label.
    if (fields.entity != Entity::Students && fields.entity != Entity::HealthRecords)
        return false;
    context_ = AllocSetContextCreate(CurrentMemoryContext, "white_cross index stream", ALLOCSET_DEFAULT_SIZES);
    owner_ = CurrentResourceOwner;
    snapshot_ = RegisterSnapshot(GetActiveSnapshot());
    if (!open_probe(fields.entity)) {
        UnregisterSnapshotFromOwner(snapshot_, owner_);
        MemoryContextDelete(context_);
        return false;
    }
    fields_ = &fields;
    numbers_ = static_cast<AttrNumber *>(palloc(sizeof(AttrNumber) * static_cast<Size>(fields.count)));
    values_ = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(fields.count)));
    nulls_ = static_cast<bool *>(palloc(sizeof(bool) * static_cast<Size>(fields.count)));
    row_context_ = AllocSetContextCreate(context_, "white_cross row", ALLOCSET_DEFAULT_SIZES);
    begin_part();
    return true;
}

bool IndexStream::open_probe(Entity entity)
{
    MemoryContext const caller = MemoryContextSwitchTo(context_);
    bool const is_right = probe_.open(entity, IndexProbe::Reads::Rows, snapshot_, IndexUse::Order);
    MemoryContextSwitchTo(caller);
    return is_right;
}

bool IndexStream::seek(Datum id)
{
    bool const is_found = probe_.seek(id);
    if (probe_.has_parts())
        begin_part();
    count_ = 0;
    at_ = 0;
    is_at_end_ = false;
    return is_found;
}

// Finds the numbers of the columns in the part that is read.
void IndexStream::begin_part()
{
    TupleDesc const shape = RelationGetDescr(probe_.heap());
    last_number_ = 0;
    for (int i = 0; i < fields_->count; ++i) {
        numbers_[i] = number_of_column(shape, fields_->fields[i].column, fields_->fields[i].number);
        last_number_ = Max(last_number_, numbers_[i]);
    }
}

bool IndexStream::look_ahead()
{
    at_ = 0;
    count_ = 0;
    while (!is_at_end_ && count_ < kAhead) {
        ItemPointer const row = probe_.next_position();
        if (row == nullptr) {
            is_at_end_ = true;
        } else {
            ahead_[count_++] = *row;
            probe_.prefetch_page(*row);
        }
    }
    return count_ != 0;
}

// Reads the next row of the part that the snapshot sees.
bool IndexStream::fetch_of_part()
{
    bool found = false;
    while (!found && (at_ < count_ || look_ahead())) {
        CHECK_FOR_INTERRUPTS();
        found = probe_.fetch_at(ahead_[at_++]);
    }
    return found;
}

bool IndexStream::fetch()
{
    bool found = fetch_of_part();
    while (!found && probe_.next_part()) {
        begin_part();
        is_at_end_ = false;
        found = fetch_of_part();
    }
    return found;
}

std::uint64_t IndexStream::run(std::uint64_t limit, RowStream::Receive receive, void *state)
{
    std::uint64_t count = 0;
    while ((limit == 0 || count < limit) && fetch()) {
        TupleTableSlot *const slot = probe_.slot();
        slot_getsomeattrs(slot, last_number_);
        for (int i = 0; i < fields_->count; ++i) {
            values_[i] = slot->tts_values[numbers_[i] - 1];
            nulls_[i] = slot->tts_isnull[numbers_[i] - 1];
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
    if (!is_open())
        return;
    probe_.close();
    UnregisterSnapshotFromOwner(snapshot_, owner_);
    MemoryContextDelete(context_);
    fields_ = nullptr;
}

}  // namespace wc
