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
    return !text.empty() && "=+-@\t\r"sv.find(text.front()) != std::string_view::npos;
}

void write_harmless_field(json::Buffer &out, std::string_view text)
{
    if (!looks_like_formula(text)) {
        write_field(out, text);
        return;
    }
    out.append("\"'"sv);
    write_quoted(out, text);
    out.append('"');
}

}  // namespace wc::csv
