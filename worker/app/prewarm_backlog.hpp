// The backlog: students whose summary or growth chart waits to be rebuilt.
#pragma once
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "app/change_spans.hpp"
#include "process/clock.hpp"

namespace wc::app {

struct Wanted {
    std::string student;
    /// When the change was committed that made the value stale; the clock's epoch if no change did.
    Time committed{};
    int refused = 0;  ///< how often a fence has refused the rebuilt value
    KindSet kinds = bit(cache::Kind::HealthSummary);
    std::shared_ptr<const TracedWriter> writer{};  ///< of the change, if its trace is sampled
};

/// A bounded queue, first in, first out.  It holds each student once, with all kinds that are wanted, and the first
/// traced writer.  For one thread.
class PrewarmBacklog {
public:
    /// Returns false if the backlog is full; then the student is not rebuilt.
    bool add(Wanted wanted, std::size_t limit)
    {
        if (waiting_.size() >= limit && !known_.contains(wanted.student))
            return false;
        auto const [at, is_new] = known_.try_emplace(wanted.student);
        auto &known = at->second;
        known.kinds |= wanted.kinds;
        if (!known.writer)
            known.writer = wanted.writer;
        if (is_new)
            waiting_.push_back(std::move(wanted));
        return true;
    }
    std::vector<Wanted> take(std::size_t most)
    {
        std::vector<Wanted> taken;
        while (taken.size() < most && !waiting_.empty()) {
            taken.push_back(std::move(waiting_.front()));
            auto known = known_.extract(taken.back().student);
            taken.back().kinds = known.mapped().kinds;
            taken.back().writer = std::move(known.mapped().writer);
            waiting_.pop_front();
        }
        return taken;
    }
    std::size_t size() const noexcept { return waiting_.size(); }

private:
    struct Known {
        KindSet kinds = 0;
        std::shared_ptr<const TracedWriter> writer;
    };
    std::deque<Wanted> waiting_;
    std::unordered_map<std::string, Known> known_;  // of each student in waiting_
};

}  // namespace wc::app
