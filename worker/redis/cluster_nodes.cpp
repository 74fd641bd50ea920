#include "redis/cluster_nodes.hpp"

#include <algorithm>
#include <utility>

#include "core/text/number.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

// Redis advises against more than a thousand.
constexpr std::size_t kMostNodes = 4000;
constexpr std::size_t kLongestId = 64, kLongestHost = 255;

[[noreturn]] void refuse(const char *why)
{
    throw ReplyError(std::string("an answer to CLUSTER NODES cannot be read: ") + why);
}

/// Cuts the part before `separator` off the front.
std::string_view cut(std::string_view &text, char separator)
{
    auto const end = std::min(text.find(separator), text.size());
    auto const part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

bool has_flag(std::string_view flags, std::string_view wanted)
{
    while (!flags.empty())
        if (cut(flags, ',') == wanted)
            return true;
    return false;
}

/// Parses `IP:PORT@BUSPORT[,HOSTNAME[,…]]`; an IPv6 address has no brackets.
Endpoint endpoint_of(std::string_view text, bool by_name)
{
    auto address = cut(text, ',');
    auto const name = cut(text, ',');
    address = address.substr(0, address.find('@'));
    auto const colon = address.rfind(':');
    auto const port =
        colon == std::string_view::npos ? std::nullopt : parse_number<unsigned>(address.substr(colon + 1));
    if (!port || *port > 65535)
        refuse("a node has no port");
    // A later version may write fields as NAME=VALUE there.
    bool const has_name = by_name && !name.empty() && name.find('=') == std::string_view::npos;
    Endpoint endpoint{std::string(has_name ? name : address.substr(0, colon)), std::to_string(*port)};
    if (endpoint.host.size() > kLongestHost)
        refuse("a host is too long");
    return endpoint;
}

/// Parses what follows the state of the link: `SLOT`, `FIRST-LAST`, `[SLOT->-NODE]` or `[SLOT-<-NODE]`.
void add_claim(ClusterNode &node, std::string_view claim)
{
    if (!claim.starts_with('[')) {
        if (!add_slots(node.slots, claim))
            refuse("a slot is not a number below 16384");
        return;
    }
    auto const slot = claim.substr(1, claim.find('-') - 1);
    if (!add_slots(node.open, slot))
        refuse("a slot on its way is not a number below 16384");
}

/// Parses `ID ADDRESS FLAGS MASTER PING PONG EPOCH LINK [CLAIM]...`.
ClusterNode node_of(std::string_view line, bool by_name)
{
    ClusterNode node;
    node.id = cut(line, ' ');
    if (node.id.empty() || node.id.size() > kLongestId)
        refuse("a node has no id");
    node.endpoint = endpoint_of(cut(line, ' '), by_name);
    auto const flags = cut(line, ' ');
    node.is_myself = has_flag(flags, "myself");
    node.is_master = has_flag(flags, "master");
    node.is_usable = !has_flag(flags, "fail") && !has_flag(flags, "noaddr") && !has_flag(flags, "handshake");
    for (int skipped = 0; skipped < 3; ++skipped)
        cut(line, ' ');
    auto const epoch = parse_number<long long>(cut(line, ' '));
    if (!epoch || cut(line, ' ').empty())
        refuse("a line ends too early");
    node.epoch = *epoch;
    while (!line.empty())
        if (auto const claim = cut(line, ' '); !claim.empty())
            add_claim(node, claim);
    return node;
}

}  // namespace

std::vector<ClusterNode> parse_cluster_nodes(std::string_view text, bool by_name)
{
    std::vector<ClusterNode> nodes;
    while (!text.empty()) {
        auto line = cut(text, '\n');
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.empty())
            continue;
        if (nodes.size() == kMostNodes)
            refuse("there are too many nodes");
        nodes.push_back(node_of(line, by_name));
    }
    if (std::count_if(nodes.begin(), nodes.end(), [](auto &node) { return node.is_myself; }) != 1)
        refuse("the node that answers is not in it once");
    return nodes;
}

const ClusterNode &myself(const std::vector<ClusterNode> &nodes)
{
    return *std::find_if(nodes.begin(), nodes.end(), [](auto &node) { return node.is_myself; });
}

}  // namespace wc::redis
