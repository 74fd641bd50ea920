// Parses the address at which an agent takes datagrams.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace wc::config {

struct DatagramAddress {
    std::string path{};  ///< of a socket; empty: by UDP
    std::string host{}, port{};
};

/// Reads `udp://host[:port]`, with port 8125 by default, or `unix:///path`; nothing if it is neither.
std::optional<DatagramAddress> parse_datagram_address(std::string_view url);

}  // namespace wc::config
