#include "core/warm/partition.hpp"

#include <cstring>

namespace wc::warm {
namespace {

// How many used entries one put() moves to make room.  After that it drops even used entries, because all other
// sessions that need the partition wait for it.
constexpr int kSecondChances = 8;

std::uint32_t size_of(std::size_t id_length, std::size_t text_length) noexcept
{
    std::size_t const bytes = sizeof(Entry) + Entry::text_offset(static_cast<std::uint32_t>(id_length)) + text_length;
    return static_cast<std::uint32_t>((bytes + Ring::kAlignment - 1) / Ring::kAlignment * Ring::kAlignment);
}

bool is_of(const Entry &entry, const Key &key) noexcept
{
    return entry.hash == key.hash && entry.id() == key.id && entry.shape == key.shape;
}

}  // namespace

const Entry *Partition::find(const Key &key) const noexcept
{
    for (std::uint32_t link = head(key.hash); link != 0; link = at(link)->next) {
        if (is_of(*at(link), key))
            return at(link);
    }
    return nullptr;
}

void Partition::mark(const Entry &entry) noexcept
{
    // Write only if the mark changes: a cache line that is only read can stay in all processors' caches.
    auto &was_used = const_cast<Entry &>(entry).was_used;
    if (was_used.load(std::memory_order_relaxed) == 0)
        was_used.store(1, std::memory_order_relaxed);
}

Partition::Put Partition::put(const Key &key, const Versions &versions, std::string_view text) noexcept
{
    if (text.size() > state_.ring.capacity ||
        size_of(key.id.size(), text.size()) > state_.ring.capacity / kLeastEntries)
        return Put::TooLarge;
    std::uint32_t const size = size_of(key.id.size(), text.size());
    auto *entry = const_cast<Entry *>(find(key));
    if (entry != nullptr && entry->versions.of_student >= versions.of_student &&
        entry->versions.of_all >= versions.of_all)
        return Put::Known;
    if (entry == nullptr || entry->block.size < size) {
        if (entry != nullptr)
            unchain(entry);
        entry = take(size);
        entry->hash = key.hash;
        entry->shape = key.shape;
        entry->id_length = static_cast<std::uint32_t>(key.id.size());
        std::memcpy(entry->bytes(), key.id.data(), key.id.size());
        chain(entry);
    }
    entry->versions = versions;
    entry->was_used.store(0, std::memory_order_relaxed);
    entry->text_length = static_cast<std::uint32_t>(text.size());
    std::memcpy(entry->bytes() + Entry::text_offset(entry->id_length), text.data(), text.size());
    return Put::Kept;
}

void Partition::prefetch(std::uint64_t hash) const noexcept
{
    constexpr std::uint32_t kLine = 64;
    constexpr std::uint32_t kMostLines = 8;
    auto *const seen = const_cast<const volatile std::uint32_t *>(&head(hash));
    std::uint32_t const link = *seen;
    if (link == 0 || link > state_.ring.capacity)
        return;
    auto const *const from = reinterpret_cast<const char *>(at(link));
    for (std::uint32_t i = 0; i < kMostLines; ++i)
        __builtin_prefetch(from + i * kLine);
}

std::uint32_t Partition::chains_for(std::uint32_t capacity) noexcept
{
    constexpr std::uint32_t kSmallEntry = 2048;
    std::uint32_t chains = 16;
    while (chains < capacity / kSmallEntry)
        chains *= 2;
    return chains;
}

void Partition::chain(Entry *entry) noexcept
{
    std::uint32_t &first = head(entry->hash);
    entry->next = first;
    first = link_to(entry);
    ++state_.entries;
}

// Takes the entry out of its chain.  Its bytes stay in the ring until it is the oldest block.
void Partition::unchain(Entry *entry) noexcept
{
    std::uint32_t *link = &head(entry->hash);
    while (*link != link_to(entry))
        link = &at(*link)->next;
    *link = entry->next;
    entry->block.is_used = 0;
    --state_.entries;
}

Entry *Partition::take(std::uint32_t size) noexcept
{
    int second_chances = kSecondChances;
    for (;;) {
        if (Block *const block = ring_.append(size))
            return reinterpret_cast<Entry *>(block);
        make_room(second_chances);
    }
}

void Partition::make_room(int &second_chances) noexcept
{
    Block *const oldest = ring_.oldest();
    if (oldest->is_used == 0) {
        ring_.drop_oldest();
        return;
    }
    auto *const entry = reinterpret_cast<Entry *>(oldest);
    bool const is_kept = second_chances > 0 && entry->was_used.load(std::memory_order_relaxed) != 0;
    unchain(entry);
    if (!is_kept) {
        ring_.drop_oldest();
        ++state_.evictions;
        return;
    }
    --second_chances;
    auto *const renewed = reinterpret_cast<Entry *>(ring_.renew_oldest());
    if (renewed == nullptr) {
        ++state_.evictions;
        return;
    }
    renewed->was_used.store(0, std::memory_order_relaxed);
    chain(renewed);
}

}  // namespace wc::warm
