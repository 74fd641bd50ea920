// Students whose summary is to be rebuilt.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "app/clock.hpp"

namespace wc::app {

struct Wanted {
    std::string student;
    /// The commit that made it stale; the epoch of the clock if none did.
    Time committed{};
    int refused = 0;
};

/// First in, first out, each student once, bounded.  Not thread-safe.
class PrewarmBacklog {
public:
    /// False: it is full, and the student stays cold until somebody asks.
    bool add(Wanted wanted, std::size_t limit)
    {
        if (waiting_.size() >= limit && !known_.contains(wanted.student))
            return false;
        if (known_.insert(wanted.student).second)
            waiting_.push_back(std::move(wanted));
        return true;
    }
    std::vector<Wanted> take(std::size_t most)
    {
        std::vector<Wanted> taken;
        while (taken.size() < most && !waiting_.empty()) {
            known_.erase(waiting_.front().student);
            taken.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        return taken;
    }
    std::size_t size() const noexcept { return waiting_.size(); }

private:
    std::deque<Wanted> waiting_;
    std::unordered_set<std::string> known_;
};

}  // namespace wc::app
