#include "redis/shard.hpp"

#include "redis/error.hpp"

namespace wc::redis {
namespace {

// Among the numbers below this one there is one for each slot.
constexpr int kMostTags = 200'000;

// Trying so many numbers suffices to find one whose slot is among the shard's last ones.
constexpr int kEnoughTags = 4096;

}  // namespace

std::string tag_in(const SlotSet &slots)
{
    std::string best;
    std::size_t last = 0;
    for (int number = 0; number < kMostTags && (best.empty() || number < kEnoughTags); ++number) {
        auto const digits = std::to_string(number);
        auto const slot = cache::slot_of(digits);
        if (!slots[slot] || (!best.empty() && slot < last))
            continue;
        best = ":{" + digits + "}";
        last = slot;
    }
    return best;
}

Shard::Shard(const Target &master, const config::Live &live, const KeyNames &keys, const SlotSet &slots)
    : Cache(master, live, keys.of_given_names(), nullptr, tag_in(slots)), by_name_(master.address.tls)
{
    look();
}

void Shard::look()
{
    append_look();
    connection_.flush();
    info_ = read_look();
}

void Shard::append_look()
{
    ServerInfo::append(connection_);
    connection_.append({"CLUSTER", "NODES"});
}

ServerInfo Shard::read_look()
{
    auto info = ServerInfo::read(connection_);
    auto const nodes = connection_.read();
    claim_ = myself(parse_cluster_nodes(nodes.text(), by_name_));
    if (!info.is_master || !claim_.is_master)
        throw IoError("it is a replica now");
    return info;
}

void Shard::append_cover(const std::string &number, const SlotSet &slots)
{
    connection_.append({"FCALL", "wc_cover", "1", names_.alive, number, epoch_of_, describe(slots)});
}

void Shard::read_cover()
{
    if (connection_.read().integer() != 1)
        throw IoError("its epoch is of other servers, or another worker has covered its slots");
}

void Shard::cover(const std::string &number, const SlotSet &slots)
{
    append_cover(number, slots);
    connection_.flush();
    read_cover();
}

void Shard::renew(Time end, const std::string &seen, std::span<const std::string> except, const std::string &number,
                  const SlotSet &slots)
{
    if (!lead_)
        return;
    append_cover(number, slots);
    append_renewal(end, seen, except);
    append_look();
    connection_.flush();
    read_cover();
    connection_.read();
    // If the server became a replica and a master again, between two looks at the epoch, it may have other data.
    if (read_look().process() == process())
        return;
    connection_.run({"UNLINK", names_.alive});
    throw IoError("it was made a replica or a master meanwhile");
}

bool Shard::try_advance(const std::string &snapshot, Time end, std::chrono::milliseconds life)
{
    if (!lead_)
        return false;
    advance(snapshot, end, life);
    return horizon_ && horizon_->snapshot == snapshot;
}

app::SweepStep Shard::sweep(const std::string &cursor, const SlotSet &slots)
{
    return sweep(cursor, {}, [&](std::string_view key) { return slots[cache::slot_of(key)]; });
}

}  // namespace wc::redis
