#include "extension/binding/row.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<RowOrder>);

Row &RowList::add()
{
    if (count == capacity) {
        int const larger = capacity == 0 ? 8 : 2 * capacity;
        if (capacity == 0)
            rows = static_cast<Row *>(palloc(sizeof(Row) * static_cast<Size>(larger)));
        else
            rows = static_cast<Row *>(repalloc_huge(rows, sizeof(Row) * static_cast<Size>(larger)));
        capacity = larger;
    }
    return rows[count++];
}

bool knows_entry(const BoundTable &records) { return records.columns[record::CreatedAt].number != InvalidAttrNumber; }

SortKeys record_order(const BoundTable &records)
{
    if (knows_entry(records))
        return {{{record::Date, true}, {record::CreatedAt, true}, {record::Id, false}}, 3};
    return {{{record::Date, true}, {record::Id, false}}, 2};
}

RowOrder::RowOrder(const BoundTable &table, std::initializer_list<SortKey> keys)
{
    for (const SortKey &by : keys)
        add(table, by);
}

RowOrder::RowOrder(const BoundTable &table, const SortKeys &keys)
{
    for (const SortKey &by : keys)
        add(table, by);
}

void RowOrder::add(const BoundTable &table, const SortKey &by)
{
    Assert(count_ < kMaxKeys);
    const BoundColumn &column = table.columns[by.attribute];
    TypeCacheEntry *const type = lookup_type_cache(column.type, TYPECACHE_CMP_PROC_FINFO);
    if (!OidIsValid(type->cmp_proc_finfo.fn_oid))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("column \"%s\" is of type %s, which has no order",
                                                             NameStr(column.name), format_type_be(column.type))));
    keys_[count_++] = {by, &type->cmp_proc_finfo, column.collation};
}

int RowOrder::compare(const Row &a, const Row &b) const
{
    for (int i = 0; i < count_; ++i) {
        const Key &key = keys_[i];
        int const at = key.by.attribute;
        int order = 0;
        if (a.nulls[at] || b.nulls[at])
            order = static_cast<int>(a.nulls[at]) - static_cast<int>(b.nulls[at]);
        else
            order = DatumGetInt32(FunctionCall2Coll(key.comparison, key.collation, a.values[at], b.values[at]));
        if (order != 0)
            return key.by.descending ? -order : order;
    }
    return 0;
}

void RowOrder::sort(RowList &list) const
{
    if (list.count < 2)
        return;
    auto const by = [](const void *a, const void *b, void *order) {
        return static_cast<const RowOrder *>(order)->compare(*static_cast<const Row *>(a),
                                                             *static_cast<const Row *>(b));
    };
    qsort_arg(list.rows, static_cast<size_t>(list.count), sizeof(Row), by, const_cast<RowOrder *>(this));
}

}  // namespace wc
