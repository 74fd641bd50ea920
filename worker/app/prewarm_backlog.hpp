// Students whose summary or growth chart is to be rebuilt.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "app/clock.hpp"

namespace wc::app {

struct Wanted {
    std::string student;
    /// The commit that made it stale; the epoch of the clock if none did.
    Time committed{};
    int refused = 0;
    KindSet kinds = bit(cache::Kind::HealthSummary);
};

/// First in, first out, each student once with all that is wanted of it, bounded.  Not thread-safe.
class PrewarmBacklog {
public:
    /// False: it is full, and the student stays cold until somebody asks.
    bool add(Wanted wanted, std::size_t limit)
    {
        if (waiting_.size() >= limit && !known_.contains(wanted.student))
            return false;
        auto const kinds = wanted.kinds;
        auto const [known, is_new] = known_.try_emplace(wanted.student, kinds);
        known->second |= kinds;
        if (is_new)
            waiting_.push_back(std::move(wanted));
        return true;
    }
    std::vector<Wanted> take(std::size_t most)
    {
        std::vector<Wanted> taken;
        while (taken.size() < most && !waiting_.empty()) {
            taken.push_back(std::move(waiting_.front()));
            taken.back().kinds = known_.extract(taken.back().student).mapped();
            waiting_.pop_front();
        }
        return taken;
    }
    std::size_t size() const noexcept { return waiting_.size(); }

private:
    std::deque<Wanted> waiting_;
    std::unordered_map<std::string, KindSet> known_;  // what is wanted of those that wait
};

}  // namespace wc::app
