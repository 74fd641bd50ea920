// Parses a student's key into the student's id and the rest, which names the kind.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

namespace wc::redis {

struct StudentKey {
    std::string_view student;
    std::string_view rest;  ///< what follows `student:ID:`, as `health_summary`; of a page `records:PAGE:LIMIT:FILTERS`
};

/// Parses `student:ID:health_summary`, `student:{ID}:growth_chart`, `student:ID:records:1:20:{}`, `…:pages`, `…:fence`.
/// Returns nothing for other keys.  If `:records:` occurs more than once in a page's key, takes the shortest id of
/// those that are possible.
std::optional<StudentKey> parse_student_key(std::string_view key) noexcept;

/// Returns every student whose page this key may be: several only if `:records:` occurs more than once in the key.
std::vector<std::string_view> page_owners(std::string_view key);

/// Returns the name in what a student's keys begin with, `student:NAME:` or `student:{NAME}:`.
std::string_view name_in_prefix(std::string_view prefix) noexcept;

}  // namespace wc::redis
