// Filters of record pages: which there are, their values, and how JavaScript spells them in cache keys.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/binding.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// type: a record type; dateFrom, dateTo: ISO 8601, inclusive; provider: a part of the name, whatever its case.
enum RecordFilter { kTypeFilter, kDateFromFilter, kDateToFilter, kProviderFilter, kRecordFilters };

/// Filters as somebody wrote them: members in their order.  A value that is JSON null is none.
class FilterText {
public:
    /// A jsonb argument.  Errors: 22023 not an object, an unknown filter, a value that is no string.
    static FilterText of_jsonb(Jsonb *filters);

    /// A text that is JSON, whose members keep their order.  Errors: as of_jsonb; 22P05 what text of this server
    /// cannot hold.
    static FilterText of_json(std::string_view json);

    /// What JSON.stringify makes of the object that the text was parsed to: a member that stands twice has its first
    /// place and its last value.
    void write(json::Buffer &out) const;

    /// The text of a filter, null where there is none.
    text *value(RecordFilter filter) const noexcept { return values_[filter]; }

private:
    void add(std::string_view name, bool is_string, bool is_null, text *value);

    int order_[kRecordFilters] = {};
    int count_ = 0;
    text *values_[kRecordFilters] = {};
};

/// Filters as parameters of queries.
struct RecordFilters {
    bool given[kRecordFilters];
    Datum values[kRecordFilters];  // of the type column's type, the date column's, and text
};

/// Errors: 22023 an unknown type, where the column is an enum; 22007 a date that is none, 22008 one beyond
/// PostgreSQL's.
RecordFilters resolve_filters(const FilterText &written, const BoundTable &records);

}  // namespace wc
