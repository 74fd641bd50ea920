// The threads that rebuild values, and their connections.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/prewarm.hpp"
#include "app/prewarm_backlog.hpp"
#include "process/failure.hpp"
#include "process/retry.hpp"

namespace wc::app {

/// A prewarming thread's two connections.
struct PrewarmLinks {
    std::unique_ptr<Builder> builder;
    std::unique_ptr<Store> store;
};

/// `pool_min` threads are always ready.  The others, up to `pool_max`, work only while the backlog is long, and close
/// their connections after some idle time.  A thread opens its connections when it first needs them, so a standby
/// worker has none.  The draining thread adds to the backlog and never waits for this pool.
///
/// Thread-safe.
class PrewarmPool {
public:
    using Connect = std::function<PrewarmLinks()>;

    PrewarmPool(const config::Live &live, const Clock &clock, const Prewarm &prewarm, metrics::Metrics &metrics,
                Connect connect);
    ~PrewarmPool();

    /// Adds students to the backlog.
    void want(std::vector<Wanted> wanted);
    /// The pool does these two before the backlog, and queues each at most once.
    void refill();  ///< reads the saved hot list and rebuilds what is missing in Redis
    void save_hot_list();

    void set_pace(Pace pace);

    /// The last failure, if values could not be rebuilt for some seconds and nothing has succeeded meanwhile.
    std::optional<Failure> trouble() const;

    /// Drops the backlog, waits some seconds for the batches in work and the queued chores, cancels what is left of
    /// them, joins the threads.
    void stop();

private:
    enum class Chore { Refill, SaveHotList };
    struct Task {
        std::vector<Chore> chores;
        std::vector<Wanted> batch;
    };

    class AtWork;

    void work(std::size_t index);
    void end_work();
    bool next(std::size_t index, Task &task, PrewarmLinks &links);
    void run(Task &task, PrewarmLinks &links);
    void disconnect(PrewarmLinks &links);
    void add_chore(Chore chore);
    // REQUIRES of the following: the caller holds the mutex.
    bool is_ready(std::size_t index, std::size_t batch_students) const;
    void put_back(Task task);
    void add(std::vector<Wanted> wanted);
    void note_failure(const Failure &failure, bool while_building);
    void note_success(bool of_building);

    const config::Live &live_;
    const Clock &clock_;
    const Prewarm &prewarm_;
    metrics::Metrics &metrics_;
    Connect connect_;
    std::size_t always_;

    mutable std::mutex mutex_;
    // The threads that are always ready wait at work_, the others at deep_, so that one change wakes one thread.
    std::condition_variable work_, deep_, stop_, ended_;
    std::vector<Builder *> at_work_;  // the builders that are in a call
    std::size_t running_ = 0;         // threads
    bool gives_up_ = false;           // the patience of stop() is over
    PrewarmBacklog backlog_;
    std::deque<Chore> chores_;
    bool stopping_ = false;
    Pace pace_ = Pace::Paused;
    Retry retry_;
    std::optional<Failure> failure_;  // the last one since the last success
    Time failing_since_{};
    bool failed_building_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace wc::app
