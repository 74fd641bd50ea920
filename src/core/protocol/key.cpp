#include "core/protocol/key.hpp"

namespace wc::cache {

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

}  // namespace wc::cache
