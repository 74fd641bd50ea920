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
    SPIPlanPtr const plan = SPI_prepare_cursor(text, count, types, CURSOR_OPT_GENERIC_PLAN);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
    char *const copy = MemoryContextStrdup(TopMemoryContext, text);
    SPI_keepplan(plan);
    text_ = copy;
    memcpy(types_, types, sizeof(Oid) * static_cast<Size>(count));
    plan_ = plan;
    return plan_;
}

void append_table(StringInfo query, const char *schema, const char *table)
{
    appendStringInfoString(query, quote_qualified_identifier(schema, table));
}

void append_column(StringInfo query, const char *alias, const char *column)
{
    appendStringInfo(query, "%s.%s", alias, quote_identifier(column));
}

}  // namespace wc
