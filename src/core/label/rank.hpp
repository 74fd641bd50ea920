// Labels that have an order or a meaning: severities, statuses, the type of a vaccination.
//
// Applications store them as enums, text or varchar, in upper or lower case, and alphabetical order is not the order of
// severity.  So these functions know labels by name.  They ignore case and spaces around the label, and take a space or
// a hyphen for an underscore: "Life-threatening" is LIFE_THREATENING.
#pragma once
#include <algorithm>
#include <array>
#include <string_view>

namespace wc::label {

/// Known severities, the most severe first.
inline constexpr std::array<std::string_view, 4> kSeverities{"LIFE_THREATENING", "SEVERE", "MODERATE", "MILD"};

/// Known statuses of chronic conditions, the most urgent first.
inline constexpr std::array<std::string_view, 9> kStatuses{
    "ACTIVE", "RECURRENCE", "RELAPSE", "MANAGED", "MONITORING", "REMISSION", "IN_REMISSION", "INACTIVE", "RESOLVED"};

/// The type of records that counts as a vaccination.
inline constexpr std::string_view kVaccination = "VACCINATION";

/// Returns a character of a label as the known names spell it: in upper case, with an underscore for a space or hyphen.
constexpr char folded(char c) noexcept
{
    if (c >= 'a' && c <= 'z')
        return static_cast<char>(c - 'a' + 'A');
    return c == ' ' || c == '-' ? '_' : c;
}

/// Returns whether `label`, as an application spells it, is the known `name`.
constexpr bool is(std::string_view label, std::string_view name) noexcept
{
    while (!label.empty() && label.front() == ' ')
        label.remove_prefix(1);
    while (!label.empty() && label.back() == ' ')
        label.remove_suffix(1);
    return std::equal(label.begin(), label.end(), name.begin(), name.end(),
                      [](char a, char b) { return folded(a) == b; });
}

/// Returns the index of a label among known names, or their number if it is none of them.
template <std::size_t N>
constexpr int rank(std::string_view label, const std::array<std::string_view, N> &known) noexcept
{
    int place = 0;
    while (place < static_cast<int>(N) && !is(label, known[static_cast<std::size_t>(place)]))
        ++place;
    return place;
}

}  // namespace wc::label
