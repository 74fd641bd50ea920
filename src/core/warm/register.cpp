#include "core/warm/register.hpp"

namespace wc::warm {

Reading read(const Register &from) noexcept
{
    Reading reading;
    reading.version = from.version.load(std::memory_order_acquire);
    reading.older = from.older.load(std::memory_order_relaxed);
    for (int i = 0; i < Register::kLatest; ++i)
        reading.latest[i] = from.latest[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    reading.is_whole = (reading.version & 1) == 0 && from.version.load(std::memory_order_relaxed) == reading.version;
    return reading;
}

bool sees_all(const Snapshot &snapshot, const Reading &of) noexcept
{
    if (!of.is_whole || of.older >= snapshot.xmin)
        return false;
    for (Xid const xid : of.latest) {
        // The ids descend, so the rest is below xmin too.  Most snapshots stop at the first.
        if (xid < snapshot.xmin)
            return true;
        if (!snapshot.sees(xid))
            return false;
    }
    return true;
}

}  // namespace wc::warm
