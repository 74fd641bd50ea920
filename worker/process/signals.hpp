// Reads signals as events instead of taking them as interruptions.
#pragma once
#include <optional>

#include "process/clock.hpp"

namespace wc {

/// Blocks TERM, INT and HUP in this thread and in all that it starts from now on, and ignores PIPE.  Made before the
/// first thread.  A signal that arrives at any moment stays until `next` takes it: none is lost.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals &) = delete;
    Signals &operator=(const Signals &) = delete;

    /// Waits for the next signal.  Returns 0 when `other` is readable first, nothing when the time is over first.
    std::optional<int> next(int other, Time until);

private:
    int fd_;
};

}  // namespace wc
