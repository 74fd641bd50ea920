#include "core/changes/dirty_set.hpp"

#include <cstring>
#include <type_traits>

namespace wc::changes {

static_assert(std::is_trivially_destructible_v<DirtySet>);

namespace {

constexpr std::uint32_t kFirstCapacity = 8;
constexpr std::uint32_t kChunk = 4096;

// FNV-1a, finished with a multiply-shift so that the low bits, which pick the slot, depend on all bytes.
std::uint32_t hash_of(std::string_view text) noexcept
{
    std::uint64_t h = 14695981039346656037ull;
    for (char const c : text)
        h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    return static_cast<std::uint32_t>((h ^ (h >> 32)) * 0x9E3779B1u);
}

}  // namespace

void DirtySet::add(std::string_view student, cache::Sections sections)
{
    // Marked as a whole already: remembering one more student would only cost memory.
    if ((everything_ & sections) == sections)
        return;
    std::uint32_t const hash = hash_of(student);
    if (capacity_ != 0) {
        std::uint32_t const mask = 2 * capacity_ - 1;
        for (std::uint32_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
            Entry &entry = entries_[slots_[at] - 1];
            if (entry.hash == hash && entry.student() == student) {
                entry.sections |= sections;
                return;
            }
        }
    }
    if (size_ >= limit_) {
        cache::Sections all = sections;
        for (const Entry &entry : *this)
            all |= entry.sections;
        everything_ |= all;
        return;
    }
    if (size_ == capacity_)
        grow();
    // All that can fail comes first: an entry is never half made.
    const char *const id = copy(student);
    std::uint32_t const mask = 2 * capacity_ - 1;
    std::uint32_t at = hash & mask;
    while (slots_[at] != 0)
        at = (at + 1) & mask;
    entries_[size_] = {id, static_cast<std::uint32_t>(student.size()), hash, sections};
    slots_[at] = ++size_;
}

void DirtySet::grow()
{
    std::uint32_t const capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
    std::uint32_t const slots = 2 * capacity;
    auto *const entries = static_cast<Entry *>(allocate_(capacity * sizeof(Entry)));
    auto *const table = static_cast<std::uint32_t *>(allocate_(slots * sizeof(std::uint32_t)));
    std::memset(table, 0, slots * sizeof(std::uint32_t));
    for (std::uint32_t i = 0; i < size_; ++i) {
        entries[i] = entries_[i];
        std::uint32_t at = entries[i].hash & (slots - 1);
        while (table[at] != 0)
            at = (at + 1) & (slots - 1);
        table[at] = i + 1;
    }
    if (capacity_ != 0) {
        release_(entries_);
        release_(slots_);
    }
    entries_ = entries;
    slots_ = table;
    capacity_ = capacity;
}

char *DirtySet::copy(std::string_view text)
{
    auto const length = static_cast<std::uint32_t>(text.size());
    if (length > chunk_left_ || chunk_ == nullptr) {
        // A transaction that changes one student should not pay for a chunk.
        std::uint32_t const wanted = size_ < kFirstCapacity ? kFirstCapacity * 32 : kChunk;
        std::uint32_t const bytes = length > wanted ? length : wanted;
        chunk_ = static_cast<char *>(allocate_(bytes));
        chunk_left_ = bytes;
    }
    char *const to = chunk_;
    std::memcpy(to, text.data(), length);
    chunk_ += length;
    chunk_left_ -= length;
    return to;
}

}  // namespace wc::changes
