#include "extension/direct/row_fetch.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<RowFetch>);

void RowFetch::open(Relation table, Snapshot snapshot)
{
    snapshot_ = snapshot;
    fetch_ = pg::begin_index_fetch(table);
    slot_ = table_slot_create(table, nullptr);
    shown_ = {};
}

void RowFetch::close()
{
    table_index_fetch_end(fetch_);
    ExecDropSingleTupleTableSlot(slot_);
}

bool RowFetch::fetch(const ItemPointerData &position)
{
    ItemPointerData at = position;  // the fetch moves it along the chain of versions
    bool more = false;
    while (true) {
        if (table_index_fetch_tuple(fetch_, &at, snapshot_, slot_, &more, nullptr))
            return true;
        if (!more)
            return false;
    }
}

bool RowFetch::fetch_version(const ItemPointerData &position)
{
    ItemPointerData at = position;
    return table_tuple_fetch_row_version(fetch_->rel, &at, snapshot_, slot_);
}

void RowFetch::read(const RowPlace &place)
{
    if (!(place.is_indexed ? fetch(place.position) : fetch_version(place.position)))
        elog(ERROR, "a row that was found is not there any more");
}

void RowFetch::ask_ahead(const ItemPointerData *positions, int count)
{
    auto *const seen = static_cast<ItemPointerData *>(palloc(sizeof(ItemPointerData) * static_cast<Size>(count + 1)));
    int fetched = 0;
    for (int i = 0; i < count; ++i) {
        if (fetch(positions[i]))
            seen[fetched++] = slot_->tts_tid;
    }
    shown_.ask(seen, fetched);
    pfree(seen);
}

}  // namespace wc
