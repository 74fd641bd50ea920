// The kinds of cached values, as callers name them: health_summary, growth_chart, records:PAGE:LIMIT:FILTERS.
#pragma once
#include "core/protocol/key.hpp"
#include "extension/records/filters.hpp"

namespace wc {

struct CachedKind {
    cache::Kind kind;
    bool is_page;  // one page of records; false for `records` alone, which means all pages
    int64 page;
    int32 page_size;
    FilterText filters;
};

/// Reads the name of a kind.  FILTERS is JSON, whose members keep their order, as with JSON.stringify.  The result
/// lives in the current memory context.
///
/// Errors, none of which shows any part of the filters: 22023 an unknown kind; for pages, 22P02 filters that are not
/// JSON, and those of checked_page(), checked_page_size() and FilterText::of_json().
CachedKind parse_cached_kind(const text *name);

/// Returns the kind of a page.  REQUIRES: checked_page() and checked_page_size() returned the numbers.
CachedKind cached_page(int64 page, int32 page_size, const FilterText &filters);

/// Appends the key of this student's value.  For `records` alone, appends the beginning of the keys of all pages.
/// Errors: those of key_secret().
void append_cache_key(json::Buffer &out, std::string_view student_id, const CachedKind &wanted);

/// Appends to a token the fingerprint of the secret that made the key, and the student's opaque id.  Appends nothing
/// with plain keys.  Errors: those of key_secret().
void append_key_mark(json::Buffer &out, std::string_view student_id);

}  // namespace wc
