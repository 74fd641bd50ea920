// A piece of work as one part of a trace.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace wc::app {

struct SpanLink {
    std::string trace, span;
    friend bool operator==(const SpanLink &, const SpanLink &) = default;
};

struct Span {
    enum class Kind { Internal = 1, Server = 2 };
    std::string trace, id, parent;  ///< lower-case hexadecimal; no parent: empty
    std::string name;
    Kind kind = Kind::Internal;
    std::int64_t began_unix_ns = 0, ended_unix_ns = 0;
    bool failed = false;
    std::vector<std::pair<std::string, std::string>> texts{};     ///< attributes
    std::vector<std::pair<std::string, std::int64_t>> numbers{};  ///< attributes
    std::vector<SpanLink> links{};
};

}  // namespace wc::app
