#include "redis/student_key.hpp"

namespace wc::redis {

std::optional<StudentKey> parse_student_key(std::string_view key) noexcept
{
    constexpr std::string_view kStart = "student:", kRecords = ":records:";
    if (!key.starts_with(kStart))
        return std::nullopt;
    key.remove_prefix(kStart.size());
    // Filters are JSON with colons of their own, so records are looked for from the front; an id may hold colons too,
    // so all other kinds are looked for from the back.
    auto colon = key.find(kRecords);
    if (colon == std::string_view::npos)
        colon = key.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return std::nullopt;
    auto student = key.substr(0, colon);
    if (student.size() > 2 && student.front() == '{' && student.back() == '}')
        student = student.substr(1, student.size() - 2);
    return StudentKey{student, key.substr(colon + 1)};
}

}  // namespace wc::redis
