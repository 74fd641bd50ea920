// A buffer that owns its memory, for tests outside of a server.
#pragma once
#include <cstdlib>
#include <cstring>

#include "core/json/buffer.hpp"

namespace wc::fuzz {

class OwnBuffer {
public:
    /// Begins with a small capacity, so that writers must let it grow.
    explicit OwnBuffer(std::size_t capacity = 4) : buffer(static_cast<char *>(std::malloc(capacity)), capacity, grow) {}
    ~OwnBuffer() { std::free(buffer.data()); }
    OwnBuffer(const OwnBuffer &) = delete;
    OwnBuffer &operator=(const OwnBuffer &) = delete;

    json::Buffer buffer;

private:
    static char *grow(char *data, std::size_t used, std::size_t capacity)
    {
        auto *const larger = static_cast<char *>(std::malloc(capacity));
        std::memcpy(larger, data, used);
        std::free(data);
        return larger;
    }
};

/// Ends the process, whatever NDEBUG says.
inline void require(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace wc::fuzz
