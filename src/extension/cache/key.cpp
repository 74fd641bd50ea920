#include "extension/cache/key.hpp"

#include <charconv>

#include "core/protocol/snapshot_token.hpp"
#include "extension/records/page.hpp"
#include "extension/server/key_secret.hpp"
#include "extension/server/settings.hpp"
#include "extension/server/text_view.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<CachedKind>);

namespace {

// The error shows nothing of the kind: its filters may name a person.
[[noreturn]] void report_unknown()
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of cached value"),
                    errhint("Kinds are health_summary, growth_chart and records:PAGE:LIMIT:FILTERS, such as "
                            "records:1:20:{}.")));
    pg_unreachable();
}

// Takes a number, spelled as JavaScript spells it, and the colon after it.
bool take_number(std::string_view &rest, int64 &number)
{
    auto const read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    auto const digits = static_cast<std::size_t>(read.ptr - rest.data());
    if (read.ec != std::errc{} || digits == rest.size() || *read.ptr != ':' || (rest[0] == '0' && digits > 1))
        return false;
    rest.remove_prefix(digits + 1);
    return true;
}

}  // namespace

CachedKind parse_cached_kind(const text *name)
{
    std::string_view const spelled = text_view(name);
    for (cache::Kind const kind : cache::kKinds) {
        if (cache::name(kind) == spelled)
            return {kind, false, 0, 0, {}};
    }
    constexpr std::string_view kPages = "records:";
    std::string_view rest = spelled;
    int64 page = 0;
    int64 page_size = 0;
    if (!rest.starts_with(kPages))
        report_unknown();
    rest.remove_prefix(kPages.size());
    if (!take_number(rest, page) || !take_number(rest, page_size))
        report_unknown();
    FilterText const filters = FilterText::of_text(rest, R"(the filters of cache kind "records" are)",
                                                   "Write records:PAGE:LIMIT:FILTERS, such as "
                                                   R"(records:1:20:{"type":"CHECKUP"}.)");
    return cached_page(checked_page(page), checked_page_size(page_size), filters);
}

CachedKind cached_page(int64 page, int32 page_size, const FilterText &filters)
{
    return {cache::Kind::Records, true, page, page_size, filters};
}

void append_cache_key(json::Buffer &out, std::string_view student_id, const CachedKind &wanted)
{
    opaque::Id const opaque = settings::opaque_keys() ? key_secret().id_of(student_id) : opaque::Id{};
    if (settings::opaque_keys())
        student_id = opaque.view();
    cache::KeyForm const form = settings::cluster_keys() ? cache::KeyForm::HashTag : cache::KeyForm::Plain;
    if (!wanted.is_page) {
        cache::append_key(out, student_id, wanted.kind, form);
        return;
    }
    cache::append_page_key(out, student_id, wanted.page, wanted.page_size, form);
    wanted.filters.write(out);
}

void append_key_mark(json::Buffer &out, std::string_view student_id)
{
    if (!settings::opaque_keys())
        return;
    const opaque::Secret &secret = key_secret();
    out.append(snapshot_token::kBeforeKey);
    out.append(secret.fingerprint().view());
    out.append(snapshot_token::kBeforeKeyName);
    out.append(secret.id_of(student_id).view());
}

}  // namespace wc
