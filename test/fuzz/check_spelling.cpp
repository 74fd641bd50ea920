#include <algorithm>
#include <cmath>
#include <string>

#include "core/id/spelling.hpp"
#include "core/json/writer.hpp"
#include "core/label/rank.hpp"
#include "core/time/iso_time.hpp"
#include "core/vitals/unit.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

void check_uuid(std::string_view text)
{
    id::Uuid uuid{};
    if (!id::parse_uuid(text, uuid))
        return;
    std::string digits;
    for (unsigned char const byte : uuid)
        for (int const half : {byte >> 4, byte & 15})
            digits += "0123456789abcdef"[half];
    std::string given;
    for (char const c : text)
        if (c != '{' && c != '}' && c != '-')
            given += static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    require(given == digits);
    require(id::parse_uuid("{" + digits + "}", uuid));
}

void check_integer(std::string_view text)
{
    std::int64_t number = 0;
    auto const read = id::parse_integer(text, number);
    constexpr std::string_view kSpaces = " \t\n\v\f\r";
    auto const begin = std::min(text.find_first_not_of(kSpaces), text.size());
    std::string bare(text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin));
    bool const is_negative = bare.starts_with('-');
    if (is_negative || bare.starts_with('+'))
        bare.erase(0, 1);
    bool const is_number = !bare.empty() && bare.find_first_not_of("0123456789") == std::string::npos;
    require(is_number == (read != id::Read::Malformed));
    if (!is_number)
        return;
    bare.erase(0, std::min(bare.find_first_not_of('0'), bare.size() - 1));
    std::string const largest = is_negative ? "9223372036854775808" : "9223372036854775807";
    bool const fits = bare.size() < largest.size() || (bare.size() == largest.size() && bare <= largest);
    require(fits == (read == id::Read::Done));
    require(!fits || std::to_string(number) == (is_negative && bare != "0" ? "-" + bare : bare));
}

void check_time(std::string_view text)
{
    constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;
    std::int64_t day = 0;
    std::int64_t of_day = 0;
    std::int64_t time = 0;
    bool const is_time = time::parse_iso_time(text, time);
    if (!time::parse_iso_time(text, day, of_day)) {
        require(!is_time);
        return;
    }
    require(of_day >= 0 && of_day < kDay && (!time::is_iso_day(text) || of_day == 0));
    if (!is_time)
        return;
    require(time == day * kDay + of_day);
    OwnBuffer written;
    json::write_exact_timestamp(written.buffer, time);
    std::int64_t again = 0;
    auto const quoted = written.buffer.view();
    require(time::parse_iso_time(quoted.substr(1, quoted.size() - 2), again) && again == time);
}

void check_label(std::string_view text)
{
    std::string folded;
    for (char const c : text)
        folded += label::folded(c);
    int const rank = label::rank(text, label::kStatuses);
    require(rank >= 0 && rank <= static_cast<int>(label::kStatuses.size()));
    require(label::rank("  " + std::string(text) + " ", label::kStatuses) == rank);
    if (rank < static_cast<int>(label::kStatuses.size()))
        require(folded.find(label::kStatuses[static_cast<std::size_t>(rank)]) != std::string::npos);
}

void check_unit(std::string_view text)
{
    using vitals::Quantity;
    for (auto const quantity : {Quantity::Height, Quantity::Weight, Quantity::Temperature, Quantity::Rate}) {
        for (std::string_view const beside : {"", "cm", "lb", "F"}) {
            double const value = vitals::parse_with_unit(quantity, text, beside);
            double const padded = vitals::parse_with_unit(quantity, " " + std::string(text) + "\t", beside);
            require(std::isnan(value) ? std::isnan(padded) : value == padded);
            require(std::isnan(value) || quantity == Quantity::Temperature || value >= 0);
        }
        double const converted = vitals::in_own_unit(quantity, 1, text);
        require(std::isnan(converted) || std::isfinite(converted));
    }
}

}  // namespace

void check_spelling(std::string_view text)
{
    check_uuid(text);
    check_integer(text);
    check_time(text);
    check_label(text);
    check_unit(text);
}

}  // namespace wc::fuzz
