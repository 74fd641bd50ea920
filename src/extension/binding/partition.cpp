#include "extension/binding/partition.hpp"

#include "extension/binding/resolution.hpp"
#include "extension/server/catalog_watch.hpp"
#include "extension/server/retired.hpp"
#include "extension/server/session_hash.hpp"

namespace wc {
namespace {

struct Key {
    Oid partition;
    std::int32_t entity;
};

struct Kept {
    Key key;
    std::uint64_t version_of_whole;  // 0: what is kept is old
    BoundTable *bound;               // null: none, or a column differs
};
SessionHash<Key, Kept> all("white_cross partitions");

void on_relation_changed(Oid relation)
{
    all.for_each([=](Kept &kept) {
        if (!OidIsValid(relation) || kept.key.partition == relation)
            kept.version_of_whole = 0;
    });
}

bool is_named(Form_pg_attribute column, const char *name)
{
    return !column->attisdropped && strcmp(NameStr(column->attname), name) == 0;
}

Form_pg_attribute find_column(TupleDesc shape, const char *name)
{
    for (int i = 0; i < shape->natts; ++i) {
        if (is_named(TupleDescAttr(shape, i), name))
            return TupleDescAttr(shape, i);
    }
    return nullptr;
}

bool describe(const BoundTable &whole, Relation partition, BoundTable &bound)
{
    bound = whole;
    bound.relation = RelationGetRelid(partition);
    bound.last_number = InvalidAttrNumber;
    for (BoundColumn &column : bound.columns) {
        if (column.number == InvalidAttrNumber)
            continue;
        auto const *const own = find_column(RelationGetDescr(partition), NameStr(column.name));
        if (own == nullptr || own->atttypid != column.type || own->attcollation != column.collation)
            return false;
        column.number = own->attnum;
        bound.last_number = Max(bound.last_number, own->attnum);
    }
    bound.version = next_version();
    return true;
}

}  // namespace

const BoundTable *bound_partition(Entity entity, const BoundTable &whole, Relation partition)
{
    Kept &kept = all.entry({RelationGetRelid(partition), static_cast<std::int32_t>(entity)});
    if (kept.version_of_whole == whole.version)
        return kept.bound;
    BoundTable described;
    BoundTable *bound = nullptr;
    if (describe(whole, partition, described)) {
        bound = static_cast<BoundTable *>(MemoryContextAlloc(TopMemoryContext, sizeof(BoundTable)));
        *bound = described;
    }
    BoundTable *const before = kept.bound;
    kept.bound = bound;
    kept.version_of_whole = whole.version;
    if (before != nullptr)
        retire(before, pfree);
    return bound;
}

AttrNumber number_of_column(TupleDesc shape, const char *name, AttrNumber likely)
{
    if (likely <= shape->natts && is_named(TupleDescAttr(shape, likely - 1), name))
        return likely;
    Form_pg_attribute const column = find_column(shape, name);
    if (column == nullptr)
        elog(ERROR, "a partition has no column \"%s\"", name);
    return column->attnum;
}

void watch_partitions() { watch_relations(on_relation_changed); }

}  // namespace wc
