// Queries that are planned once a session.
#pragma once
#include "extension/row.hpp"

extern "C" {
#include "executor/spi.h"
#include "lib/stringinfo.h"
}

namespace wc {

/// A prepared query, kept while its text and its parameters stay the same.  Static objects only.
/// PostgreSQL itself plans it anew when a table, a policy or the role changes.
class KeptPlan {
public:
    /// `options`: CURSOR_OPT_FAST_PLAN where the first rows are wanted soon.
    constexpr explicit KeptPlan(int options = 0) : options_(options | CURSOR_OPT_GENERIC_PLAN) {}

    /// The plan for `text`; prepared when it is not the one that is kept.
    SPIPlanPtr get(const char *text, int count, Oid *types);

    /// Runs the query `text`, with the snapshot of the calling query.  `nulls` as SPI takes them; null: none is NULL.
    /// Give the rows back with SPI_freetuptable.
    SPITupleTable *select(const char *text, int count, Oid *types, const Datum *values, const char *nulls = nullptr);

    /// The same for a query that changes rows: it sees what the calling statement's transaction did before.
    SPITupleTable *execute(const char *text, int count, Oid *types, const Datum *values);

private:
    SPITupleTable *run(bool read_only, const char *text, int count, Oid *types, const Datum *values, const char *nulls);

    static constexpr int kMaxParameters = 9;
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

/// Appends `t."column", …` for the first `count` attributes of the table.
void append_attributes(StringInfo query, const BoundTable &table, int count);

/// Appends ` FROM "schema"."table" AS t`.
void append_from(StringInfo query, const BoundTable &table);

/// Reads attributes that begin with the row's `column`, counted from 1.  They live as long as the rows do.
void read_row(const SPITupleTable *rows, std::uint64_t at, int column, int count, Row &row);

/// Reads all rows, in the current memory context but for what their values point to.
RowList read_rows(const SPITupleTable *rows, int count);

}  // namespace wc
