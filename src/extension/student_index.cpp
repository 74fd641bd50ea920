#include "extension/student_index.hpp"

#include "extension/settings.hpp"

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

// Whether the key column is the table's column, in the default order of its type.
bool is_ordered_by(Relation index, int key, const BoundColumn &column)
{
    if (index->rd_index->indnkeyatts <= key || index->rd_index->indkey.values[key] != column.number)
        return false;
    Oid const default_class = GetDefaultOpClass(column.type, BTREE_AM_OID);
    return OidIsValid(default_class) && index->rd_opfamily[key] == get_opclass_family(default_class) &&
           index->rd_indcollation[key] == column.collation;
}

bool is_for_this_snapshot(Relation index)
{
    if (!index->rd_index->indcheckxmin)
        return true;
    return TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
}

namespace {

struct Kept {
    std::uint64_t version;  // of the bound table; 0: nothing kept
    bool found;
    StudentIndex index;
};
Kept kept[kEntities];

AttrNumber find_column(Relation index, const BoundColumn &column)
{
    for (int i = 0; i < index->rd_index->indnatts; ++i) {
        if (index->rd_index->indkey.values[i] == column.number)
            return static_cast<AttrNumber>(i + 1);
    }
    return InvalidAttrNumber;
}

bool fits(Entity entity, const BoundTable &table, Relation index, StudentIndex &found)
{
    const BoundColumn &id = table.columns[student_attribute(entity)];
    if (!is_usable_btree(index) || !is_ordered_by(index, 0, id))
        return false;
    found.direction = ForwardScanDirection;
    found.ties_by_id = false;
    if (entity == Entity::Students) {
        if (!index->rd_index->indisunique || index->rd_index->indnkeyatts != 1)
            return false;
    } else if (entity == Entity::HealthRecords) {
        const BoundColumn &date = table.columns[record::Date];
        found.type_column = find_column(index, table.columns[record::Type]);
        if (!date.not_null || !is_ordered_by(index, 1, date) || found.type_column == InvalidAttrNumber)
            return false;
        found.date_column = 2;
        found.id_column = find_column(index, table.columns[record::Id]);
        if ((index->rd_indoption[1] & INDOPTION_DESC) == 0)
            found.direction = BackwardScanDirection;
        const BoundColumn &record_id = table.columns[record::Id];
        if (record_id.not_null && is_ordered_by(index, 2, record_id)) {
            bool const is_descending = (index->rd_indoption[2] & INDOPTION_DESC) != 0;
            found.ties_by_id = is_descending == (found.direction == BackwardScanDirection);
        }
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

bool is_right_now(const StudentIndex &found)
{
    if (!found.is_for_new_snapshots_only)
        return true;
    Relation const index = index_open(found.index, AccessShareLock);
    bool const answer = is_for_this_snapshot(index);
    index_close(index, AccessShareLock);
    return answer;
}

}  // namespace

bool may_read_directly(const OpenTable &table)
{
    Relation const relation = table.relation;
    const FormData_pg_class &form = *relation->rd_rel;
    return settings::direct_reads() && form.relkind == RELKIND_RELATION &&
           relation->rd_tableam == GetHeapamTableAmRoutine() && !form.relrowsecurity && !form.relhassubclass &&
           !RELATION_IS_OTHER_TEMP(relation) &&
           pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
           pg::may_use_schema(table.bound->schema, GetUserId());
}

const StudentIndex *find_student_index(Entity entity, const OpenTable &table)
{
    Kept &known = kept[static_cast<int>(entity)];
    if (known.version == table.bound->version)
        return known.found && is_right_now(known.index) ? &known.index : nullptr;
    known.version = 0;
    known.found = false;
    List *const indexes = RelationGetIndexList(table.relation);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation const index = index_open(lfirst_oid(cell), AccessShareLock);
        StudentIndex candidate{};
        if (fits(entity, *table.bound, index, candidate) && (!known.found || candidate.ties_by_id)) {
            known.found = true;
            known.index = candidate;
        }
        index_close(index, AccessShareLock);
    }
    list_free(indexes);
    known.version = table.bound->version;
    return known.found && is_right_now(known.index) ? &known.index : nullptr;
}

}  // namespace wc
