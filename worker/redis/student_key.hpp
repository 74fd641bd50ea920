// Reading a key of a student backwards: which student, which kind.
#pragma once
#include <optional>
#include <string_view>

namespace wc::redis {

struct StudentKey {
    std::string_view student;
    std::string_view rest;  ///< what follows `student:ID:`
};

/// `student:ID:health_summary`, `student:{ID}:growth_chart`, `student:ID:records:1:20:{}`, `…:pages`, `…:fence`.
/// Nothing for other keys.
std::optional<StudentKey> parse_student_key(std::string_view key) noexcept;

}  // namespace wc::redis
