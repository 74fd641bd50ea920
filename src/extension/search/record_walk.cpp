#include "extension/search/record_walk.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<RecordWalk>);

RecordWalk::RecordWalk(RecordParts &parts)
    : parts_(parts),
      order_(parts.table(), record_order(parts.table())),
      heads_(static_cast<Head *>(palloc(sizeof(Head) * static_cast<Size>(parts.count() + 1)))),
      entered_(0),
      ahead_(binaryheap_allocate(parts.count() + 1, compare, this)),
      has_begun_(false)
{}

// The first of the heap is its greatest, so the earlier of two records is the smaller one.
int RecordWalk::compare(Datum a, Datum b, void *walk)
{
    auto const *const self = static_cast<const RecordWalk *>(walk);
    return self->order_.compare(self->heads_[DatumGetInt32(b)].row, self->heads_[DatumGetInt32(a)].row);
}

RecordCursor *RecordWalk::next()
{
    if (has_begun_ && !binaryheap_empty(ahead_)) {
        Datum const first = binaryheap_first(ahead_);
        if (advance(DatumGetInt32(first)))
            binaryheap_replace_first(ahead_, first);
        else
            (void)binaryheap_remove_first(ahead_);
    }
    has_begun_ = true;
    enter();
    return binaryheap_empty(ahead_) ? nullptr : &parts_.at(DatumGetInt32(binaryheap_first(ahead_)));
}

// Reads the next record of a part into its slot.  Returns false after the last one.
bool RecordWalk::advance(int part)
{
    RecordCursor &records = parts_.at(part);
    if (!records.next(heads_[part].scan))
        return false;
    if (parts_.count() > 1)
        records.read_keys(heads_[part].row);
    return true;
}

// Enters the parts that may have a later record than those that it has entered.
void RecordWalk::enter()
{
    while (entered_ < parts_.count() &&
           (binaryheap_empty(ahead_) ||
            !parts_.are_earlier(entered_, heads_[DatumGetInt32(binaryheap_first(ahead_))].row))) {
        int const part = entered_++;
        heads_[part].scan = parts_.at(part).begin_walk();
        if (advance(part))
            binaryheap_add(ahead_, Int32GetDatum(part));
    }
}

void RecordWalk::end()
{
    for (int i = 0; i < entered_; ++i)
        index_endscan(heads_[i].scan);
    binaryheap_free(ahead_);
    pfree(heads_);
}

}  // namespace wc
