// One of the parts that the cached values are divided into: a hash table of entries, whose bytes are in a ring.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/warm/ring.hpp"

namespace wc::warm {

/// A digest of all that a value's text depends on beside the student's rows, such as tables, columns and their types.
using Shape = std::array<std::uint8_t, 32>;

/// The versions of the two registers that a value depends on: its student's register, and the register of changes that
/// concern every student.
struct Versions {
    std::uint64_t of_student;
    std::uint64_t of_all;

    friend bool operator==(const Versions &, const Versions &) = default;
};

/// What an entry is found by.  All three members are compared; the hash alone only chooses the chain.
struct Key {
    std::uint64_t hash;
    const Shape &shape;
    std::string_view id;
};

struct Entry {
    Block block;
    std::uint32_t next;  // offset + 1 of the next entry in the chain; 0: this one is the last
    std::atomic<std::uint32_t> was_used;
    std::uint64_t hash;
    Versions versions;
    Shape shape;
    std::uint32_t id_length;
    std::uint32_t text_length;

    std::string_view id() const noexcept { return {bytes(), id_length}; }
    std::string_view text() const noexcept { return {bytes() + text_offset(id_length), text_length}; }

    /// Returns where the text begins, a multiple of 8 as for entries, counted from bytes().
    static constexpr std::uint32_t text_offset(std::uint32_t id_length) noexcept { return (id_length + 7) & ~7U; }

    char *bytes() noexcept { return reinterpret_cast<char *>(this + 1); }
    const char *bytes() const noexcept { return reinterpret_cast<const char *>(this + 1); }
};
static_assert(sizeof(Entry) % 8 == 0);

/// A view of memory that the caller owns.
///
/// Not thread-safe.  The caller holds a lock: a shared one for find() and while it reads the entry, an exclusive one
/// for put().  prefetch() needs no lock.
class Partition {
public:
    /// A state with zeros in all members but `ring.capacity` and `chains` is that of an empty partition.
    struct State {
        Ring::State ring;
        std::uint32_t chains;  // a power of two
        std::uint32_t entries;
        std::uint64_t evictions;
    };

    /// put() keeps no value that takes more than capacity / kLeastEntries bytes.
    static constexpr std::uint32_t kLeastEntries = 8;

    /// `heads`: one word for each chain; zeros in an empty partition.
    Partition(State &state, std::uint32_t *heads, char *memory) noexcept
        : state_(state), heads_(heads), ring_(state.ring, memory)
    {}

    /// Returns the entry with that key, or null.  The entry stays valid until the next put().
    const Entry *find(const Key &key) const noexcept;

    /// Remembers that the entry was used: when it is the oldest and put() needs room, it gets a second chance.
    static void mark(const Entry &entry) noexcept;

    enum class Put { Kept, Known, TooLarge };

    /// Keeps a value, and replaces an older one under the same key.  Returns Known, and changes nothing, if the entry
    /// that is there has the same versions or later ones.
    Put put(const Key &key, const Versions &versions, std::string_view text) noexcept;

    /// Prefetches the memory that find() will need into the processor's cache.  Reads without a lock: what it reads may
    /// be out of date, so the prefetch is possibly wasted, never wrong.
    void prefetch(std::uint64_t hash) const noexcept;

    /// Returns how many chains a partition of `capacity` bytes should have: a power of two.
    static std::uint32_t chains_for(std::uint32_t capacity) noexcept;

private:
    std::uint32_t &head(std::uint64_t hash) const noexcept { return heads_[(hash >> 8) & (state_.chains - 1)]; }
    Entry *at(std::uint32_t link) const noexcept { return reinterpret_cast<Entry *>(ring_.at(link - 1)); }
    std::uint32_t link_to(const Entry *entry) const noexcept { return ring_.offset(&entry->block) + 1; }
    void chain(Entry *entry) noexcept;
    void unchain(Entry *entry) noexcept;
    Entry *take(std::uint32_t size) noexcept;
    void make_room(int &second_chances) noexcept;

    State &state_;
    std::uint32_t *heads_;
    Ring ring_;
};

}  // namespace wc::warm
