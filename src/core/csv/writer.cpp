#include "core/csv/writer.hpp"

namespace wc::csv {
namespace {

using namespace std::string_view_literals;

bool needs_quotes(std::string_view text)
{
    return text.empty() || text.front() == ' ' || text.back() == ' ' ||
           text.find_first_of(",\"\r\n"sv) != std::string_view::npos;
}

void write_quoted(json::Buffer &out, std::string_view text)
{
    for (std::size_t from = 0;;) {
        std::size_t const quote = text.find('"', from);
        out.append(text.substr(from, quote - from));
        if (quote == std::string_view::npos)
            break;
        out.append("\"\""sv);
        from = quote + 1;
    }
}

// Returns the first character of a UTF-8 text, or 0 if the text ends within it.  REQUIRES: `text` is not empty.
char32_t first_character(std::string_view text)
{
    auto const byte = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(text[i]); };
    std::size_t const more = byte(0) < 0xC0 ? 0 : byte(0) < 0xE0 ? 1 : byte(0) < 0xF0 ? 2 : 3;
    if (text.size() <= more)
        return 0;
    char32_t character = more == 0 ? byte(0) : byte(0) & (0x3FU >> more);
    for (std::size_t i = 1; i <= more; ++i)
        character = character << 6 | (byte(i) & 0x3F);
    return character;
}

struct Range {
    char32_t first;
    char32_t last;
};

// The characters beyond ASCII that looks_like_formula() looks for: = + - @ in other widths, and characters that a
// program may drop, such as controls, blanks and invisible marks.
constexpr Range kStartsOfFormulas[] = {
    {0xFF1D, 0xFF1D}, {0xFF0B, 0xFF0B},   {0xFF0D, 0xFF0D}, {0xFF20, 0xFF20},  // full-width
    {0xFE66, 0xFE66}, {0xFE62, 0xFE63},   {0xFE6B, 0xFE6B},                    // small
    {0x2212, 0x2212},                                                          // minus
    {0x80, 0xA0},                                                              // controls, no-break space
    {0x1680, 0x1680}, {0x2000, 0x200A},   {0x2028, 0x2029}, {0x202F, 0x202F},  // spaces and line separators
    {0x205F, 0x205F}, {0x3000, 0x3000},                                        // mathematical, ideographic space
    {0xAD, 0xAD},     {0x34F, 0x34F},     {0x61C, 0x61C},   {0x180B, 0x180F},  // soft hyphen, joiners, selectors
    {0x200B, 0x200F}, {0x202A, 0x202E},   {0x2060, 0x206F}, {0xFEFF, 0xFEFF},  // zero width, text direction
    {0x115F, 0x1160}, {0x3164, 0x3164},   {0xFFA0, 0xFFA0},                    // Hangul fillers
    {0xFE00, 0xFE0F}, {0xE0000, 0xE01EF},                                      // variation selectors and tags
};

}  // namespace

void write_field(json::Buffer &out, std::string_view text)
{
    if (!needs_quotes(text)) {
        out.append(text);
        return;
    }
    out.append('"');
    write_quoted(out, text);
    out.append('"');
}

bool looks_like_formula(std::string_view text)
{
    std::size_t const spaces = text.find_first_not_of(' ');
    if (spaces == std::string_view::npos)
        return false;
    text.remove_prefix(spaces);
    char32_t const first = first_character(text);
    if (first < 0x80)
        return first < ' ' || first == 0x7F || first == '=' || first == '+' || first == '-' || first == '@';
    for (const Range &range : kStartsOfFormulas) {
        if (range.first <= first && first <= range.last)
            return true;
    }
    return false;
}

void write_after_apostrophe(json::Buffer &out, std::string_view text)
{
    out.append("\"'"sv);
    write_quoted(out, text);
    out.append('"');
}

}  // namespace wc::csv
