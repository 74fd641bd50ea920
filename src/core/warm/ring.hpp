// Blocks of bytes in a ring.  The newest block is at one end and the oldest at the other; appending moves no block.
#pragma once
#include <cstdint>

namespace wc::warm {

/// The head of every block.  The bytes behind it belong to the caller that appended the block.
struct Block {
    std::uint32_t size;     // in bytes, with this head; a multiple of Ring::kAlignment
    std::uint32_t is_used;  // 0: its content is no longer wanted, or it only fills the end of the memory
};

/// A ring over memory that the caller owns.  A Ring has no state but the two references, so each process can make one
/// over the same shared memory.  Not thread-safe.
class Ring {
public:
    static constexpr std::uint32_t kAlignment = 16;

    /// A state with zeros in all members but `capacity` is that of an empty ring.
    struct State {
        std::uint32_t capacity;  // bytes, a multiple of kAlignment
        std::uint32_t tail;      // where the oldest block begins
        std::uint32_t used;      // bytes of all blocks, which begin at the tail and may go on at offset 0
    };

    Ring(State &state, char *memory) noexcept : state_(state), memory_(memory) {}

    /// Returns the oldest block, or null if the ring is empty.
    Block *oldest() noexcept { return state_.used == 0 ? nullptr : at(state_.tail); }

    /// Frees the bytes of the oldest block.  REQUIRES: the ring is not empty.
    void drop_oldest() noexcept;

    /// Returns a new block, whose content is undefined, or null if there is no room for it in one piece.  In that case
    /// the caller drops oldest blocks until there is.
    ///
    /// REQUIRES: `size` is a multiple of kAlignment, and at most the capacity.
    Block *append(std::uint32_t size) noexcept;

    /// Moves the content of the oldest block into a new block, and returns that.  Returns null if there is no room;
    /// then the oldest block is dropped.
    ///
    /// REQUIRES: the ring is not empty.
    Block *renew_oldest() noexcept;

    Block *at(std::uint32_t offset) const noexcept { return reinterpret_cast<Block *>(memory_ + offset); }
    std::uint32_t offset(const Block *block) const noexcept
    {
        return static_cast<std::uint32_t>(reinterpret_cast<const char *>(block) - memory_);
    }

private:
    Block *place(std::uint32_t at, std::uint32_t size, bool is_used) noexcept;

    State &state_;
    char *memory_;
};

}  // namespace wc::warm
