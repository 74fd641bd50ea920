// The set of students that a transaction has changed so far, with their changed sections.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/protocol/section.hpp"

namespace wc::changes {

/// A set of students with the changed sections of each.  It is a hash table with open addressing; its entries stay in
/// the order in which they were added.  Trivially destructible: all memory comes from `allocate`, and whoever gave it
/// frees it as a whole (in the backend the transaction's memory context).  Not thread-safe.
///
/// Bounded: a set that would hold more than `limit` students becomes "everything", which is never
/// wrong, only coarse.
class DirtySet {
public:
    /// Returns memory that stays valid as long as the set.  Does not return if there is none.
    using Allocate = void *(*)(std::size_t bytes);
    using Release = void (*)(void *memory);

    struct Entry {
        const char *id;
        std::uint32_t length;
        std::uint32_t hash;
        cache::Sections sections;

        std::string_view student() const noexcept { return {id, length}; }
    };

    DirtySet(Allocate allocate, Release release, std::uint32_t limit) noexcept
        : allocate_(allocate), release_(release), limit_(limit)
    {}

    /// Marks a student.  Copies the id when it is new.
    void add(std::string_view student, cache::Sections sections);

    /// Marks all students, known and unknown.
    void add_everything(cache::Sections sections) noexcept { everything_ |= sections; }

    bool empty() const noexcept { return size_ == 0 && everything_ == 0; }
    std::uint32_t size() const noexcept { return size_; }
    const Entry *begin() const noexcept { return entries_; }
    const Entry *end() const noexcept { return entries_ + size_; }

    /// The sections that have changed for every student; 0 if the changes are known student by student.
    cache::Sections everything() const noexcept { return everything_; }

private:
    void grow();
    char *copy(std::string_view text);

    Allocate allocate_;
    Release release_;
    std::uint32_t limit_;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;  // of entries_; slots_ has twice as many
    Entry *entries_ = nullptr;
    std::uint32_t *slots_ = nullptr;  // 0 free, else position in entries_ + 1
    char *chunk_ = nullptr;           // ids are packed into chunks
    std::uint32_t chunk_left_ = 0;
    cache::Sections everything_ = 0;
};

}  // namespace wc::changes
