// Limits how many lines of one kind are written to a log.
#pragma once
#include <atomic>
#include <cstdint>

namespace wc::trace {

/// Lives in shared memory.  All bytes 0 is the initial state.  Thread-safe, and safe between processes.
class LineLimit {
public:
    static constexpr std::uint64_t kLinesASecond = 10;

    struct Admission {
        bool is_admitted;
        std::uint64_t suppressed;  // lines of earlier seconds; if above 0, the caller writes a line that says so
    };

    /// Returns whether the caller may write a line in this second.  A line about suppressed ones counts as one of the
    /// ten. `second`: of any clock; it may be a little behind that of another process.
    Admission admit(std::int64_t second) noexcept
    {
        auto const now = static_cast<std::uint64_t>(second);
        std::uint64_t state = state_.load(std::memory_order_relaxed);
        for (;;) {
            bool const is_new = state / kBase < now;
            std::uint64_t const lines = is_new ? 0 : state % kBase;
            if (lines >= kLinesASecond) {
                suppressed_.fetch_add(1, std::memory_order_relaxed);
                return {false, 0};
            }
            bool const is_said = is_new && suppressed_.load(std::memory_order_relaxed) > 0;
            std::uint64_t const next = (is_new ? now * kBase : state) + (is_said ? 2 : 1);
            if (state_.compare_exchange_weak(state, next, std::memory_order_relaxed))
                return {true, is_said ? suppressed_.exchange(0, std::memory_order_relaxed) : 0};
        }
    }

private:
    static constexpr std::uint64_t kBase = 16;

    std::atomic<std::uint64_t> state_;  // the second times kBase, plus how many lines it has
    std::atomic<std::uint64_t> suppressed_;
};

}  // namespace wc::trace
