#include "extension/value/jsonb_limit.hpp"

#include "core/json/reader.hpp"
#include "extension/server/prelude.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace wc {
namespace {

constexpr std::size_t kMostBytes = 100'000'000;
constexpr std::size_t kMostNesting = 500;
constexpr std::size_t kMostDigits = 1000;
constexpr std::size_t kMostOfExponent = 3;

// Takes the string that `rest` begins with, with its quotes.
std::string_view take_string(std::string_view &rest)
{
    std::size_t at = 1;
    while (at < rest.size() && rest[at] != '"')
        at += rest[at] == '\\' ? 2 : 1;
    std::string_view const string = rest.substr(0, at + 1);
    rest.remove_prefix(string.size());
    return string;
}

bool fits(std::string_view string, json::Buffer &scratch)
{
    if (string.find("\\u") == std::string_view::npos)
        return true;
    // Other encodings lack some of the characters, and looking for one raises an error.
    if (GetDatabaseEncoding() != PG_UTF8)
        return false;
    scratch.truncate(0);
    return json::read_string(string, scratch) == json::Unescaped::Done;
}

bool is_short(std::string_view number)
{
    std::size_t const exponent = number.find_first_of("eE");
    return number.size() <= kMostDigits &&
           (exponent == std::string_view::npos || number.size() - exponent - 1 <= kMostOfExponent);
}

}  // namespace

bool fits_jsonb(std::string_view json)
{
    if (json.size() > kMostBytes || json::depth_of(json) > kMostNesting)
        return false;
    json::Buffer scratch = make_buffer();
    for (std::string_view rest = json; !rest.empty();) {
        std::size_t const at = rest.find_first_of("\"-0123456789");
        if (at == std::string_view::npos)
            break;
        rest.remove_prefix(at);
        if (rest.front() == '"') {
            if (!fits(take_string(rest), scratch))
                return false;
            continue;
        }
        std::string_view const number = rest.substr(0, rest.find_first_not_of("+-.0123456789eE"));
        if (!is_short(number))
            return false;
        rest.remove_prefix(number.size());
    }
    return true;
}

}  // namespace wc
