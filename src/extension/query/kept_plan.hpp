// Queries that a session plans once.
#pragma once
#include "extension/binding/row.hpp"

extern "C" {
#include "executor/spi.h"
#include "lib/stringinfo.h"
}

namespace wc {

/// A prepared query.  The plan stays while the text and the types of the parameters stay the same.  PostgreSQL itself
/// plans the query anew when a table, a policy or the role changes.
///
/// REQUIRES: the object is static.
class KeptPlan {
public:
    /// `options`: CURSOR_OPT_FAST_PLAN where the caller wants the first rows soon.
    constexpr explicit KeptPlan(int options = 0) : options_(options | CURSOR_OPT_GENERIC_PLAN) {}

    /// Returns the plan for `text`, and prepares it first where the kept plan is another one's.
    SPIPlanPtr get(const char *text, int count, Oid *types);

    /// Runs the query `text` with the snapshot of the calling query.  `nulls` is as SPI takes it; a null pointer says
    /// that no value is NULL.  The caller frees the rows with SPI_freetuptable.
    ///
    /// REQUIRES: the caller has connected to SPI.
    SPITupleTable *select(const char *text, int count, Oid *types, const Datum *values, const char *nulls = nullptr);

    /// Like select(), for a query that changes rows: it sees what the calling statement's transaction did before.
    SPITupleTable *execute(const char *text, int count, Oid *types, const Datum *values);

private:
    SPITupleTable *run(bool read_only, const char *text, int count, Oid *types, const Datum *values, const char *nulls);

    static constexpr int kMaxParameters = 10;
    int options_;
    char *text_ = nullptr;
    SPIPlanPtr plan_ = nullptr;
    Oid types_[kMaxParameters] = {};
};

/// Appends `"schema"."table"`.
void append_table(StringInfo query, const char *schema, const char *table);

/// Appends `alias."column"`.
void append_column(StringInfo query, const char *alias, const char *column);

/// Appends `t."column"` for an attribute of the table.
void append_attribute(StringInfo query, const BoundTable &table, int attribute);

/// Appends `json_typeof(t."column")` for an attribute of type json, jsonb_typeof for one of jsonb: `object` or `null`,
/// for example.
void append_kind_of_json(StringInfo query, const BoundTable &table, int attribute);

/// Appends `t."column", …` for the first `count` attributes of the table.
void append_attributes(StringInfo query, const BoundTable &table, int count);

/// Appends ` ORDER BY t."column" DESC, …`, or that order from the other end when `reversed`.
void append_order(StringInfo query, const BoundTable &table, const SortKeys &keys, bool reversed = false);

/// Like append_attributes(), and appends a column only once where several attributes are bound to it.  For a subquery
/// whose columns the outer query refers to by name.
void append_columns_once(StringInfo query, const BoundTable &table, int count);

/// Appends ` FROM "schema"."table" AS t`.
void append_from(StringInfo query, const BoundTable &table);

/// Appends a condition: the student whose id is `id`, SQL for a value, is shown to the caller.
void append_if_student_is_shown(StringInfo query, const BoundTable &students, const char *id);

/// Reads `count` attributes, which begin with the row's `column`, counted from 1.  They live as long as the rows do.
void read_row(const SPITupleTable *rows, std::uint64_t at, int column, int count, Row &row);

/// Reads all rows.  The list is in the current memory context; what its values point to lives as long as the rows do.
RowList read_rows(const SPITupleTable *rows, int count);

}  // namespace wc
