#include "extension/cached_kind.hpp"

#include <charconv>

#include "extension/boundary.hpp"
#include "extension/record_page.hpp"
#include "extension/settings.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<CachedKind>);

namespace {

constexpr cache::Kind kKinds[] = {cache::Kind::HealthSummary, cache::Kind::Records, cache::Kind::GrowthChart};

// Filters may name a person: nothing behind a colon is shown.
[[noreturn]] void report_unknown(std::string_view spelled)
{
    std::string_view const name = spelled.substr(0, spelled.find(':'));
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unknown kind of cached value \"%s%s\"", pnstrdup(name.data(), name.size()),
                           name.size() == spelled.size() ? "" : ":..."),
                    errhint("Known are health_summary, growth_chart and records:PAGE:LIMIT:FILTERS, such as "
                            "records:1:20:{}.")));
    pg_unreachable();
}

// A number as JavaScript writes it, and the colon after it.
bool take_number(std::string_view &rest, int32 &number)
{
    auto const read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    auto const digits = static_cast<std::size_t>(read.ptr - rest.data());
    if (read.ec != std::errc{} || digits == rest.size() || *read.ptr != ':' || (rest[0] == '0' && digits > 1))
        return false;
    rest.remove_prefix(digits + 1);
    return true;
}

// PostgreSQL's own error would show the text.
void check_json(std::string_view filters)
{
    const char *const text = pnstrdup(filters.data(), filters.size());
    translated([=] { DirectFunctionCall1(json_in, CStringGetDatum(text)); },
               [](const ErrorData &error) {
                   if (ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_DATA_EXCEPTION)
                       ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                       errmsg("the filters of a kind of cached value are no JSON"),
                                       errhint("A kind is spelled records:PAGE:LIMIT:FILTERS, such as "
                                               "records:1:20:{\"type\":\"CHECKUP\"}.")));
               });
}

}  // namespace

CachedKind parse_cached_kind(const text *name)
{
    std::string_view const spelled{VARDATA_ANY(name), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(name))};
    for (cache::Kind const kind : kKinds) {
        if (cache::name(kind) == spelled)
            return {kind, false, 0, 0, {}};
    }
    constexpr std::string_view kPages = "records:";
    std::string_view rest = spelled;
    int32 page = 0;
    int32 page_size = 0;
    if (!rest.starts_with(kPages))
        report_unknown(spelled);
    rest.remove_prefix(kPages.size());
    if (!take_number(rest, page) || !take_number(rest, page_size))
        report_unknown(spelled);
    check_json(rest);
    return cached_page(page, page_size, rest);
}

CachedKind cached_page(int32 page, int32 page_size, std::string_view filters)
{
    check_page(page);
    check_page_size(page_size);
    return {cache::Kind::Records, true, page, page_size, FilterText::of_json(filters)};
}

void append_cache_key(json::Buffer &out, std::string_view student_id, const CachedKind &wanted)
{
    cache::KeyForm const form = settings::cluster_keys() ? cache::KeyForm::HashTag : cache::KeyForm::Plain;
    if (!wanted.is_page) {
        cache::append_key(out, student_id, wanted.kind, form);
        return;
    }
    cache::append_page_key(out, student_id, wanted.page, wanted.page_size, form);
    wanted.filters.write(out);
}

}  // namespace wc
