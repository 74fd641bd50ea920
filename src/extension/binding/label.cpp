#include "extension/binding/label.hpp"

#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "utils/catcache.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<LabelMatch>);

namespace {

// Returns the rank of a value among the `known` labels.  It reads the label from the catalog's cache each time, so that
// a label that was just renamed is right.
template <std::size_t N>
int rank_of(Datum value, bool is_enum, const std::array<std::string_view, N> &known)
{
    if (!is_enum)
        return label::rank(text_view(value), known);
    HeapTuple const tuple = SearchSysCache1(ENUMOID, value);
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("invalid internal value for enum: %u", DatumGetObjectId(value))));
    int const rank = label::rank(NameStr(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel), known);
    ReleaseSysCache(tuple);
    return rank;
}

const char *column_expression(const BoundTable &table, const char *alias, int attribute)
{
    return psprintf("%s.%s", alias, quote_identifier(NameStr(table.columns[attribute].name)));
}

// Appends an SQL expression that spells a label as label::folded does.  Its collation is "C", so that it folds bytes
// and no letters of a language.  It does not cast an enum, because the type's owner may have defined another cast to
// text.
void append_folded(StringInfo query, const char *expression, bool is_enum)
{
    appendStringInfo(query,
                     is_enum ? "pg_catalog.translate(pg_catalog.upper(pg_catalog.btrim(pg_catalog.textin("
                               "pg_catalog.enum_out(%s))) COLLATE pg_catalog.\"C\"), ' -', '__')"
                             : "pg_catalog.translate(pg_catalog.upper(pg_catalog.btrim(%s::pg_catalog.text) COLLATE "
                               "pg_catalog.\"C\"), ' -', '__')",
                     expression);
}

template <std::size_t N>
void append_rank(StringInfo query, const char *expression, bool is_enum, const std::array<std::string_view, N> &known)
{
    appendStringInfoString(query, "pg_catalog.array_position('{");
    for (std::size_t i = 0; i < N; ++i)
        appendStringInfo(query, "%s%s", i == 0 ? "" : ",", known[i].data());
    appendStringInfoString(query, "}'::pg_catalog.text[], ");
    append_folded(query, expression, is_enum);
    appendStringInfoChar(query, ')');
}

// Appends sort keys: the rank, then, for labels without a rank, the order of the column.
template <std::size_t N>
void append_label_order(StringInfo query, const BoundTable &table, int attribute, const char *alias,
                        const std::array<std::string_view, N> &known, bool is_descending)
{
    const char *const expression = column_expression(table, alias, attribute);
    bool const is_enum = type_is_enum(table.columns[attribute].type);
    append_rank(query, expression, is_enum, known);
    appendStringInfoString(query, ", CASE WHEN ");
    append_rank(query, expression, is_enum, known);
    appendStringInfo(query, " IS NULL THEN %s END%s NULLS LAST", expression, is_descending ? " DESC" : "");
}

// A row and its rank.
struct Ranked {
    int rank;
    const Row *row;
};

struct LabelOrder {
    int unknown;  // the number that stands for "no rank"
    const RowOrder &among_unknown;
    const RowOrder &among_equals;
};

int compare(const Ranked &a, const Ranked &b, const LabelOrder &order)
{
    if (a.rank != b.rank)
        return a.rank - b.rank;
    int const unknown = a.rank == order.unknown ? order.among_unknown.compare(*a.row, *b.row) : 0;
    return unknown != 0 ? unknown : order.among_equals.compare(*a.row, *b.row);
}

// Sorts as append_label_order does, then by two more attributes.
template <std::size_t N>
void sort_by_label(const BoundTable &table, RowList &list, SortKey by, const std::array<std::string_view, N> &known,
                   std::initializer_list<SortKey> then)
{
    if (list.count < 2)
        return;
    RowOrder const by_column(table, {by});
    RowOrder const by_others(table, then);
    constexpr int kUnknown = static_cast<int>(N);
    LabelOrder const order{kUnknown, by_column, by_others};
    bool const is_enum = type_is_enum(table.columns[by.attribute].type);
    auto const count = static_cast<Size>(list.count);
    auto *const ranked = static_cast<Ranked *>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Ranked) * count));
    for (int i = 0; i < list.count; ++i) {
        const Row &row = list.rows[i];
        // NULL comes after labels without a rank.
        ranked[i] = {row.nulls[by.attribute] ? kUnknown + 1 : rank_of(row.values[by.attribute], is_enum, known), &row};
    }
    auto const compare_ranked = [](const void *a, const void *b, void *how) {
        return compare(*static_cast<const Ranked *>(a), *static_cast<const Ranked *>(b),
                       *static_cast<const LabelOrder *>(how));
    };
    qsort_arg(ranked, count, sizeof(Ranked), compare_ranked, const_cast<LabelOrder *>(&order));
    auto *const sorted = static_cast<Row *>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Row) * count));
    for (int i = 0; i < list.count; ++i)
        sorted[i] = *ranked[i].row;
    pfree(list.rows);
    pfree(ranked);
    list.rows = sorted;
    list.capacity = list.count;
}

}  // namespace

LabelMatch::LabelMatch(const BoundColumn &column, std::string_view name)
    : name_(name), is_enum_(type_is_enum(column.type))
{
    if (!is_enum_)
        return;
    // A label may have been added since lock_tables() accepted invalidations, because ALTER TYPE ... ADD VALUE does not
    // wait for readers (changes/ddl.cpp).  Accept them again, to see a new label.
    AcceptInvalidationMessages();
    CatCList *const all = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(column.type));
    for (int i = 0; i < all->n_members; ++i) {
        auto const *const one = reinterpret_cast<Form_pg_enum>(GETSTRUCT(&all->members[i]->tuple));
        if (!label::is(NameStr(one->enumlabel), name))
            continue;
        ++count_;
        value_ = one->oid;
    }
    ReleaseSysCacheList(all);
}

bool LabelMatch::has(Datum value) const
{
    if (is_enum_ && count_ < 2)
        return count_ == 1 && DatumGetObjectId(value) == value_;
    return rank_of(value, is_enum_, std::array{name_}) == 0;
}

void LabelMatch::append_condition(StringInfo query, const char *expression, const char *parameter) const
{
    // With at most one spelling, compare the column itself, so that an index on it can be used.
    if (is_enum_ && count_ < 2) {
        appendStringInfo(query, "%s OPERATOR(pg_catalog.=) %s", expression, parameter);
        return;
    }
    append_folded(query, expression, is_enum_);
    appendStringInfo(query, " OPERATOR(pg_catalog.=) '%.*s'", static_cast<int>(name_.size()), name_.data());
}

void sort_allergies(const BoundTable &table, RowList &list)
{
    sort_by_label(table, list, {allergy::Severity, true}, label::kSeverities,
                  {{allergy::Allergen, false}, {allergy::Id, false}});
}

void sort_conditions(const BoundTable &table, RowList &list)
{
    sort_by_label(table, list, {condition::Status, false}, label::kStatuses,
                  {{condition::Condition, false}, {condition::Id, false}});
}

void append_allergy_order(StringInfo query, const BoundTable &table, const char *alias)
{
    append_label_order(query, table, allergy::Severity, alias, label::kSeverities, true);
    appendStringInfo(query, ", %s, %s", column_expression(table, alias, allergy::Allergen),
                     column_expression(table, alias, allergy::Id));
}

void append_condition_order(StringInfo query, const BoundTable &table, const char *alias)
{
    append_label_order(query, table, condition::Status, alias, label::kStatuses, false);
    appendStringInfo(query, ", %s, %s", column_expression(table, alias, condition::Condition),
                     column_expression(table, alias, condition::Id));
}

}  // namespace wc

using namespace wc;

namespace {

// Calls `use` with the known labels of an attribute, if it has any.
template <typename Use>
void with_known_labels(std::string_view entity, std::string_view attribute, Use use)
{
    if (entity == "allergies" && attribute == "severity")
        use(label::kSeverities);
    else if (entity == "chronic_conditions" && attribute == "status")
        use(label::kStatuses);
    else if (entity == "health_records" && attribute == "type")
        use(std::array{label::kVaccination});
}

}  // namespace

// white_cross.label_rank(label text, entity text, attribute text)
WC_FUNCTION(wc_label_rank)
{
    std::string_view const one = text_view(PG_GETARG_DATUM(0));
    int place = 0;
    with_known_labels(text_view(PG_GETARG_DATUM(1)), text_view(PG_GETARG_DATUM(2)), [&](const auto &known) {
        int const rank = label::rank(one, known);
        place = rank == static_cast<int>(known.size()) ? 0 : rank + 1;
    });
    if (place == 0)
        PG_RETURN_NULL();
    PG_RETURN_INT32(place);
}

// white_cross.unranked_condition(expression text, entity text, attribute text)
WC_FUNCTION(wc_unranked_condition)
{
    const char *const expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
    StringInfoData condition;
    initStringInfo(&condition);
    with_known_labels(text_view(PG_GETARG_DATUM(1)), text_view(PG_GETARG_DATUM(2)), [&](const auto &known) {
        append_rank(&condition, expression, false, known);
        appendStringInfoString(&condition, " IS NULL");
    });
    if (condition.len == 0)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text_with_len(condition.data, condition.len));
}
