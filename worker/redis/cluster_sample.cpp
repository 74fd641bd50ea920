#include "redis/cluster_sample.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "redis/error.hpp"

namespace wc::redis {

Sample &ClusterSample::shard_at(const Endpoint &endpoint)
{
    auto &shard = shards_[describe(endpoint)];
    if (!shard)
        shard = std::make_unique<Sample>(Sample::OfShard{}, node_of(target_, endpoint), keys_, scan_count_);
    return *shard;
}

Sample *ClusterSample::shard_of(std::string_view key)
{
    auto const slot = cache::slot_of(key);
    for (auto const &master : watch_.masters())
        if (master.slots[slot])
            return &shard_at(master.endpoint);
    return nullptr;
}

// A cursor is that of a shard behind the shard's id.  Shards take turns in the order of their ids, so that one that
// comes or goes meanwhile shifts no other.
app::SampleStep ClusterSample::scan(const std::string &cursor)
{
    auto masters = watch_.wait_for_masters();
    std::sort(masters.begin(), masters.end(), [](auto const &one, auto const &other) { return one.id < other.id; });
    auto const blank = cursor.find(' ');
    auto const id = blank == std::string::npos ? std::string() : cursor.substr(0, blank);
    auto const at = std::find_if(masters.begin(), masters.end(), [&](auto const &master) { return master.id >= id; });
    if (at == masters.end())
        return {};
    bool const goes_on = at->id == id;
    auto step = shard_at(at->endpoint).scan(goes_on ? cursor.substr(blank + 1) : "0");
    if (step.cursor != "0")
        step.cursor = at->id + ' ' + step.cursor;
    else if (at + 1 != masters.end())
        step.cursor = (at + 1)->id + " 0";
    return step;
}

std::vector<app::CachedName> ClusterSample::cached(std::span<const std::string> students)
{
    std::map<Sample *, std::vector<app::CachedName>> shares;
    for (auto &name : names_of(students, keys_.count()))
        if (auto *const shard = shard_of(keys_.prefix(name.student, name.secret)))
            shares[shard].push_back(std::move(name));
    std::vector<app::CachedName> found;
    for (auto &[shard, share] : shares) {
        auto part = shard->cached(std::move(share));
        std::move(part.begin(), part.end(), std::back_inserter(found));
    }
    return found;
}

std::optional<app::CachedValue> ClusterSample::read(const app::CachedName &name)
{
    auto *const shard = shard_of(keys_.prefix(name.student, name.secret));
    auto found = shard ? shard->read(name) : std::nullopt;
    if (found)
        fence_life_ms_ = shard->fence_life_ms();
    return found;
}

void ClusterSample::remove(const std::string &student, app::Xid xid)
{
    // With several secrets a student's keys are in several slots.
    for (auto &prefix : keys_.prefixes(student)) {
        auto *const shard = shard_of(prefix);
        if (!shard)
            throw IoError("no shard serves the slot of a value that was to be removed");
        shard->remove({std::move(prefix)}, xid, fence_life_ms_);
    }
}

}  // namespace wc::redis
