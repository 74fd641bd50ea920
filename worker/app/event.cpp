#include "app/event.hpp"

#include <cstdio>

namespace wc::app {
namespace {

struct Named {
    cache::Section section;
    std::string_view name;
};

constexpr Named kNames[] = {{cache::kStudent, "student"},
                            {cache::kHealthRecords, "health_records"},
                            {cache::kAllergies, "allergies"},
                            {cache::kChronicConditions, "chronic_conditions"},
                            {cache::kGrowth, "growth"}};

// As 2025-10-10T09:30:00.000000Z.
std::string utc(std::chrono::microseconds since_1970)
{
    using namespace std::chrono;
    sys_time<microseconds> const time(since_1970);
    auto const day = floor<days>(time);
    year_month_day const date(day);
    hh_mm_ss<microseconds> const clock(time - day);
    char text[64];
    auto const length =
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return {text, static_cast<std::size_t>(length)};
}

}  // namespace

std::vector<Event> events_of(std::span<const Everything> rows)
{
    std::vector<Event> events;
    for (auto const &row : rows)
        events.push_back({std::string(kEverybody), cache::kAllSections, row.xid, row.time});
    return events;
}

std::string section_names(cache::Sections sections)
{
    std::string names;
    for (auto const &[section, name] : kNames)
        if (sections & section)
            names.append(names.empty() ? "" : ",").append(name);
    return names;
}

std::array<std::string, 4> entry_of(const Event &event)
{
    return {event.student, section_names(event.sections), std::to_string(event.xid), utc(event.time)};
}

}  // namespace wc::app
