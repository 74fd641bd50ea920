#include "extension/direct/partition_key.hpp"

namespace wc {
namespace {

// Whether the table is partitioned by this column alone, with the operators and the collation of a query's condition:
// the planner asks the same question before it leaves out partitions.
bool is_key(PartitionKey key, const BoundColumn &column)
{
    if (key->partnatts != 1 || key->partattrs[0] != column.number || key->partcollation[0] != column.collation)
        return false;
    bool const by_hash = key->strategy == PARTITION_STRATEGY_HASH;
    const TypeCacheEntry *const type =
        lookup_type_cache(column.type, by_hash ? TYPECACHE_HASH_OPFAMILY : TYPECACHE_BTREE_OPFAMILY);
    Oid const family = by_hash ? type->hash_opf : type->btree_opf;
    return OidIsValid(family) && key->partopfamily[0] == family;
}

}  // namespace

bool is_partitioned_by_student(Entity entity, const BoundTable &table, PartitionKey key)
{
    return is_key(key, table.columns[student_attribute(entity)]);
}

bool is_partitioned_by_date(Entity entity, const BoundTable &table, PartitionKey key)
{
    return entity == Entity::HealthRecords && key->strategy == PARTITION_STRATEGY_RANGE &&
           is_key(key, table.columns[record::Date]);
}

// The server does the same in get_partition_for_tuple.
int find_partition(PartitionKey key, const PartitionDescData &partitions, Datum value)
{
    PartitionBoundInfo const bounds = partitions.boundinfo;
    bool is_equal = false;
    int found = -1;
    if (partitions.nparts == 0)
        return -1;
    switch (key->strategy) {
        case PARTITION_STRATEGY_HASH: {
            bool is_null = false;
            uint64 const hash = compute_partition_hash_value(1, key->partsupfunc, key->partcollation, &value, &is_null);
            return bounds->indexes[hash % static_cast<uint64>(bounds->nindexes)];
        }
        case PARTITION_STRATEGY_LIST: {
            int const at = partition_list_bsearch(key->partsupfunc, key->partcollation, bounds, value, &is_equal);
            if (at >= 0 && is_equal)
                found = bounds->indexes[at];
            break;
        }
        case PARTITION_STRATEGY_RANGE: {
            int const below =
                partition_range_datum_bsearch(key->partsupfunc, key->partcollation, bounds, 1, &value, &is_equal);
            found = bounds->indexes[below + 1];
            break;
        }
    }
    return found >= 0 ? found : bounds->default_index;
}

}  // namespace wc
