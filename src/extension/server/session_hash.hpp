// What a session keeps for each of several keys, as for each table, for as long as the session lives.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "utils/hsearch.h"
}

namespace wc {

/// The first member of an Entry is its Key.  An entry stays where it is.
///
/// REQUIRES: the object is static.
template <typename Key, typename Entry>
class SessionHash {
public:
    /// `name`: of the memory context, as the server shows it.
    constexpr explicit SessionHash(const char *name) : name_(name) {}

    /// Returns the entry of a key.  All of a new one is zero but its key.
    Entry &entry(const Key &key)
    {
        static_assert(std::has_unique_object_representations_v<Key>, "a key has no bytes that nobody sets");
        static_assert(std::is_trivially_copyable_v<Entry>);
        if (entries_ == nullptr)
            create();
        bool is_old = false;
        void *const found = hash_search(entries_, &key, HASH_ENTER, &is_old);
        if (!is_old)
            memset(static_cast<char *>(found) + sizeof(Key), 0, sizeof(Entry) - sizeof(Key));
        return *static_cast<Entry *>(found);
    }

    /// Calls take(entry) for each.  REQUIRES: `take` makes no entry, and raises no error.
    template <typename Take>
    void for_each(Take take)
    {
        if (entries_ == nullptr)
            return;
        HASH_SEQ_STATUS each;
        hash_seq_init(&each, entries_);
        while (auto *const entry = static_cast<Entry *>(hash_seq_search(&each)))
            take(*entry);
    }

private:
    void create()
    {
        HASHCTL shape{};
        shape.keysize = sizeof(Key);
        shape.entrysize = sizeof(Entry);
        shape.hcxt = TopMemoryContext;
        entries_ = hash_create(name_, 16, &shape, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }

    const char *name_;
    HTAB *entries_ = nullptr;
};

}  // namespace wc
