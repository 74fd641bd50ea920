// What the stream of events says of a change.
#pragma once
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/change.hpp"

namespace wc::app {

/// One transaction's change of one student.  It has no names and nothing of a record.
struct Event {
    std::string student;  ///< kEverybody: any student may have changed
    cache::Sections sections = 0;
    Xid xid = 0;
    /// Just before the commit, by the database's clock, since 1970 in UTC.
    std::chrono::microseconds time{};
};

inline constexpr std::string_view kEverybody = "*";

/// Returns whether a row of the queue has an event: not if it only asks for a prewarm.
constexpr bool is_told(cache::Sections sections) noexcept { return (sections & cache::kAllSections) != 0; }

/// Returns the events of rows for every student.
std::vector<Event> events_of(std::span<const Everything> rows);

/// Returns the names of these sections, as `student,health_records`.
std::string section_names(cache::Sections sections);

/// The values of an entry of the stream, in the order of its fields: student, sections, xid, time.
std::array<std::string, 4> entry_of(const Event &event);

}  // namespace wc::app
