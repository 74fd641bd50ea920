#include <string>
#include <vector>

#include "core/csv/writer.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

// Reads one record by RFC 4180.
std::vector<std::string> fields_of(std::string_view record)
{
    std::vector<std::string> fields(1);
    for (bool is_quoted = false; !record.empty(); record.remove_prefix(1)) {
        char const c = record.front();
        if (is_quoted && c == '"' && record.substr(1).starts_with('"')) {
            fields.back() += c;
            record.remove_prefix(1);
        } else if (c == '"') {
            // A quote begins and ends a field, and stands nowhere else.
            require(is_quoted ? record.size() == 1 || record[1] == ',' : fields.back().empty());
            is_quoted = !is_quoted;
        } else if (c == ',' && !is_quoted) {
            fields.emplace_back();
        } else {
            require(is_quoted || (c != '\r' && c != '\n'));
            fields.back() += c;
        }
        require(!is_quoted || record.size() > 1);
    }
    return fields;
}

void check_field(std::string_view text)
{
    OwnBuffer written;
    csv::write_after_apostrophe(written.buffer, text);
    auto const fields = fields_of(written.buffer.view());
    require(fields.size() == 1 && fields[0] == "'" + std::string(text));
    require(!csv::looks_like_formula(fields[0]));
    auto const first = text.find_first_not_of(' ');
    if (first != std::string_view::npos && std::string_view("=+-@").find(text[first]) != std::string_view::npos)
        require(csv::looks_like_formula(text));
}

}  // namespace

void check_csv(std::string_view text)
{
    // A unit separator, which no keyboard has, stands between two fields.
    constexpr char kBetween = '\x1f';
    std::vector<std::string> wanted;
    OwnBuffer record;
    for (auto rest = text; wanted.empty() || !rest.empty();) {
        auto const field = take_piece(rest, kBetween);
        check_field(field);
        if (!wanted.empty())
            record.buffer.append(',');
        csv::write_field(record.buffer, field);
        wanted.emplace_back(field);
    }
    require(record.buffer.size() <= 2 * text.size() + 3 * wanted.size());
    require(fields_of(record.buffer.view()) == wanted);
}

}  // namespace wc::fuzz
