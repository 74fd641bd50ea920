#include "extension/direct/eligibility.hpp"

#include "extension/binding/row.hpp"
#include "extension/server/session_hash.hpp"
#include "extension/server/settings.hpp"

extern "C" {
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
}

namespace wc {

bool is_usable_btree(Relation index)
{
    return index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
           heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr) &&
           heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, nullptr);
}

bool is_ordered_by(Relation index, int key, const BoundColumn &column)
{
    if (index->rd_index->indnkeyatts <= key || index->rd_index->indkey.values[key] != column.number)
        return false;
    Oid const default_class = GetDefaultOpClass(column.type, BTREE_AM_OID);
    return OidIsValid(default_class) && index->rd_opfamily[key] == get_opclass_family(default_class) &&
           index->rd_indcollation[key] == column.collation;
}

// NULLs come first in a descending key and last in an ascending one, as in SQL.
bool has_record_order(Relation index, int first, const BoundTable &records, ScanDirection direction)
{
    int at = first;
    for (const SortKey &key : record_order(records)) {
        const BoundColumn &column = records.columns[key.attribute];
        if (!is_ordered_by(index, at, column))
            return false;
        int16 const option = index->rd_indoption[at++];
        bool const descends = key.descending == ScanDirectionIsForward(direction);
        if (((option & INDOPTION_DESC) != 0) != descends ||
            (!column.not_null && ((option & INDOPTION_NULLS_FIRST) != 0) != descends))
            return false;
    }
    return true;
}

bool is_for_this_snapshot(Relation index)
{
    if (!index->rd_index->indcheckxmin)
        return true;
    return TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
}

namespace {

struct Key {
    Oid table;
    Entity entity;
    IndexUse use;
    std::uint16_t unused;  // a key has no bytes that nobody sets
};

struct Kept {
    Key key;
    std::uint64_t version;  // of the bound table; 0: nothing kept
    bool found;
    StudentIndex index;
};
SessionHash<Key, Kept> kept_indexes("white_cross indexes");

Kept &kept_for(Entity entity, Oid table, IndexUse use) { return kept_indexes.entry({table, entity, use, 0}); }

AttrNumber find_column(Relation index, const BoundColumn &column)
{
    for (int i = 0; i < index->rd_index->indnatts; ++i) {
        if (index->rd_index->indkey.values[i] == column.number)
            return static_cast<AttrNumber>(i + 1);
    }
    return InvalidAttrNumber;
}

// Finds which columns of records the index has.  Returns whether it has those that the use needs.
bool fits_records(const BoundTable &table, Relation index, IndexUse use, StudentIndex &found)
{
    const BoundColumn &date = table.columns[record::Date];
    found.type_column = find_column(index, table.columns[record::Type]);
    if (use == IndexUse::Types)
        return true;
    if (!date.not_null || !is_ordered_by(index, 1, date))
        return false;
    found.date_column = 2;
    found.id_column = find_column(index, table.columns[record::Id]);
    if ((index->rd_indoption[1] & INDOPTION_DESC) == 0)
        found.direction = BackwardScanDirection;
    found.entry_column = knows_entry(table) ? find_column(index, table.columns[record::CreatedAt]) : AttrNumber{0};
    found.is_in_order = has_record_order(index, 1, table, found.direction);
    if (use == IndexUse::Order)
        return found.is_in_order;
    return use == IndexUse::Dates || found.type_column != InvalidAttrNumber;
}

// Of two indexes that fit, the one with the type saves visits to the heap, and one in the order of records a sort.
bool is_better(const StudentIndex &one, const StudentIndex &other)
{
    bool const has_type = one.type_column != InvalidAttrNumber;
    if (has_type != (other.type_column != InvalidAttrNumber))
        return has_type;
    return one.is_in_order && !other.is_in_order;
}

bool fits(Entity entity, const BoundTable &table, Relation index, IndexUse use, StudentIndex &found)
{
    const BoundColumn &id = table.columns[student_attribute(entity)];
    if (!is_usable_btree(index) || !is_ordered_by(index, 0, id))
        return false;
    found.direction = ForwardScanDirection;
    found.is_in_order = false;
    if (entity == Entity::Students) {
        if (!index->rd_index->indisunique || index->rd_index->indnkeyatts != 1)
            return false;
    } else if (entity == Entity::HealthRecords && !fits_records(table, index, use, found)) {
        return false;
    }
    Oid const input_type = index->rd_opcintype[0];
    Oid const equality = get_opfamily_member(index->rd_opfamily[0], input_type, input_type, BTEqualStrategyNumber);
    if (!OidIsValid(equality))
        return false;
    fmgr_info_cxt(get_opcode(equality), &found.equal, TopMemoryContext);
    found.index = RelationGetRelid(index);
    found.is_for_new_snapshots_only = index->rd_index->indcheckxmin;
    found.collation = index->rd_indcollation[0];
    return true;
}

}  // namespace

bool is_plain_heap(Relation relation)
{
    const FormData_pg_class &form = *relation->rd_rel;
    return form.relkind == RELKIND_RELATION && relation->rd_tableam == GetHeapamTableAmRoutine() &&
           !form.relhassubclass && !RELATION_IS_OTHER_TEMP(relation) && !pg::has_virtual_columns(relation);
}

bool is_plain_table(const OpenTable &table)
{
    return is_plain_heap(table.relation) && !table.relation->rd_rel->relrowsecurity;
}

bool may_select_all(const OpenTable &table)
{
    return pg_class_aclcheck(RelationGetRelid(table.relation), GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
           pg::may_use_schema(table.bound->schema, GetUserId());
}

bool may_read_directly(const OpenTable &table)
{
    return settings::direct_reads() && is_plain_table(table) && may_select_all(table);
}

bool may_read_parts_directly(const OpenTable &table)
{
    if (!is_partitioned(table))
        return may_read_directly(table);
    return settings::direct_reads() && !table.relation->rd_rel->relrowsecurity && may_select_all(table);
}

bool may_read_parts_and_ask(const OpenTable &table)
{
    return settings::direct_reads() && (is_partitioned(table) || is_plain_heap(table.relation)) &&
           may_select_all(table);
}

Relation try_open_index(Oid index) { return try_relation_open(index, AccessShareLock); }

namespace {

const Kept &find_index(Entity entity, const OpenTable &table, IndexUse use)
{
    Kept &known = kept_for(entity, table.bound->relation, use);
    if (known.version == table.bound->version)
        return known;
    known.version = 0;
    known.found = false;
    List *const indexes = RelationGetIndexList(table.relation);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation const index = try_open_index(lfirst_oid(cell));
        StudentIndex candidate{};
        if (index == nullptr)
            continue;
        if (fits(entity, *table.bound, index, use, candidate) && (!known.found || is_better(candidate, known.index))) {
            known.found = true;
            known.index = candidate;
        }
        index_close(index, AccessShareLock);
    }
    list_free(indexes);
    known.version = table.bound->version;
    return known;
}

}  // namespace

Relation open_student_index(Entity entity, const OpenTable &table, StudentIndex &found, IndexUse use)
{
    for (;;) {
        const Kept &known = find_index(entity, table, use);
        if (!known.found)
            return nullptr;
        found = known.index;
        Relation const index = try_open_index(found.index);
        if (index == nullptr) {
            kept_for(entity, table.bound->relation, use).version = 0;
            continue;
        }
        if (!found.is_for_new_snapshots_only || is_for_this_snapshot(index))
            return index;
        index_close(index, AccessShareLock);
        return nullptr;
    }
}

}  // namespace wc
