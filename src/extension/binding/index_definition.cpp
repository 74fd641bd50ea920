// Whether an index of the application does the work of one that the functions want, whatever its name.
//
// The wanted definition goes through the server's own parser, up to where CREATE INDEX would begin to make the index.
// So columns, expressions, operator classes and collations are compared as the catalog has them, not as text.  Nothing
// is evaluated: the parser calls no function of the table's owner.
#include "extension/server/boundary.hpp"

extern "C" {
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_utilcmd.h"
#include "parser/parser.h"
}

namespace wc {
namespace {

// REQUIRES: the table is locked.
const IndexStmt &parse(Oid table, const char *definition)
{
    // The name in the statement is not looked at: the table is known by its OID.
    const char *const text = psprintf("CREATE INDEX ON t %s", definition);
    auto *const raw = linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT));
    return *transformIndexStmt(table, castNode(IndexStmt, raw->stmt), text);
}

// One key of an index: a column or an expression.
struct Key {
    AttrNumber number;  // of the column; 0 for an expression
    const Node *expression;
    Oid type;
    Oid collation;
};

Key key_of(Oid table, const IndexElem &element)
{
    Key key{};
    if (element.name != nullptr) {
        key.number = get_attnum(table, element.name);
        int32 modifier = 0;
        get_atttypetypmodcoll(table, key.number, &key.type, &modifier, &key.collation);
    } else {
        key.expression = element.expr;
        key.type = exprType(element.expr);
        key.collation = exprCollation(element.expr);
    }
    if (element.collation != NIL)
        key.collation = get_collation_oid(element.collation, false);
    return key;
}

// Returns the expressions of an index as CREATE INDEX stored them.  (Those of the relation cache are simplified.)
List *stored_expressions(Relation index)
{
    bool is_null = false;
    Datum const stored = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indexprs, &is_null);
    return is_null ? NIL : static_cast<List *>(stringToNode(TextDatumGetCString(stored)));
}

bool has_operator_class(Relation index, int at, const IndexElem &element, Oid type)
{
    Oid const method = index->rd_rel->relam;
    Oid const wanted =
        element.opclass == NIL ? GetDefaultOpClass(type, method) : get_opclass_oid(method, element.opclass, true);
    // Compare the family, not the class itself: varchar_ops and text_ops do the same.
    return OidIsValid(wanted) && index->rd_opfamily[at] == get_opclass_family(wanted);
}

bool has_order(Relation index, int at, const IndexElem &element)
{
    bool const descends = element.ordering == SORTBY_DESC;
    return index->rd_indoption[at] == (descends ? INDOPTION_DESC | INDOPTION_NULLS_FIRST : 0);
}

// `expressions`: those of the index's keys from `at` on.  Removes the first one if it is the key at `at`.
bool has_key(Relation index, int at, Oid table, const IndexElem &element, List *&expressions)
{
    Key const key = key_of(table, element);
    if (index->rd_index->indkey.values[at] != key.number)
        return false;
    if (key.expression != nullptr) {
        if (expressions == NIL || !equal(linitial(expressions), key.expression))
            return false;
        expressions = list_delete_first(expressions);
    }
    return index->rd_indcollation[at] == key.collation && has_operator_class(index, at, element, key.type) &&
           has_order(index, at, element);
}

// Whether the index has the column, after its first `from` columns.
bool carries(Relation index, int from, AttrNumber column)
{
    for (int i = from; i < index->rd_index->indnatts; ++i) {
        if (index->rd_index->indkey.values[i] == column)
            return true;
    }
    return false;
}

bool serves(Relation index, Oid table, const IndexStmt &wanted)
{
    bool const is_btree = index->rd_rel->relam == BTREE_AM_OID;
    int const keys = list_length(wanted.indexParams);
    int const present = index->rd_index->indnkeyatts;
    if (index->rd_rel->relam != get_index_am_oid(wanted.accessMethod, false) ||
        !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))
        return false;
    // A B-tree may have more columns after the wanted ones: it has their order all the same.
    if (is_btree ? present < keys : present != keys)
        return false;
    List *expressions = stored_expressions(index);
    for (int at = 0; at < keys; ++at) {
        if (!has_key(index, at, table, *list_nth_node(IndexElem, wanted.indexParams, at), expressions))
            return false;
    }
    ListCell *cell = nullptr;
    foreach (cell, wanted.indexIncludingParams) {
        if (!carries(index, keys, get_attnum(table, lfirst_node(IndexElem, cell)->name)))
            return false;
    }
    return true;
}

}  // namespace
}  // namespace wc

using namespace wc;

// white_cross.index_serves(index oid, definition text)
WC_FUNCTION(wc_index_serves)
{
    Oid const table = IndexGetRelation(PG_GETARG_OID(0), true);
    Relation const relation = OidIsValid(table) ? try_relation_open(table, AccessShareLock) : nullptr;
    Relation const index = relation == nullptr ? nullptr : try_relation_open(PG_GETARG_OID(0), AccessShareLock);
    bool does = false;
    if (index != nullptr) {
        does = serves(index, table, parse(table, text_to_cstring(PG_GETARG_TEXT_PP(1))));
        relation_close(index, AccessShareLock);
    }
    if (relation != nullptr)
        relation_close(relation, AccessShareLock);
    PG_RETURN_BOOL(does);
}
