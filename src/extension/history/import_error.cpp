#include "extension/history/import_error.hpp"

#include "extension/history/import_rows.hpp"
#include "extension/server/text_view.hpp"

namespace wc {
namespace {

// Returns the place as `chunk 2 (records), row 3, field "date"`.
const char *describe(const ImportPlace &place)
{
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, "chunk " INT64_FORMAT, place.chunk);
    if (place.type != nullptr)
        appendStringInfo(&text, " (%s)", place.type);
    if (place.row != 0)
        appendStringInfo(&text, ", row " INT64_FORMAT, place.row);
    if (place.field != nullptr)
        appendStringInfo(&text, ", field \"%s\"", place.field);
    return text.data;
}

void report_at(const ImportPlace &place, int sqlstate, const char *reason, const char *hint,
               const char *constraint = nullptr)
{
    ereport(ERROR, (errcode(sqlstate),
                    place.chunk == 0 ? errmsg("cannot import the history: %s", reason)
                                     : errmsg("cannot import %s: %s", describe(place), reason),
                    errdetail("Nothing was imported."), hint != nullptr ? errhint("%s", hint) : 0,
                    place.field != nullptr ? err_generic_string(PG_DIAG_COLUMN_NAME, place.field) : 0,
                    constraint != nullptr ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint) : 0));
}

// Returns whether an error of this class may show what is in a row.  All may, except those about the statement or the
// server.
bool may_show_a_row(int sqlstate)
{
    switch (ERRCODE_TO_CATEGORY(sqlstate)) {
        case ERRCODE_FEATURE_NOT_SUPPORTED:
        case ERRCODE_INVALID_TRANSACTION_STATE:
        case ERRCODE_TRANSACTION_ROLLBACK:
        case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
        case ERRCODE_INSUFFICIENT_RESOURCES:
        case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
        case ERRCODE_OPERATOR_INTERVENTION:
        case ERRCODE_SYSTEM_ERROR:
        case ERRCODE_INTERNAL_ERROR: return false;
        default: return true;
    }
}

const char *reason_of(const ErrorData &error, const ImportPlace &place)
{
    const char *const constraint = error.constraint_name != nullptr ? error.constraint_name : "a constraint";
    switch (error.sqlerrcode) {
        case ERRCODE_UNIQUE_VIOLATION: return psprintf("another row has this value already (%s)", constraint);
        case ERRCODE_FOREIGN_KEY_VIOLATION: return psprintf("refers to a row that does not exist (%s)", constraint);
        case ERRCODE_CHECK_VIOLATION: return psprintf("violates %s", constraint);
        case ERRCODE_NOT_NULL_VIOLATION: return "is null, but must not be";
        case ERRCODE_UNTRANSLATABLE_CHARACTER: return "contains a character that text of this database cannot hold";
        default: break;
    }
    if (place.field != nullptr && ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_DATA_EXCEPTION)
        return "is not a value of its type";
    return psprintf("the database refused it (SQLSTATE %s)", unpack_sql_state(error.sqlerrcode));
}

}  // namespace

void refuse(ImportPlace &place, int sqlstate, const char *reason, const char *hint)
{
    place.is_ours = true;
    report_at(place, sqlstate, reason, hint);
    pg_unreachable();
}

void report(const ErrorData &error, const ImportPlace &place, const ImportRows &rows)
{
    if (place.is_ours || !may_show_a_row(error.sqlerrcode))
        return;
    ImportPlace named = place;
    if (named.field == nullptr && error.constraint_name != nullptr)
        named.field = rows.field_of_constraint(error.constraint_name);
    report_at(named, error.sqlerrcode, reason_of(error, place),
              error.sqlerrcode == ERRCODE_UNIQUE_VIOLATION ? kConflictHint : nullptr, error.constraint_name);
}

const char *shown(std::string_view name)
{
    std::string_view const kept = cut_text(name, NAMEDATALEN - 1);
    return pnstrdup(kept.data(), kept.size());
}

}  // namespace wc
