#include "pg/target.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace wc::pg {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

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

}  // namespace

Target parse_target(const std::string &url, const std::string &password)
{
    Target target{url, password, {}, {}};
    auto const query = url.find('?');
    if ((url.starts_with("postgresql://") || url.starts_with("postgres://")) && query != std::string::npos) {
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
    char *message = nullptr;
    Options const parsed(PQconninfoParse(target.conninfo.c_str(), &message), PQconninfoFree);
    std::unique_ptr<char, decltype(&PQfreemem)> const owned(message, PQfreemem);
    // Do not show libpq's message: it quotes the URL with its password.
    if (!parsed)
        throw std::invalid_argument("not a URL or connection string that libpq understands");
    return target;
}

}  // namespace wc::pg
