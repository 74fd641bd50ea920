// What a caller wants cached, as it names it: health_summary, growth_chart, records:PAGE:LIMIT:FILTERS.
#pragma once
#include "core/cache/key.hpp"
#include "extension/record_filters.hpp"

namespace wc {

struct CachedKind {
    cache::Kind kind;
    bool is_page;  // of records; false for records alone, which stands for all pages
    int32 page;
    int32 page_size;
    FilterText filters;
};

/// FILTERS is JSON; what stands there is kept in the order of its members, as JSON.stringify would.  What it returns
/// lives in the current memory context.
///
/// Errors, which show nothing of the filters: 22023 an unknown kind; for pages, 22P02 filters that are no JSON, and
/// those of their numbers and filters (record_page.hpp, record_filters.hpp).
CachedKind parse_cached_kind(const text *name);

/// A page by its numbers and filters, which are JSON.
CachedKind cached_page(int32 page, int32 page_size, std::string_view filters);

/// The key of this student's value.  Of records alone: what the keys of all pages begin with.
void append_cache_key(json::Buffer &out, std::string_view student_id, const CachedKind &wanted);

}  // namespace wc
