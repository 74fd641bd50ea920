// What the worker counts.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "app/cache.hpp"
#include "app/failure.hpp"
#include "core/cache/section.hpp"

namespace wc::metrics {

/// One method for each thing that happens; names, help and buckets are in the .cpp.  No label holds anything but
/// the fixed words of this program.  Thread-safe.
class Metrics {
public:
    Metrics();
    ~Metrics();

    using Duration = std::chrono::steady_clock::duration;

    void drained(std::size_t rows, std::size_t students);
    void invalidated(cache::Kind kind);
    void gone_after(Duration since_commit);
    void swept(std::size_t keys);

    void prewarmed();
    void warm_after(Duration since_commit);
    void fill_refused();
    void prewarm_dropped(std::size_t students);

    void failed(app::Part part);
    void connected(app::Part part);  ///< counts (re)connects

    void set_connected(app::Part part, bool yes);
    void set_drainer(bool yes);
    void set_epoch_open(bool yes);
    void set_queue(std::size_t rows, std::chrono::microseconds oldest);
    void set_prewarm_backlog(std::size_t students);
    void set_fences(app::Fences fences);
    void set_hot_students(std::size_t students);

    /// All of it in Prometheus' text format.
    std::string text() const;

private:
    struct Series;
    std::unique_ptr<Series> series_;
};

}  // namespace wc::metrics
