// Signals as events that are read, not as interruptions.
#pragma once

namespace wc::app {

/// Blocks TERM, INT and HUP in this thread and in all that it starts from now on, and ignores PIPE.  Made before the
/// first thread.  A signal that arrives at any moment stays until `next` takes it: none is lost.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals &) = delete;
    Signals &operator=(const Signals &) = delete;

    /// Waits for the next signal, or until `other` is readable: then 0.
    int next(int other);

private:
    int fd_;
};

}  // namespace wc::app
