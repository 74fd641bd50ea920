// The threads that rebuild.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/failure.hpp"
#include "app/prewarm.hpp"
#include "app/prewarm_backlog.hpp"
#include "app/retry.hpp"

namespace wc::app {

/// A prewarming thread's two connections.
struct PrewarmLinks {
    std::unique_ptr<Builder> builder;
    std::unique_ptr<Store> store;
};

/// `pool_min` threads are always ready; the others, up to `pool_max`, take part when the backlog is deep and give their
/// connections back when they have been idle for a while.  Connections are opened when first needed, so a worker that
/// only stands by holds none.  The draining thread only ever adds to the backlog: it never waits for this pool.
///
/// Thread-safe.
class PrewarmPool {
public:
    using Connect = std::function<PrewarmLinks()>;

    PrewarmPool(const config::Live &live, const Clock &clock, const Prewarm &prewarm, metrics::Metrics &metrics,
                Connect connect);
    ~PrewarmPool();

    void want(std::vector<Wanted> wanted);
    /// These before any rebuilding, once each at a time.
    void refill();  ///< read the hot list, rebuild what is missing
    void save_hot_list();

    void set_pace(Pace pace);

    /// Finishes the batches in hand and the chores, drops the rest, joins.
    void stop();

private:
    enum class Chore { Refill, SaveHotList };
    struct Task {
        std::vector<Chore> chores;
        std::vector<Wanted> batch;
    };

    void work(std::size_t index);
    bool next(std::size_t index, Task &task, PrewarmLinks &links);
    void run(Task &task, PrewarmLinks &links);
    void add_chore(Chore chore);
    // With the mutex held:
    bool is_ready(std::size_t index, std::size_t batch_students) const;
    void put_back(Task task);
    void add(std::vector<Wanted> wanted);

    const config::Live &live_;
    const Clock &clock_;
    const Prewarm &prewarm_;
    metrics::Metrics &metrics_;
    Connect connect_;
    std::size_t always_;

    std::mutex mutex_;
    // The threads that are always ready wait apart from the others, so that one change wakes one thread.
    std::condition_variable work_, deep_, stop_;
    PrewarmBacklog backlog_;
    std::deque<Chore> chores_;
    bool stopping_ = false;
    Pace pace_ = Pace::Paused;
    Retry retry_;
    std::vector<std::thread> threads_;
};

}  // namespace wc::app
