// Where the spans that the worker itself makes wait for the thread that sends them.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "app/span.hpp"

namespace wc::app {

/// The drain adds spans and waits for nobody: spans that do not fit are dropped and counted.  Thread-safe.
class SpanBox {
public:
    /// From now on somebody takes what is added.  REQUIRES: no other thread uses this yet.
    void open() noexcept { is_open_ = true; }
    /// Returns false if nobody wants spans: then make none.
    bool is_open() const noexcept { return is_open_; }

    void add(std::vector<Span> spans)
    {
        std::lock_guard const lock(mutex_);
        for (auto &span : spans) {
            if (waiting_.spans.size() < kRoom)
                waiting_.spans.push_back(std::move(span));
            else
                ++waiting_.lost;
        }
    }
    struct Taken {
        std::vector<Span> spans;
        std::int64_t lost = 0;
    };
    Taken take()
    {
        std::lock_guard const lock(mutex_);
        return std::exchange(waiting_, {});
    }

    /// How many spans fit: about a megabyte.
    static constexpr std::size_t kRoom = 2000;

private:
    bool is_open_ = false;
    std::mutex mutex_;
    Taken waiting_;
};

}  // namespace wc::app
