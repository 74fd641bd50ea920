#include "redis/reply_bounds.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "redis/error.hpp"

namespace wc::redis {
namespace {

// Long enough for a type and a number of 64 bits.
constexpr std::size_t kLongestHeader = 32;

[[noreturn]] void refuse(const char *what)
{
    throw IoError(std::string("an answer of Redis is larger than the worker accepts: ") + what);
}

}  // namespace

void ReplyBounds::check(std::string_view bytes)
{
    bytes_ += bytes.size();
    if (bytes_ > kMostBytes)
        refuse("too many bytes");
    while (!bytes.empty()) {
        if (to_skip_ > 0) {
            auto const skipped = std::min(to_skip_, bytes.size());
            to_skip_ -= skipped;
            bytes.remove_prefix(skipped);
            continue;
        }
        auto const end = bytes.find('\n');
        auto const part = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
        line_length_ += part.size();
        if (line_length_ > kLongestLine)
            refuse("a line without an end");
        line_.append(part.substr(0, kLongestHeader - std::min(kLongestHeader, line_.size())));
        auto const before_last = part.size() > 1 ? part[part.size() - 2] : last_;
        last_ = part.back();
        bytes.remove_prefix(part.size());
        // hiredis ends a line at CR and LF alone.  Who ends one earlier takes the rest of it for the header of a text,
        // and the next header for a part of that text.
        if (last_ == '\n' && before_last == '\r')
            end_line();
    }
}

void ReplyBounds::end_line()
{
    auto const type = line_.empty() ? '\0' : line_.front();
    std::int64_t announced = 0;
    std::from_chars(line_.data() + std::min<std::size_t>(1, line_.size()), line_.data() + line_.size(), announced);
    line_.clear();
    line_length_ = 0;
    last_ = '\0';
    auto const count = static_cast<std::size_t>(std::max<std::int64_t>(0, announced));
    switch (type) {
        case '*':
        case '%':
        case '~':
        case '>':
        case '|':
            if (count > kMostElements - std::min(elements_, kMostElements))
                refuse("too many elements");
            elements_ += count;
            break;
        case '$':
        case '=':
        case '!':
            if (count > kMostBytes)
                refuse("too long a text");
            // A text ends with CR and LF; nil (-1) has neither a text nor an end.
            to_skip_ = announced < 0 ? 0 : count + 2;
            break;
        default: break;
    }
}

}  // namespace wc::redis
