#include "extension/summary/visible_records.hpp"

#include <algorithm>

#include "extension/value/json_value.hpp"

extern "C" {
#include "access/visibilitymap.h"
#include "storage/predicate.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<VisibleRecords>);

namespace {

std::uint64_t as_number(const ItemPointerData &position)
{
    return std::uint64_t{ItemPointerGetBlockNumber(&position)} << 16 | ItemPointerGetOffsetNumber(&position);
}

bool comes_before(const VisibleRecord &record, std::uint64_t position) { return record.position < position; }

}  // namespace

// An index-only scan trusts the visibility map in the same way: while the page of the index is pinned, no vacuum can
// have given the entry's position to another record (nodeIndexonlyscan.c).
VisibleRecords::VisibleRecords(IndexProbe &types, const LabelMatch &vaccination, TypeCounter &counter,
                               Buffer &visibility)
{
    const BoundTable &table = types.table();
    AttrNumber const type_column = types.student_index().type_column;
    for (ItemPointer at = types.next_position(); at != nullptr; at = types.next_position()) {
        // Copied, because to fetch a row moves what `at` points to from the chain's beginning to the version that is
        // seen.
        ItemPointerData const position = *at;
        bool type_is_null = false;
        bool no_vital = false;
        Datum type = 0;
        if (type_column != InvalidAttrNumber)
            type = types.index_value(type_column, type_is_null);
        if (type_column != InvalidAttrNumber &&
            VM_ALL_VISIBLE(types.heap(), ItemPointerGetBlockNumber(&position), &visibility)) {
            PredicateLockPage(types.heap(), ItemPointerGetBlockNumber(&position), types.snapshot());
        } else {
            if (!types.fetch())
                continue;
            Datum const vital = slot_getattr(types.slot(), table.columns[record::Vital].number, &no_vital);
            no_vital = no_vital || is_json_null(vital, table.columns[record::Vital].type);
            if (type_column == InvalidAttrNumber)
                type = slot_getattr(types.slot(), table.columns[record::Type].number, &type_is_null);
        }
        if (!type_is_null)
            counter.count(type);
        add(position, !type_is_null && vaccination.has(type), no_vital);
    }
    std::sort(records_, records_ + count_,
              [](const VisibleRecord &a, const VisibleRecord &b) { return a.position < b.position; });
}

void VisibleRecords::add(const ItemPointerData &position, bool is_vaccination, bool has_no_vital)
{
    if (count_ == capacity_) {
        capacity_ = capacity_ == 0 ? 64 : 2 * capacity_;
        Size const bytes = sizeof(VisibleRecord) * static_cast<Size>(capacity_);
        records_ = static_cast<VisibleRecord *>(count_ == 0 ? palloc(bytes) : repalloc_huge(records_, bytes));
    }
    records_[count_++] = {as_number(position), is_vaccination, has_no_vital};
    vaccinations_ += is_vaccination ? 1 : 0;
}

const VisibleRecord *VisibleRecords::find(const ItemPointerData &position) const
{
    std::uint64_t const wanted = as_number(position);
    const VisibleRecord *const found = std::lower_bound(records_, records_ + count_, wanted, comes_before);
    return found != records_ + count_ && found->position == wanted ? found : nullptr;
}

}  // namespace wc
