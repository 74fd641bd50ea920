// Filters of record pages: their names, their values, and how JavaScript spells them in cache keys.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/binding/binding.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// type is a record type.  dateFrom and dateTo are dates or times in ISO 8601, both inclusive; a date alone means the
/// whole day.  provider is a part of the name, in any case of letters.
enum RecordFilter { kTypeFilter, kDateFromFilter, kDateToFilter, kProviderFilter, kRecordFilters };

/// Checks the size of filters before anything else reads the text.
///
/// Errors: 22023 more than kLongestFilters bytes, or deeper nesting than filters can have.
inline constexpr std::size_t kLongestFilters = 10'000;
void check_filters_size(std::string_view json);

/// Filters as the caller wrote them, with the members in their order.  The value null means "no filter".
class FilterText {
public:
    /// Reads an argument of type json, jsonb or text.  NULL means no filters.
    ///
    /// Errors: those of json_type_of() and of the functions below.
    static FilterText of_argument(FunctionCallInfo fcinfo, int argument);

    /// Reads jsonb, which has its members in an order of its own.
    ///
    /// Errors: 22023 not an object, an unknown filter, a value that is not a string, too long.
    static FilterText of_jsonb(Jsonb *filters);

    /// Reads JSON text, whose members keep their order.
    ///
    /// Errors: those of of_jsonb() and check_filters_size(); 22P05 a character that text of this database cannot hold.
    static FilterText of_json(std::string_view json);

    /// Reads any text.  Errors: those of of_json(); 22P02 text that is not JSON, of which `what` begins the message.
    static FilterText of_text(std::string_view text, const char *what, const char *hint);

    /// Writes what JSON.stringify(JSON.parse(text)) gives: a member that appears twice keeps its first place and its
    /// last value.
    void write(json::Buffer &out) const;

    /// Returns the text of a filter; null when the filter is not given.
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
    Datum values[kRecordFilters];  // of the types of the columns: type, date, date; and text for provider
};

/// Turns filters into parameters of queries for `records`.
///
/// Errors: 22023 an unknown type, where the column is an enum; 22007 text that is not a date, 22008 a date beyond those
/// of PostgreSQL.
RecordFilters resolve_filters(const FilterText &written, const BoundTable &records);

}  // namespace wc
