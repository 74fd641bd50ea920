// Names of Redis keys.  One place, for the extension, the worker, the tests and the benchmarks.
#pragma once
#include <charconv>
#include <string>
#include <string_view>

#include "core/cache/section.hpp"

namespace wc::cache {

/// How the id stands in a key: `student:ID:…`, or `student:{ID}:…` so that all keys of a student
/// share one slot of a Redis Cluster.
enum class KeyForm : bool { Plain, HashTag };

/// "health_summary", "records", "growth_chart".
std::string_view name(Kind kind) noexcept;

/// The prefix that all keys of a student share, with the colon at its end.  `Sink` is anything with
/// `append(std::string_view)`: a std::string, or a json::Buffer where nothing may own memory.
template <class Sink>
void append_student_prefix(Sink &out, std::string_view student_id, KeyForm form = KeyForm::Plain)
{
    using namespace std::string_view_literals;
    out.append(form == KeyForm::HashTag ? "student:{"sv : "student:"sv);
    out.append(student_id);
    out.append(form == KeyForm::HashTag ? "}:"sv : ":"sv);
}

/// `student:ID:health_summary` or `student:ID:growth_chart`.  Pages of records have one key for each
/// page, page size and filter; `records_key` names them.
template <class Sink>
void append_key(Sink &out, std::string_view student_id, Kind kind, KeyForm form = KeyForm::Plain)
{
    append_student_prefix(out, student_id, form);
    out.append(name(kind));
}

std::string student_prefix(std::string_view student_id, KeyForm form = KeyForm::Plain);
std::string key(std::string_view student_id, Kind kind, KeyForm form = KeyForm::Plain);

/// `student:ID:records:PAGE:LIMIT:`, where the filters follow: what JSON.stringify makes of them.
template <class Sink>
void append_page_key(Sink &out, std::string_view student_id, int page, int limit, KeyForm form = KeyForm::Plain)
{
    append_key(out, student_id, Kind::Records, form);
    for (int const number : {page, limit}) {
        char digits[16];
        auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        out.append(std::string_view{":"});
        out.append(std::string_view{digits, static_cast<std::size_t>(end - digits)});
    }
    out.append(std::string_view{":"});
}

/// `student:ID:records:PAGE:LIMIT:FILTERS`; filters_json is what JSON.stringify made of the filters.
std::string records_key(std::string_view student_id, int page, int limit, std::string_view filters_json,
                        KeyForm form = KeyForm::Plain);

}  // namespace wc::cache
