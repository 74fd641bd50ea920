#include "app/prewarm_pool.hpp"

#include <algorithm>
#include <utility>

#include "process/log.hpp"

namespace wc::app {
namespace {

constexpr std::chrono::seconds kIdleConnections{30};
// How long the end of the process waits for statements that may wait for somebody's lock.
constexpr std::chrono::seconds kPatience{2};
// A statement may begin just after it was to be cancelled.
constexpr std::chrono::milliseconds kBetweenCancels{50};
// Failures for a shorter time, as during the restart of a server, are not reported.
constexpr std::chrono::seconds kTrouble{5};

class Busy {
public:
    explicit Busy(metrics::Metrics &metrics) : metrics_(metrics) { metrics_.prewarm_busy(1); }
    ~Busy() { metrics_.prewarm_busy(-1); }
    Busy(const Busy &) = delete;
    Busy &operator=(const Busy &) = delete;

private:
    metrics::Metrics &metrics_;
};

}  // namespace

PrewarmPool::PrewarmPool(const config::Live &live, const Clock &clock, const Prewarm &prewarm,
                         metrics::Metrics &metrics, Connect connect)
    : live_(live),
      clock_(clock),
      prewarm_(prewarm),
      metrics_(metrics),
      connect_(std::move(connect)),
      retry_(Part::Prewarm, std::chrono::milliseconds(live.get()->backoff.first_ms),
             std::chrono::milliseconds(live.get()->backoff.longest_ms))
{
    auto const config = live_.get();
    always_ = static_cast<std::size_t>(config->postgres.pool_min);
    metrics_.set_prewarm_limit(static_cast<std::size_t>(config->postgres.pool_max));
    running_ = static_cast<std::size_t>(config->postgres.pool_max);
    for (std::size_t i = 0; i < running_; ++i)
        threads_.push_back(log::thread([this, i] { work(i); }));
}

PrewarmPool::~PrewarmPool() { stop(); }

void PrewarmPool::want(std::vector<Wanted> wanted)
{
    std::lock_guard const lock(mutex_);
    add(std::move(wanted));
}

void PrewarmPool::add(std::vector<Wanted> wanted)
{
    if (wanted.empty())
        return;
    auto const config = live_.get();
    std::size_t dropped = 0;
    for (auto &one : wanted)
        dropped += backlog_.add(std::move(one), static_cast<std::size_t>(config->prewarm.backlog_limit)) ? 0 : 1;
    metrics_.prewarm_dropped(dropped);
    metrics_.set_prewarm_backlog(backlog_.size());
    auto const batch = static_cast<std::size_t>(config->prewarm.batch_students);
    wanted.size() == 1 && pace_ == Pace::Full ? work_.notify_one() : work_.notify_all();
    if (backlog_.size() > batch * always_)
        deep_.notify_all();
}

void PrewarmPool::refill() { add_chore(Chore::Refill); }
void PrewarmPool::save_hot_list() { add_chore(Chore::SaveHotList); }

void PrewarmPool::add_chore(Chore chore)
{
    std::lock_guard const lock(mutex_);
    put_back({{chore}, {}});
}

void PrewarmPool::set_pace(Pace pace)
{
    std::lock_guard const lock(mutex_);
    if (std::exchange(pace_, pace) == pace || pace == Pace::Paused)
        return;
    work_.notify_all();
    deep_.notify_all();
}

bool PrewarmPool::is_ready(std::size_t index, std::size_t batch_students) const
{
    if (pace_ == Pace::Paused || (pace_ == Pace::Slow && index > 0))
        return false;
    if (index < always_)
        return !chores_.empty() || backlog_.size() > 0;
    // The third thread joins when the backlog is longer than two batches, and so on.
    return backlog_.size() > batch_students * index;
}

bool PrewarmPool::next(std::size_t index, Task &task, PrewarmLinks &links)
{
    std::unique_lock lock(mutex_);
    auto &condition = index < always_ ? work_ : deep_;
    auto const batch = [this] { return static_cast<std::size_t>(live_.get()->prewarm.batch_students); };
    auto const ready = [&] { return stopping_ || is_ready(index, batch()); };
    if (index >= always_ && links.builder && !condition.wait_for(lock, kIdleConnections, ready)) {
        lock.unlock();
        disconnect(links);
        lock.lock();
    }
    condition.wait(lock, ready);
    if (stopping_ && (gives_up_ || index >= always_ || chores_.empty()))
        return false;
    task = {};
    if (!chores_.empty() && index < always_) {
        task.chores.push_back(chores_.front());
        chores_.pop_front();
    } else {
        task.batch = backlog_.take(batch());
        metrics_.set_prewarm_backlog(backlog_.size());
    }
    return true;
}

// Shows stop() which builder it may cancel.
class PrewarmPool::AtWork {
public:
    AtWork(PrewarmPool &pool, Builder &builder) : pool_(pool), builder_(builder)
    {
        std::lock_guard const lock(pool_.mutex_);
        pool_.at_work_.push_back(&builder_);
    }
    ~AtWork()
    {
        std::lock_guard const lock(pool_.mutex_);
        std::erase(pool_.at_work_, &builder_);
    }
    AtWork(const AtWork &) = delete;
    AtWork &operator=(const AtWork &) = delete;

private:
    PrewarmPool &pool_;
    Builder &builder_;
};

void PrewarmPool::run(Task &task, PrewarmLinks &links)
{
    Busy const busy(metrics_);
    AtWork const at_work(*this, *links.builder);
    for (auto const chore : task.chores) {
        if (chore == Chore::SaveHotList)
            prewarm_.save_hot_list(*links.builder);
        else
            want(prewarm_.find_cold(*links.builder, *links.store));
    }
    if (!task.batch.empty())
        want(prewarm_.rebuild(*links.builder, *links.store, task.batch));
}

void PrewarmPool::put_back(Task task)
{
    for (auto const chore : task.chores)
        if (std::find(chores_.begin(), chores_.end(), chore) == chores_.end())
            chores_.push_back(chore);
    if (!task.chores.empty())
        work_.notify_all();
    add(std::move(task.batch));
}

void PrewarmPool::work(std::size_t index)
{
    PrewarmLinks links;
    Task task;
    while (next(index, task, links)) {
        bool const was_connected = links.builder != nullptr;
        try {
            if (!was_connected) {
                links = connect_();
                metrics_.prewarm_connected(1);
            }
            run(task, links);
            std::lock_guard const lock(mutex_);
            note_success(!task.batch.empty());
            retry_.succeeded();
        } catch (const Failure &failure) {
            metrics_.failed(Part::Prewarm);
            disconnect(links);
            std::unique_lock lock(mutex_);
            // While stopping, a failed task is dropped.
            if (stopping_)
                continue;
            note_failure(failure, !task.batch.empty());
            put_back(std::move(task));
            // An idle connection may have been closed long ago: try at once with a new one.
            if (was_connected)
                continue;
            if (clock_.now() >= retry_.due())
                retry_.failed(clock_.now(), failure.what());
            stop_.wait_until(lock, retry_.due(), [this] { return stopping_; });
        }
    }
    disconnect(links);
    end_work();
}

void PrewarmPool::end_work()
{
    std::lock_guard const lock(mutex_);
    --running_;
    ended_.notify_all();
}

void PrewarmPool::disconnect(PrewarmLinks &links)
{
    if (links.builder)
        metrics_.prewarm_connected(-1);
    links = {};
}

std::optional<Failure> PrewarmPool::trouble() const
{
    std::lock_guard const lock(mutex_);
    return failure_ && clock_.now() - failing_since_ >= kTrouble ? failure_ : std::nullopt;
}

void PrewarmPool::note_failure(const Failure &failure, bool while_building)
{
    if (!failure_)
        failing_since_ = clock_.now();
    failure_ = failure;
    failed_building_ = failed_building_ || while_building;
}

// A success with the hot list does not end a series of failures to build values.
void PrewarmPool::note_success(bool of_building)
{
    if (failed_building_ && !of_building)
        return;
    failure_.reset();
    failed_building_ = false;
}

void PrewarmPool::stop()
{
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        work_.notify_all();
        deep_.notify_all();
        stop_.notify_all();
        auto const all_ended = [this] { return running_ == 0; };
        ended_.wait_for(lock, kPatience, all_ended);
        gives_up_ = true;
        do {
            for (auto *const builder : at_work_)
                builder->cancel();
        } while (!ended_.wait_for(lock, kBetweenCancels, all_ended));
    }
    for (auto &thread : threads_)
        if (thread.joinable())
            thread.join();
}

}  // namespace wc::app
