// Measures how fast a worker that is behind drains the queue, and estimates how long it still takes.
#pragma once
#include <chrono>
#include <cmath>
#include <cstddef>
#include <deque>
#include <optional>

#include "process/clock.hpp"

namespace wc::app {

/// For one thread.
class Progress {
public:
    /// Adds the rows that a drain took from the queue.
    void drained(Time now, std::size_t rows)
    {
        total_ += rows;
        marks_.push_back({now, total_});
        while (marks_.size() > 2 && now - marks_[1].at >= kWindow)
            marks_.pop_front();
    }
    void forget() { marks_.clear(); }

    /// The rate over the last ten seconds, or since the worker fell behind; 0 while it is unknown.
    double rows_per_second() const
    {
        if (marks_.size() < 2)
            return 0;
        auto const time = std::chrono::duration<double>(marks_.back().at - marks_.front().at).count();
        return time > 0 ? static_cast<double>(marks_.back().total - marks_.front().total) / time : 0;
    }
    /// How long `rows` take at this rate; nothing while the rate is unknown.
    std::optional<std::chrono::seconds> left(std::size_t rows) const
    {
        auto const pace = rows_per_second();
        if (pace <= 0)
            return std::nullopt;
        return std::chrono::seconds(std::llround(static_cast<double>(rows) / pace));
    }

private:
    static constexpr std::chrono::seconds kWindow{10};
    struct Mark {
        Time at;
        std::size_t total;
    };
    std::deque<Mark> marks_;
    std::size_t total_ = 0;
};

}  // namespace wc::app
