#include <algorithm>
#include <stdexcept>
#include <string>

#include "process/printable.hpp"
#include "redis/cluster_nodes.hpp"
#include "redis/error.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

void check_slots(std::string_view text)
{
    redis::SlotSet one;
    bool const is_range = redis::add_slots(one, text);
    require(is_range ? one.any() : one.none());
    try {
        auto const slots = redis::parse_slots(text);
        auto const said = redis::describe(slots);
        require(redis::parse_slots(said) == slots && redis::describe(redis::parse_slots(said)) == said);
        require(!is_range || slots == one);
    } catch (const std::invalid_argument &) {
        require(!is_range);
    }
}

void check_node(const redis::ClusterNode &node, std::string_view text)
{
    require(!node.id.empty() && text.find(node.id) != std::string_view::npos);
    require(node.endpoint.host.size() <= 255 && text.find(node.endpoint.host) != std::string_view::npos);
    auto const port = std::stoi(node.endpoint.port);
    require(port >= 0 && port <= 65535 && std::to_string(port) == node.endpoint.port);
}

void check_nodes(std::string_view text, bool by_name)
{
    try {
        auto const nodes = redis::parse_cluster_nodes(text, by_name);
        require(std::count_if(nodes.begin(), nodes.end(), [](auto &node) { return node.is_myself; }) == 1);
        require(redis::myself(nodes).is_myself);
        for (auto const &node : nodes)
            check_node(node, text);
    } catch (const redis::ReplyError &error) {
        // A sentence of ours, and nothing of the answer.
        require(printable(error.what()) == error.what() && std::string_view(error.what()).size() < 120);
    }
}

}  // namespace

void check_cluster(std::string_view text)
{
    check_slots(text);
    check_nodes(text, false);
    check_nodes(text, true);
}

}  // namespace wc::fuzz
