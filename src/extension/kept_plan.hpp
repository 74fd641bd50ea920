// Queries that are planned once a session.
#pragma once
#include "extension/prelude.hpp"

extern "C" {
#include "executor/spi.h"
#include "lib/stringinfo.h"
}

namespace wc {

/// A prepared query, kept while its text and its parameters stay the same.  Static objects only.
/// PostgreSQL itself plans it anew when a table, a policy or the role changes.
class KeptPlan {
public:
    /// The plan for `text`; prepared when it is not the one that is kept.
    SPIPlanPtr get(const char *text, int count, Oid *types);

private:
    static constexpr int kMaxParameters = 2;
    char *text_ = nullptr;
    SPIPlanPtr plan_ = nullptr;
    Oid types_[kMaxParameters] = {};
};

/// Appends `"schema"."table"`.
void append_table(StringInfo query, const char *schema, const char *table);

/// Appends `alias."column"`.
void append_column(StringInfo query, const char *alias, const char *column);

}  // namespace wc
