#include "redis/cluster_store.hpp"

#include <optional>

#include "process/log.hpp"
#include "redis/error.hpp"

namespace wc::redis {

void ClusterStore::each_shard(std::span<const std::string> keys,
                              const std::function<void(redis::Store &, const std::vector<std::size_t> &)> &act)
{
    auto const masters = watch_.masters();
    std::optional<Error> failure;
    bool has_answered = false;
    for (auto const &master : masters) {
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (master.slots[cache::slot_of(keys[i])])
                places.push_back(i);
        if (places.empty())
            continue;
        auto &store = stores_[describe(master.endpoint)];
        try {
            if (!store)
                store = std::make_unique<redis::Store>(node_of(target_, master.endpoint), keys_);
            act(*store, places);
            has_answered = true;
        } catch (const Error &error) {
            store.reset();
            failure = error;
        }
    }
    if (failure && !has_answered)
        throw *failure;
    if (failure)
        log::debug("{}", failure->what());
}

std::vector<bool> ClusterStore::fill(std::span<const app::Entry> entries)
{
    std::vector<bool> stored(entries.size());
    std::vector<std::string> keys;
    for (auto const &entry : entries)
        keys.push_back(entry.key);
    each_shard(keys, [&](redis::Store &store, const std::vector<std::size_t> &places) {
        std::vector<app::Entry> own;
        for (auto const at : places)
            own.push_back(entries[at]);
        auto const part = store.fill(own);
        for (std::size_t i = 0; i < places.size(); ++i)
            stored[places[i]] = part[i];
    });
    return stored;
}

std::vector<std::string> ClusterStore::missing(std::span<const std::string> students)
{
    std::vector<std::string> absent, keys;
    for (auto const &student : students)
        keys.push_back(keys_.prefix(student));
    each_shard(keys, [&](redis::Store &store, const std::vector<std::size_t> &places) {
        std::vector<std::string> own;
        for (auto const at : places)
            own.push_back(students[at]);
        auto const part = store.missing(own);
        absent.insert(absent.end(), part.begin(), part.end());
    });
    return absent;
}

}  // namespace wc::redis
