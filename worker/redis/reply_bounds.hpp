// Bounds the size of an answer of Redis.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace wc::redis {

/// Checks the bytes of an answer (RESP) before hiredis reads them: hiredis allocates as many elements, and waits for as
/// many bytes, as the answer announces.  No command of this program has a larger answer than these bounds.  hiredis
/// itself bounds how deeply lists are nested.  For one thread.
class ReplyBounds {
public:
    static constexpr std::size_t kMostElements = 1'000'000;
    static constexpr std::size_t kMostBytes = 64 << 20;
    static constexpr std::size_t kLongestLine = 64 << 10;

    /// Starts counting anew, for the next answer.
    void begin() noexcept { elements_ = bytes_ = 0; }
    /// Counts these bytes.  Throws IoError when the answer exceeds a bound, or announces that it will.
    void check(std::string_view bytes);

private:
    void end_line();

    std::size_t elements_ = 0, bytes_ = 0;  // since `begin`
    std::size_t to_skip_ = 0;               // bytes of a text whose length was announced
    std::size_t line_length_ = 0;
    std::string line_;  // the first bytes of the current line
    char last_ = '\0';  // the latest byte of that line
};

}  // namespace wc::redis
