#include "core/json/reader.hpp"
#include "core/json/writer.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

void check_string(std::string_view string)
{
    OwnBuffer said;
    // A NUL that is not escaped is in no text of PostgreSQL, and would be written as what is refused.
    if (json::read_string(string, said.buffer) != json::Unescaped::Done ||
        said.buffer.view().find('\0') != std::string_view::npos)
        return;
    OwnBuffer written;
    json::write_string(written.buffer, said.buffer.view());
    OwnBuffer again;
    require(json::read_string(written.buffer.view(), again.buffer) == json::Unescaped::Done);
    require(again.buffer.view() == said.buffer.view());
}

// Every piece is smaller than what it is of, so that this ends.
void check_value(std::string_view value, int depth)
{
    json::kind_of(value);
    check_string(value);
    if (depth == 0)
        return;
    std::string_view name;
    std::string_view piece;
    for (json::Elements all(value); all.next(piece);) {
        require_within(value, piece);
        check_value(piece, depth - 1);
    }
    for (json::Members all(value); all.next(name, piece);) {
        require_within(value, name);
        require_within(value, piece);
        check_string(name);
        check_value(piece, depth - 1);
    }
}

}  // namespace

void check_json(std::string_view text)
{
    require_within(text, json::trimmed(text));
    require(json::depth_of(text) <= text.size());
    check_value(json::trimmed(text), 3);
}

}  // namespace wc::fuzz
