// What the queue says of a student.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/cache/section.hpp"

namespace wc::app {

/// PostgreSQL's 64-bit transaction id.
using Xid = std::uint64_t;

/// One student, all that is queued of it in one batch.
struct Change {
    std::string student;
    cache::Sections sections = 0;
    /// Every transaction that changed it, each once: the fence.
    std::vector<Xid> xids;
    /// From just before the (first) commit to now, by the database's clock alone.
    std::chrono::microseconds age{};
};

/// One row of the queue that stands for every student.
struct Everything {
    Xid xid = 0;
    int n = 0;
    std::string pattern{};  ///< of the keys to remove; empty: all
    friend bool operator==(const Everything &, const Everything &) = default;
};

}  // namespace wc::app
