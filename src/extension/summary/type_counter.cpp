#include "extension/summary/type_counter.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<TypeCounter>);

void TypeCounter::count(Datum type)
{
    for (int i = 0; i < size_; ++i) {
        if (is_same(counts_[i].type, type)) {
            ++counts_[i].count;
            return;
        }
    }
    if (size_ == capacity_) {
        capacity_ = capacity_ == 0 ? 16 : 2 * capacity_;
        Size const bytes = sizeof(TypeCount) * static_cast<Size>(capacity_);
        counts_ = static_cast<TypeCount *>(size_ == 0 ? palloc(bytes) : repalloc(counts_, bytes));
    }
    counts_[size_++] = {datumCopy(type, column_.by_value, column_.length), 1};
}

void TypeCounter::finish(Facts &facts)
{
    TypeCacheEntry *const type = lookup_type_cache(column_.type, TYPECACHE_CMP_PROC_FINFO);
    auto const comes_before = [&](Datum a, Datum b) {
        int const order = DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, column_.collation, a, b));
        return order != 0 ? order < 0 : is_before_by_bytes(a, b);
    };
    // An insertion sort, since there are few types.
    for (int i = 1; i < size_; ++i) {
        TypeCount const moved = counts_[i];
        int at = i;
        while (at > 0 && comes_before(moved.type, counts_[at - 1].type)) {
            counts_[at] = counts_[at - 1];
            --at;
        }
        counts_[at] = moved;
    }
    facts.counts = counts_;
    facts.count_of_types = size_;
}

bool TypeCounter::is_same(Datum a, Datum b) const
{
    if (column_.by_value)
        return a == b;
    auto const *const one = PG_DETOAST_DATUM_PACKED(a);
    auto const *const other = PG_DETOAST_DATUM_PACKED(b);
    return VARSIZE_ANY_EXHDR(one) == VARSIZE_ANY_EXHDR(other) &&
           memcmp(VARDATA_ANY(one), VARDATA_ANY(other), VARSIZE_ANY_EXHDR(one)) == 0;
}

// Orders types that a collation holds for equal although their bytes differ.
bool TypeCounter::is_before_by_bytes(Datum a, Datum b) const
{
    if (column_.by_value)
        return false;
    auto const *const one = PG_DETOAST_DATUM_PACKED(a);
    auto const *const other = PG_DETOAST_DATUM_PACKED(b);
    return std::string_view(VARDATA_ANY(one), VARSIZE_ANY_EXHDR(one)) <
           std::string_view(VARDATA_ANY(other), VARSIZE_ANY_EXHDR(other));
}

}  // namespace wc
