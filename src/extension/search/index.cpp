#include "extension/search/index.hpp"

#include "extension/direct/eligibility.hpp"
#include "extension/search/statements.hpp"
#include "extension/server/session_hash.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tsearch/ts_type.h"
#include "utils/plancache.h"
}

namespace wc {
namespace {

constexpr StrategyNumber kMatches = 1;  // the strategy of @@ in tsvector_ops

struct Kept {
    Oid table;              // the key
    std::uint64_t version;  // of the bound table; 0: nothing kept
    SearchIndexes indexes;  // of a table of records
    Oid names;              // of a table of students
};
SessionHash<Oid, Kept> all_kept("white_cross search indexes");

// Returns the parsed expression that a statement selects, with the columns of this table, in the form in which the
// planner compares it with an index's.
Node *parsed(const char *statement, const OpenTable &table, const OpenTable &whole)
{
    SPIPlanPtr const plan = SPI_prepare(statement, 0, nullptr);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    auto *const source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
    auto *const query = linitial_node(Query, source->query_list);
    auto *const target = linitial_node(TargetEntry, query->targetList);
    List *expressions = list_make1(copyObjectImpl(target->expr));
    if (table.relation != whole.relation)
        expressions = map_partition_varattnos(expressions, 1, table.relation, whole.relation);
    return eval_const_expressions(nullptr, static_cast<Node *>(linitial(expressions)));
}

Oid matching_operator(Relation index)
{
    return get_opfamily_member(index->rd_opfamily[0], TSVECTOROID, TSQUERYOID, kMatches);
}

// Whether it is a GIN index on this expression of all rows, and on nothing else.
bool holds(Relation index, Node *expression)
{
    if (index->rd_rel->relam != GIN_AM_OID || !index->rd_index->indisvalid || index->rd_index->indnatts != 1 ||
        index->rd_index->indkey.values[0] != 0 || !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))
        return false;
    List *const expressions = RelationGetIndexExpressions(index);
    return list_length(expressions) == 1 && equal(linitial(expressions), expression);
}

bool is_in_order_of_results(Relation index, const BoundTable &table)
{
    return is_usable_btree(index) && has_record_order(index, 0, table, ForwardScanDirection);
}

}  // namespace

SearchIndexes find_search_indexes(const OpenTable &table, const OpenTable &whole)
{
    Kept &kept = all_kept.entry(table.bound->relation);
    if (kept.version == table.bound->version)
        return kept.indexes;
    kept.version = 0;
    SearchIndexes found{};
    Node *const document = parsed(documents_of_records(), table, whole);
    List *const indexes = RelationGetIndexList(table.relation);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation const index = try_open_index(lfirst_oid(cell));
        if (index == nullptr)
            continue;
        if (holds(index, document) && OidIsValid(matching_operator(index)))
            found.text = RelationGetRelid(index);
        else if (is_in_order_of_results(index, *table.bound))
            found.date = RelationGetRelid(index);
        index_close(index, AccessShareLock);
    }
    list_free(indexes);
    kept.indexes = found;
    kept.version = table.bound->version;
    return found;
}

Oid find_name_index(const OpenTable &students)
{
    Kept &kept = all_kept.entry(students.bound->relation);
    if (kept.version == students.bound->version)
        return kept.names;
    kept.version = 0;
    Oid found = InvalidOid;
    Node *const name = parsed(names_of_students(), students, students);
    List *const indexes = RelationGetIndexList(students.relation);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation const index = try_open_index(lfirst_oid(cell));
        if (index == nullptr)
            continue;
        if (holds(index, name) && op_in_opfamily(OID_TEXT_ICLIKE_OP, index->rd_opfamily[0]))
            found = RelationGetRelid(index);
        index_close(index, AccessShareLock);
    }
    list_free(indexes);
    kept.names = found;
    kept.version = students.bound->version;
    return found;
}

void begin_name_key(ScanKey key, Relation index, Datum pattern)
{
    int const strategy = get_op_opfamily_strategy(OID_TEXT_ICLIKE_OP, index->rd_opfamily[0]);
    ScanKeyEntryInitialize(key, 0, 1, static_cast<StrategyNumber>(strategy), InvalidOid, index->rd_indcollation[0],
                           get_opcode(OID_TEXT_ICLIKE_OP), pattern);
}

void begin_text_key(ScanKey key, Relation index, Datum tsquery)
{
    ScanKeyEntryInitialize(key, 0, 1, kMatches, InvalidOid, index->rd_indcollation[0],
                           get_opcode(matching_operator(index)), tsquery);
}

}  // namespace wc
