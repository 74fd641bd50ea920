// Changes as the queue in the database holds them.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/protocol/section.hpp"

namespace wc::app {

/// PostgreSQL's 64-bit transaction id.
using Xid = std::uint64_t;

/// All changes of one student in one batch.
struct Change {
    std::string student;
    cache::Sections sections = 0;
    /// Every transaction that has changed the student, each once; the fence has these ids.
    std::vector<Xid> xids;
    /// How long ago the first of these transactions committed, at most.  Only the database's clock measures it.
    std::chrono::microseconds age{};
};

/// One row of the queue that stands for every student.
struct Everything {
    Xid xid = 0;
    int n = 0;
    std::string pattern{};             ///< of the keys to remove; empty: all
    std::chrono::microseconds time{};  ///< see Event
    friend bool operator==(const Everything &left, const Everything &right)
    {
        return left.xid == right.xid && left.n == right.n && left.pattern == right.pattern;
    }
};

}  // namespace wc::app
