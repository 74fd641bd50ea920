#include "extension/search/index.hpp"

#include "extension/direct/eligibility.hpp"
#include "extension/search/statements.hpp"

extern "C" {
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tsearch/ts_type.h"
#include "utils/plancache.h"
}

namespace wc {
namespace {

constexpr StrategyNumber kMatches = 1;  // the strategy of @@ in tsvector_ops

std::uint64_t kept_version = 0;
SearchIndexes kept{};

// Returns the parsed expression of a record's document, in the form in which the planner compares it with an index's.
Node *parsed_document()
{
    SPIPlanPtr const plan = SPI_prepare(documents_of_records(), 0, nullptr);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    auto *const source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
    auto *const query = linitial_node(Query, source->query_list);
    auto *const target = linitial_node(TargetEntry, query->targetList);
    return eval_const_expressions(nullptr, reinterpret_cast<Node *>(copyObjectImpl(target->expr)));
}

Oid matching_operator(Relation index)
{
    return get_opfamily_member(index->rd_opfamily[0], TSVECTOROID, TSQUERYOID, kMatches);
}

bool holds_documents(Relation index, Node *document)
{
    if (index->rd_rel->relam != GIN_AM_OID || !index->rd_index->indisvalid || index->rd_index->indnatts != 1 ||
        index->rd_index->indkey.values[0] != 0 || !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))
        return false;
    List *const expressions = RelationGetIndexExpressions(index);
    return list_length(expressions) == 1 && equal(linitial(expressions), document) &&
           OidIsValid(matching_operator(index));
}

bool is_in_order_of_results(Relation index, const BoundTable &table)
{
    return is_usable_btree(index) && has_record_order(index, 0, table, ForwardScanDirection);
}

}  // namespace

SearchIndexes find_search_indexes(const OpenTable &table)
{
    if (kept_version == table.bound->version)
        return kept;
    SearchIndexes found{};
    Node *const document = parsed_document();
    List *const indexes = RelationGetIndexList(table.relation);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation const index = try_open_index(lfirst_oid(cell));
        if (index == nullptr)
            continue;
        if (holds_documents(index, document))
            found.text = RelationGetRelid(index);
        else if (is_in_order_of_results(index, *table.bound))
            found.date = RelationGetRelid(index);
        index_close(index, AccessShareLock);
    }
    list_free(indexes);
    kept = found;
    kept_version = table.bound->version;
    return found;
}

void begin_text_key(ScanKey key, Relation index, Datum tsquery)
{
    ScanKeyEntryInitialize(key, 0, 1, kMatches, InvalidOid, index->rd_indcollation[0],
                           get_opcode(matching_operator(index)), tsquery);
}

}  // namespace wc
