#include "extension/kept_plan.hpp"

namespace wc {

SPIPlanPtr KeptPlan::get(const char *text, int count, Oid *types)
{
    Assert(count <= kMaxParameters);
    if (plan_ != nullptr && strcmp(text_, text) == 0 &&
        memcmp(types_, types, sizeof(Oid) * static_cast<Size>(count)) == 0)
        return plan_;
    if (plan_ != nullptr) {
        SPIPlanPtr const old = plan_;
        plan_ = nullptr;
        pfree(text_);
        SPI_freeplan(old);
    }
    // Always generic: for an array of unknown length the planner thinks that planning anew for each call
    // pays, and it costs several times what these queries take.
    SPIPlanPtr const plan = SPI_prepare_cursor(text, count, types, options_);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
    char *const copy = MemoryContextStrdup(TopMemoryContext, text);
    SPI_keepplan(plan);
    text_ = copy;
    memcpy(types_, types, sizeof(Oid) * static_cast<Size>(count));
    plan_ = plan;
    return plan_;
}

SPITupleTable *KeptPlan::run(bool read_only, const char *text, int count, Oid *types, const Datum *values,
                             const char *nulls)
{
    int const code = SPI_execute_plan(get(text, count, types), const_cast<Datum *>(values), nulls, read_only, 0);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
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

void append_attribute(StringInfo query, const BoundTable &table, int attribute)
{
    append_column(query, "t", NameStr(table.columns[attribute].name));
}

void append_attributes(StringInfo query, const BoundTable &table, int count)
{
    for (int i = 0; i < count; ++i) {
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
