// Rows that were read from the application's tables, and their order.
#pragma once
#include <initializer_list>
#include <type_traits>

#include "extension/binding/binding.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Where a version of a row is.
struct RowPlace {
    Oid table;  ///< the plain table, or the partition
    ItemPointerData position;
    bool is_indexed;  ///< the position is the one that indexes have: that of the first version in its chain
};

/// Values by attribute number (entity.hpp).  They are valid as long as the memory context that was current when the row
/// was read.
struct Row {
    Datum values[kMaxAttributes];
    bool nulls[kMaxAttributes];
    RowPlace place;  ///< only of rows that a search has found
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

struct SortKeys {
    SortKey keys[3];
    int count;

    const SortKey *begin() const noexcept { return keys; }
    const SortKey *end() const noexcept { return keys + count; }
};

/// Whether the binding has a column for the time when a record was entered.
bool knows_entry(const BoundTable &records);

/// Returns the order of records, which all functions use: by date, the latest first; within one date by the time of
/// entry, if there is a column for it, the last first, because a later entry corrects an earlier one; then by id.
SortKeys record_order(const BoundTable &records);

/// Sorts by up to three keys, each by the default order and collation of its column.
class RowOrder {
public:
    RowOrder(const BoundTable &table, std::initializer_list<SortKey> keys);
    RowOrder(const BoundTable &table, const SortKeys &keys);
    void sort(RowList &list) const;
    int compare(const Row &a, const Row &b) const;

private:
    void add(const BoundTable &table, const SortKey &by);

    struct Key {
        SortKey by;
        FmgrInfo *comparison;  // owned by the type cache
        Oid collation;
    };
    static constexpr int kMaxKeys = 3;
    Key keys_[kMaxKeys];
    int count_ = 0;
};

}  // namespace wc
