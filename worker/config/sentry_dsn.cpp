#include "config/sentry_dsn.hpp"

#include <algorithm>

#include "core/text/unbroken.hpp"

namespace wc::config {

std::optional<SentryDsn> parse_sentry_dsn(std::string_view dsn)
{
    auto const scheme_end = dsn.find("://");
    auto const scheme = dsn.substr(0, std::min(scheme_end, dsn.size()));
    if (scheme != "http" && scheme != "https")
        return std::nullopt;
    auto const rest = dsn.substr(scheme_end + 3);
    auto const at = rest.find('@');
    auto const last = rest.rfind('/');
    if (at == std::string_view::npos || last == std::string_view::npos || last < at + 2)
        return std::nullopt;
    auto const key = rest.substr(0, std::min(rest.find(':'), at));
    auto const project = rest.substr(last + 1);
    auto const is_plain = [](std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        });
    };
    auto const host = rest.substr(at + 1, last - at - 1);
    if (!is_plain(key) || !is_plain(project) || host.starts_with('/') || !is_unbroken(host) ||
        host.find_first_of("?#@") != std::string_view::npos)
        return std::nullopt;
    return SentryDsn{std::string(scheme) + "://" + std::string(host) + "/api/" + std::string(project) + "/envelope/",
                     std::string(key)};
}

}  // namespace wc::config
