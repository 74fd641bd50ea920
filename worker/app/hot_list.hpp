// The hot list: the students that are read often.
#pragma once
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/builder.hpp"
#include "process/clock.hpp"

namespace wc::app {

/// A student counts as read when an invalidation finds a value of it in the cache: somebody had asked for it within its
/// TTL.  (Or the worker had prewarmed it and nobody asked.  Such a value expires after its TTL, so that the mistake
/// ends if the student does not change for one TTL.)  Each such invalidation adds one to the student's weight, and
/// weights halve every `half_life`.
///
/// Thread-safe.  Memory is bounded: when there are more than `limit` students, the list drops the lightest tenth.
class HotList {
public:
    void configure(std::size_t limit, std::chrono::seconds half_life);

    /// Adds one to the student's weight and returns it.
    double touch(const std::string &student, Time now);
    double weight(const std::string &student, Time now) const;
    void erase(const std::string &student);

    /// Adds the students that an earlier run saved.  Students that the list already has keep their weight.
    void merge(std::span<const Hot> saved, Time now);
    /// Returns all students, the heaviest first.
    std::vector<Hot> heaviest(Time now) const;
    std::size_t size() const;
    /// Whether the list has changed by touch() or erase() since the last call.
    bool take_changed();

private:
    struct Weight {
        double value;
        Time at;
    };
    double decayed(const Weight &weight, Time now) const;
    void shrink(Time now);

    mutable std::mutex mutex_;
    std::unordered_map<std::string, Weight> students_;
    std::size_t limit_ = 10000;
    double half_life_s_ = 600;
    bool changed_ = false;
};

}  // namespace wc::app
