// Growable bytes for text that is built front to back.
#pragma once
#include <cstddef>
#include <cstring>
#include <string_view>

namespace wc::json {

/// Bytes with room at the end.  Trivially destructible on purpose: inside a PostgreSQL backend the
/// memory belongs to a memory context and an error may jump over this object.  Not thread-safe.
class Buffer {
public:
    /// Returns memory of at least `capacity` bytes that begins with the `used` bytes of `data`, and
    /// disposes of `data`.  If there is no memory, it does not return: it throws or jumps.
    using Grow = char *(*)(char *data, std::size_t used, std::size_t capacity);

    Buffer(char *data, std::size_t capacity, Grow grow) noexcept
        : begin_(data), end_(data), limit_(data + capacity), grow_(grow)
    {}

    char *data() const noexcept { return begin_; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - begin_); }
    std::string_view view() const noexcept { return {begin_, size()}; }
    void truncate(std::size_t size) noexcept { end_ = begin_ + size; }

    /// Makes room for `bytes` more and returns where to write them.  The caller then passes the end of what it wrote to
    /// advance().
    char *reserve(std::size_t bytes)
    {
        if (static_cast<std::size_t>(limit_ - end_) < bytes) [[unlikely]]
            enlarge(bytes);
        return end_;
    }
    void advance(char *end) noexcept { end_ = end; }

    void append(std::string_view text)
    {
        char *const to = reserve(text.size());
        std::memcpy(to, text.data(), text.size());
        end_ = to + text.size();
    }
    void append(char c)
    {
        char *const to = reserve(1);
        *to = c;
        end_ = to + 1;
    }

private:
    void enlarge(std::size_t bytes)
    {
        std::size_t const used = size();
        std::size_t const doubled = 2 * static_cast<std::size_t>(limit_ - begin_);
        std::size_t const capacity = used + bytes > doubled ? used + bytes : doubled;
        begin_ = grow_(begin_, used, capacity);
        end_ = begin_ + used;
        limit_ = begin_ + capacity;
    }

    char *begin_;
    char *end_;
    char *limit_;
    Grow grow_;
};

}  // namespace wc::json
