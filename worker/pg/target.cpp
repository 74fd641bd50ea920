#include "pg/target.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace wc::pg {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

Options parsed(const std::string &conninfo)
{
    // libpq's message is not for showing: it quotes the URL with its password.
    return {PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree};
}

bool is_known(const PQconninfoOption *options, std::string_view keyword)
{
    // libpq accepts ssl=true in a URL, but does not list it.
    if (keyword == "ssl")
        return true;
    for (; options->keyword; ++options)
        if (keyword == options->keyword)
            return true;
    return false;
}

// Where the parameters of a URL begin.  A password may contain a ? that nobody encoded; libpq looks for the @ first.
std::size_t query_of(std::string_view url)
{
    auto const begin = url.find("://") + 3;
    auto const end = url.find_first_of("@/", begin);
    return url.find('?', end != std::string_view::npos && url[end] == '@' ? end : begin);
}

// Drops parameters that libpq does not know.  REQUIRES: `target.conninfo` is a URL.
void drop_unknown(Target &target)
{
    auto const url = target.conninfo;
    auto const query = query_of(url);
    if (query == std::string::npos)
        return;
    Options const known(PQconndefaults(), PQconninfoFree);
    target.conninfo = url.substr(0, query);
    std::string_view rest = std::string_view(url).substr(query + 1);
    for (char separator = '?'; !rest.empty();) {
        auto const end = std::min(rest.find('&'), rest.size());
        auto const parameter = rest.substr(0, end);
        auto const keyword = parameter.substr(0, parameter.find('='));
        if (!known || is_known(known.get(), keyword)) {
            target.conninfo += separator;
            target.conninfo += parameter;
            separator = '&';
        } else {
            target.ignored.emplace_back(keyword);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

// Only what looks like a parameter's name may be logged; anything else could be a piece of a password.
bool is_name(std::string_view text)
{
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return text.find_first_not_of(kLetters) == std::string_view::npos;
}

}  // namespace

Target parse_target(const std::string &url, const std::string &password)
{
    Target target{url, password, {}, {}};
    bool const is_text = url.find('\0') == std::string::npos;
    if (is_text && !parsed(url) && (url.starts_with("postgresql://") || url.starts_with("postgres://")))
        drop_unknown(target);
    if (!is_text || !parsed(target.conninfo) ||
        !std::all_of(target.ignored.begin(), target.ignored.end(), [](auto const &name) { return is_name(name); }))
        throw std::invalid_argument("not a URL or connection string that libpq understands");
    return target;
}

}  // namespace wc::pg
