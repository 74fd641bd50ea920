#include "extension/history/index_stream.hpp"

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
    for (int i = 0; i < fields.count; ++i)
        last_number_ = Max(last_number_, fields.fields[i].number);
    values_ = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(fields.count)));
    nulls_ = static_cast<bool *>(palloc(sizeof(bool) * static_cast<Size>(fields.count)));
    row_context_ = AllocSetContextCreate(context_, "white_cross row", ALLOCSET_DEFAULT_SIZES);
    return true;
}

bool IndexStream::open_probe(Entity entity)
{
    MemoryContext const caller = MemoryContextSwitchTo(context_);
    bool is_right = probe_.open(entity, IndexProbe::Reads::Rows, snapshot_);
    if (is_right && entity == Entity::HealthRecords && !probe_.student_index().is_in_order) {
        probe_.close();
        is_right = false;
    }
    MemoryContextSwitchTo(caller);
    return is_right;
}

void IndexStream::seek(Datum id)
{
    probe_.seek(id);
    count_ = 0;
    at_ = 0;
    is_at_end_ = false;
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

// Reads the next row that the snapshot sees.
bool IndexStream::fetch()
{
    bool found = false;
    while (!found && (at_ < count_ || look_ahead())) {
        CHECK_FOR_INTERRUPTS();
        found = probe_.fetch_at(ahead_[at_++]);
    }
    return found;
}

std::uint64_t IndexStream::run(std::uint64_t limit, RowStream::Receive receive, void *state)
{
    std::uint64_t count = 0;
    const TupleTableSlot *const slot = probe_.slot();
    while ((limit == 0 || count < limit) && fetch()) {
        slot_getsomeattrs(probe_.slot(), last_number_);
        for (int i = 0; i < fields_->count; ++i) {
            AttrNumber const number = fields_->fields[i].number;
            values_[i] = slot->tts_values[number - 1];
            nulls_[i] = slot->tts_isnull[number - 1];
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
