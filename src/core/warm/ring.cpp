#include "core/warm/ring.hpp"

#include <cstring>

namespace wc::warm {

Block *Ring::place(std::uint32_t offset, std::uint32_t size, bool is_used) noexcept
{
    Block *const block = at(offset);
    block->size = size;
    block->is_used = is_used ? 1 : 0;
    state_.used += size;
    return block;
}

void Ring::drop_oldest() noexcept
{
    std::uint32_t const size = at(state_.tail)->size;
    state_.used -= size;
    state_.tail += size;
    if (state_.tail == state_.capacity || state_.used == 0)
        state_.tail = 0;
}

Block *Ring::append(std::uint32_t size) noexcept
{
    std::uint32_t const end = state_.tail + state_.used;
    if (end < state_.capacity) {
        std::uint32_t const rest = state_.capacity - end;
        if (rest >= size)
            return place(end, size, true);
        place(end, rest, false);
        return append(size);
    }
    std::uint32_t const begin = end - state_.capacity;
    return state_.tail - begin >= size ? place(begin, size, true) : nullptr;
}

Block *Ring::renew_oldest() noexcept
{
    const Block *const from = at(state_.tail);
    std::uint32_t const size = from->size;
    drop_oldest();
    // The old bytes are still there.  The new block begins where the old one began, at least kAlignment bytes before
    // it, or behind its end.  So neither its head nor the head of a block that fills the end overwrites content of the
    // old block.
    Block *const to = append(size);
    if (to != nullptr)
        std::memmove(static_cast<void *>(to + 1), from + 1, size - sizeof(Block));
    return to;
}

}  // namespace wc::warm
