#include "config/datagram_address.hpp"

#include <sys/un.h>

#include "core/text/number.hpp"
#include "core/text/unbroken.hpp"

namespace wc::config {

std::optional<DatagramAddress> parse_datagram_address(std::string_view url)
{
    constexpr std::string_view kUnix = "unix://", kUdp = "udp://";
    if (url.starts_with(kUnix)) {
        url.remove_prefix(kUnix.size());
        if (!url.starts_with('/') || url.size() >= sizeof(sockaddr_un{}.sun_path) ||
            url.find('\0') != std::string_view::npos)
            return std::nullopt;
        return DatagramAddress{std::string(url)};
    }
    if (!url.starts_with(kUdp))
        return std::nullopt;
    url.remove_prefix(kUdp.size());
    DatagramAddress address{{}, std::string(url), "8125"};
    // The address of IPv6 is in brackets: it has colons itself.
    auto const bracket = url.starts_with('[') ? url.find(']') : 0;
    if (bracket == std::string_view::npos || (bracket > 0 && bracket + 1 < url.size() && url[bracket + 1] != ':'))
        return std::nullopt;
    if (auto const colon = url.find(':', bracket); colon != std::string_view::npos) {
        address.host = url.substr(0, colon);
        address.port = url.substr(colon + 1);
    }
    if (bracket > 0)
        address.host = url.substr(1, bracket - 1);
    auto const port = parse_number<int>(address.port);
    if (address.host.empty() || !is_unbroken(address.host) || address.host.find_first_of("/[]") != std::string::npos ||
        !port || *port < 1 || *port > 65535)
        return std::nullopt;
    return address;
}

}  // namespace wc::config
