#include "extension/query/kept_plan.hpp"

#include <algorithm>

#include "extension/server/retired.hpp"

namespace wc {
namespace {

// Whether no value is missing that is not NULL.  A statement that does not look at it would not notice, but
// auto_explain shows all.
[[maybe_unused]] bool are_there(int count, const Oid *types, const Datum *values, const char *nulls)
{
    for (int i = 0; i < count; ++i) {
        if ((nulls == nullptr || nulls[i] != 'n') && values[i] == 0 && !get_typbyval(types[i]))
            return false;
    }
    return true;
}

}  // namespace

SPIPlanPtr KeptPlan::get(const char *text, int count, Oid *types)
{
    Assert(count <= kMaxParameters);
    if (plan_ != nullptr && strcmp(text_, text) == 0 && std::equal(types, types + count, types_))
        return plan_;
    if (plan_ != nullptr) {
        // The plan may be running, further up the stack.
        retire(plan_, [](void *plan) { SPI_freeplan(static_cast<SPIPlanPtr>(plan)); });
        plan_ = nullptr;
        pfree(text_);
    }
    // The plan is always generic.  For an array of unknown length the planner would choose to plan anew for each call,
    // which takes several times as long as these queries do.
    SPIPlanPtr const plan = SPI_prepare_cursor(text, count, types, options_);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
    char *const copy = MemoryContextStrdup(TopMemoryContext, text);
    SPI_keepplan(plan);
    text_ = copy;
    std::copy_n(types, count, types_);
    plan_ = plan;
    return plan_;
}

SPITupleTable *KeptPlan::run(bool read_only, const char *text, int count, Oid *types, const Datum *values,
                             const char *nulls)
{
    Assert(are_there(count, types, values, nulls));
    int const code = SPI_execute_plan(get(text, count, types), const_cast<Datum *>(values), nulls, read_only, 0);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
    check_names();
    return SPI_tuptable;
}

SPITupleTable *KeptPlan::select(const char *text, int count, Oid *types, const Datum *values, const char *nulls)
{
    return run(true, text, count, types, values, nulls);
}

SPITupleTable *KeptPlan::execute(const char *text, int count, Oid *types, const Datum *values)
{
    return run(false, text, count, types, values, nullptr);
}

void append_table(StringInfo query, const char *schema, const char *table)
{
    appendStringInfoString(query, quote_qualified_identifier(schema, table));
}

void append_column(StringInfo query, const char *alias, const char *column)
{
    appendStringInfo(query, "%s.%s", alias, quote_identifier(column));
}

void append_if_student_is_shown(StringInfo query, const BoundTable &students, const char *id)
{
    appendStringInfoString(query, " AND EXISTS (SELECT FROM ");
    append_table(query, NameStr(students.schema_name), NameStr(students.table_name));
    appendStringInfoString(query, " AS s WHERE ");
    append_column(query, "s", NameStr(students.columns[student::Id].name));
    appendStringInfo(query, " OPERATOR(pg_catalog.=) %s)", id);
}

void append_attribute(StringInfo query, const BoundTable &table, int attribute)
{
    append_column(query, "t", NameStr(table.columns[attribute].name));
}

void append_kind_of_json(StringInfo query, const BoundTable &table, int attribute)
{
    bool const is_json = table.columns[attribute].type == JSONOID;
    appendStringInfoString(query, is_json ? "pg_catalog.json_typeof(" : "pg_catalog.jsonb_typeof(");
    append_attribute(query, table, attribute);
    appendStringInfoChar(query, ')');
}

void append_attributes(StringInfo query, const BoundTable &table, int count)
{
    for (int i = 0; i < count; ++i) {
        if (i != 0)
            appendStringInfoString(query, ", ");
        append_attribute(query, table, i);
    }
}

void append_order(StringInfo query, const BoundTable &table, const SortKeys &keys, bool reversed)
{
    const char *separator = " ORDER BY ";
    for (const SortKey &key : keys) {
        appendStringInfoString(query, separator);
        append_attribute(query, table, key.attribute);
        if (key.descending != reversed)
            appendStringInfoString(query, " DESC");
        separator = ", ";
    }
}

void append_columns_once(StringInfo query, const BoundTable &table, int count)
{
    for (int i = 0; i < count; ++i) {
        bool is_there = false;
        for (int before = 0; before < i; ++before)
            is_there = is_there || table.columns[before].number == table.columns[i].number;
        if (is_there)
            continue;
        if (i != 0)
            appendStringInfoString(query, ", ");
        append_attribute(query, table, i);
    }
}

void append_from(StringInfo query, const BoundTable &table)
{
    appendStringInfoString(query, " FROM ");
    append_table(query, NameStr(table.schema_name), NameStr(table.table_name));
    appendStringInfoString(query, " AS t");
}

void read_row(const SPITupleTable *rows, std::uint64_t at, int column, int count, Row &row)
{
    for (int i = 0; i < count; ++i)
        row.values[i] = SPI_getbinval(rows->vals[at], rows->tupdesc, column + i, &row.nulls[i]);
}

RowList read_rows(const SPITupleTable *rows, int count)
{
    RowList list{};
    for (std::uint64_t at = 0; at < rows->numvals; ++at)
        read_row(rows, at, 1, count, list.add());
    return list;
}

}  // namespace wc
