#include "core/protocol/snapshot_cover.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/protocol/snapshot_token.hpp"
#include "core/text/number.hpp"

namespace wc::snapshot_token {
namespace {

struct Parsed {
    std::uint64_t xmax = 0;
    std::vector<std::uint64_t> in_progress;
    std::string_view server;
};

// Cuts off what stands before `mark`, and the mark.
std::string_view take_until(std::string_view &text, char mark)
{
    auto const end = std::min(text.find(mark), text.size());
    auto const taken = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return taken;
}

std::optional<Parsed> parse(std::string_view token)
{
    // Of which key the value is says nothing about what it has seen.
    token = take_until(token, kBeforeKey);
    if (!may_be_token(token))
        return std::nullopt;
    auto ids = take_until(token, kBeforeStart);
    auto const started = take_until(token, kBeforeServer);
    auto const xmin = parse_number<std::uint64_t>(take_until(ids, kAfterBound));
    auto const xmax = parse_number<std::uint64_t>(take_until(ids, kAfterBound));
    if (!xmin || !xmax || *xmax < *xmin || !parse_number<std::uint64_t>(started))
        return std::nullopt;
    Parsed parsed{*xmax, {}, token};
    while (!ids.empty()) {
        auto const id = parse_number<std::uint64_t>(take_until(ids, kBetweenIds));
        if (!id)
            return std::nullopt;
        parsed.in_progress.push_back(*id);
    }
    return parsed;
}

}  // namespace

bool covers(std::string_view token, std::string_view other)
{
    auto const mine = parse(token), theirs = parse(other);
    if (!mine || !theirs || mine->server != theirs->server || mine->xmax < theirs->xmax)
        return false;
    auto const &open = theirs->in_progress;
    return std::all_of(mine->in_progress.begin(), mine->in_progress.end(), [&](std::uint64_t id) {
        return id >= theirs->xmax || std::find(open.begin(), open.end(), id) != open.end();
    });
}

}  // namespace wc::snapshot_token
