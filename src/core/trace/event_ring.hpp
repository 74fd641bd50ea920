// The last events, such as slow calls and spans, that many processes write without a lock.
#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace wc::trace {

/// Lives in shared memory.  All bytes 0 is an empty ring.  Thread-safe, and safe between processes.  Events are
/// numbered from 0 on; event number n overwrites event n - Room.  Writers never wait.
template <class Event, std::size_t Room>
class EventRing {
    static_assert(std::is_trivially_copyable_v<Event> && sizeof(Event) % sizeof(std::uint64_t) == 0);
    static_assert(std::has_single_bit(Room));

public:
    void put(const Event &event) noexcept
    {
        std::uint64_t const number = next_.fetch_add(1, std::memory_order_relaxed);
        Slot &slot = slots_[number % Room];
        std::uint64_t state = slot.state.load(std::memory_order_relaxed);
        // Another process is still writing an older event into this slot, or has already written a newer one.  Then
        // this event is lost, as an old event is when it is overwritten.
        if (is_busy(state) || state > done(number) ||
            !slot.state.compare_exchange_strong(state, busy(number), std::memory_order_acq_rel))
            return;
        auto const words = std::bit_cast<Words>(event);
        for (std::size_t i = 0; i < kWords; ++i)
            slot.words[i].store(words[i], std::memory_order_release);
        slot.state.store(done(number), std::memory_order_release);
    }

    /// Returns the number of the next event, which is how many events there have been.
    std::uint64_t next() const noexcept { return next_.load(std::memory_order_acquire); }

    /// Returns the number of the oldest event that the ring can still have.
    std::uint64_t oldest() const noexcept
    {
        std::uint64_t const end = next();
        return end > Room ? end - Room : 0;
    }

    enum class Found { Yes, NotYet, Gone };

    /// Reads an event.  NotYet: it is being written, or was lost.  Gone: a later event has overwritten it.
    Found get(std::uint64_t number, Event &event) const noexcept
    {
        const Slot &slot = slots_[number % Room];
        std::uint64_t const state = slot.state.load(std::memory_order_acquire);
        if (state != done(number))
            return state > done(number) ? Found::Gone : Found::NotYet;
        Words words;
        for (std::size_t i = 0; i < kWords; ++i)
            words[i] = slot.words[i].load(std::memory_order_acquire);
        // A writer changes the state before the words: if a word is of a later event, the state has changed too.
        if (slot.state.load(std::memory_order_relaxed) != state)
            return Found::Gone;
        event = std::bit_cast<Event>(words);
        return Found::Yes;
    }

private:
    static constexpr std::size_t kWords = sizeof(Event) / sizeof(std::uint64_t);
    using Words = std::array<std::uint64_t, kWords>;

    // The state of a slot.  0: it is empty.
    static constexpr std::uint64_t busy(std::uint64_t number) noexcept { return 2 * number + 1; }
    static constexpr std::uint64_t done(std::uint64_t number) noexcept { return 2 * number + 2; }
    static constexpr bool is_busy(std::uint64_t state) noexcept { return state % 2 == 1; }

    struct alignas(64) Slot {
        std::atomic<std::uint64_t> state;
        std::atomic<std::uint64_t> words[kWords];
    };

    alignas(64) std::atomic<std::uint64_t> next_;
    Slot slots_[Room];
};

}  // namespace wc::trace
