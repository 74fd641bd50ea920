#include "core/cache/key.hpp"

namespace wc::cache {

std::string_view name(Kind kind) noexcept
{
    switch (kind) {
        case Kind::HealthSummary: return "health_summary";
        case Kind::Records: return "records";
        case Kind::GrowthChart: return "growth_chart";
    }
    return "";
}

std::string student_prefix(std::string_view student_id, KeyForm form)
{
    std::string text;
    append_student_prefix(text, student_id, form);
    return text;
}

std::string key(std::string_view student_id, Kind kind, KeyForm form)
{
    std::string text;
    append_key(text, student_id, kind, form);
    return text;
}

std::string records_key(std::string_view student_id, int page, int limit, std::string_view filters_json, KeyForm form)
{
    std::string text;
    append_page_key(text, student_id, page, limit, form);
    text += filters_json;
    return text;
}

}  // namespace wc::cache
