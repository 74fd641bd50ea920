// The names of Redis keys.  Extension, worker, tests and benchmarks take them from here.
#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/protocol/section.hpp"

namespace wc::cache {

/// How a key contains the id: as `student:ID:…`, or as `student:{ID}:…`, so that all keys of a student are in one slot
/// of a Redis Cluster.
enum class KeyForm : bool { Plain, HashTag };

/// All keys of students begin with this.
inline constexpr std::string_view kKeyStart = "student:";

/// The last parts of keys that hold no value: the set of the student's pages, and the fence.
inline constexpr std::string_view kPages = "pages";
inline constexpr std::string_view kFence = "fence";

constexpr std::string_view name(Kind kind) noexcept
{
    switch (kind) {
        case Kind::HealthSummary: return "health_summary";
        case Kind::Records: return "records";
        case Kind::GrowthChart: return "growth_chart";
    }
    return "";
}

/// Appends the prefix that all keys of a student share, which ends with a colon.  `Sink` has
/// `append(std::string_view)`: a std::string, or a json::Buffer in code that must not own memory.
template <class Sink>
void append_student_prefix(Sink &out, std::string_view student_id, KeyForm form = KeyForm::Plain)
{
    using namespace std::string_view_literals;
    out.append(kKeyStart);
    if (form == KeyForm::HashTag)
        out.append("{"sv);
    out.append(student_id);
    out.append(form == KeyForm::HashTag ? "}:"sv : ":"sv);
}

/// Appends the key `student:ID:health_summary` or `student:ID:growth_chart`.  Pages of records have one key for each
/// page, page size and filter; append_page_key() begins them.
template <class Sink>
void append_key(Sink &out, std::string_view student_id, Kind kind, KeyForm form = KeyForm::Plain)
{
    append_student_prefix(out, student_id, form);
    out.append(name(kind));
}

std::string student_prefix(std::string_view student_id, KeyForm form = KeyForm::Plain);
std::string key(std::string_view student_id, Kind kind, KeyForm form = KeyForm::Plain);

/// Appends `student:ID:records:PAGE:LIMIT:`.  The caller appends the filters, as JSON.stringify writes them.
template <class Sink>
void append_page_key(Sink &out, std::string_view student_id, std::int64_t page, std::int64_t limit,
                     KeyForm form = KeyForm::Plain)
{
    append_key(out, student_id, Kind::Records, form);
    for (std::int64_t const number : {page, limit}) {
        char digits[20];
        auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        out.append(std::string_view{":"});
        out.append(std::string_view{digits, static_cast<std::size_t>(end - digits)});
    }
    out.append(std::string_view{":"});
}

}  // namespace wc::cache
