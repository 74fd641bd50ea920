// Rows of the application's tables on their way into JSON, and their order.
#pragma once
#include <initializer_list>
#include <type_traits>

#include "extension/binding.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// Values by attribute number (entity.hpp).  What they point to lives as long as the memory context
/// that the row was read in.
struct Row {
    Datum values[kMaxAttributes];
    bool nulls[kMaxAttributes];
};

/// Rows in the memory context that was current at the first `add`.
struct RowList {
    Row *rows;
    int count;
    int capacity;

    Row &add();
};

/// One key of an ORDER BY; NULLs come last when ascending and first when descending, as in SQL.
struct SortKey {
    int attribute;
    bool descending;
};

/// Sorts by up to three keys, each by the default order and collation of its column.
class RowOrder {
public:
    RowOrder(const BoundTable &table, std::initializer_list<SortKey> keys);
    void sort(RowList &list) const;
    int compare(const Row &a, const Row &b) const;

private:
    struct Key {
        SortKey by;
        FmgrInfo *comparison;  // of the type cache
        Oid collation;
    };
    static constexpr int kMaxKeys = 3;
    Key keys_[kMaxKeys];
    int count_ = 0;
};

}  // namespace wc
