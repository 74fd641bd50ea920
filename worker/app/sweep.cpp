#include "app/sweep.hpp"

#include <algorithm>
#include <utility>

#include "process/log.hpp"

namespace wc::app {
namespace {

// The cursor with which SCAN begins and ends.
const std::string kStart = "0";

void fence(Cache &cache, const std::vector<Everything> &rows)
{
    std::vector<Xid> xids;
    xids.reserve(rows.size());
    for (auto const &row : rows)
        xids.push_back(row.xid);
    if (!xids.empty())
        cache.fence_all(xids);
}

}  // namespace

void Sweep::add(const std::vector<Everything> &rows, Cache &cache)
{
    // A row stays in the queue until its sweep is over, so that a drain may find it again.
    auto const is_in = [](const std::vector<Everything> &list, const Everything &row) {
        return std::find(list.begin(), list.end(), row) != list.end();
    };
    std::vector<Everything> fresh;
    for (auto const &row : rows)
        if (!is_in(running_, row) && !is_in(waiting_, row) && !is_in(untold_, row))
            fresh.push_back(row);
    if (fresh.empty())
        return;
    // Note the rows before Redis acknowledges the fence: if Redis fails now, `restart` fences for them.
    waiting_.insert(waiting_.end(), fresh.begin(), fresh.end());
    fence(cache, fresh);
    if (running_.empty())
        begin();
}

void Sweep::begin()
{
    take_turn();
    cursor_ = kStart;
    seen_ = removed_ = 0;
    began_ = clock_.now();
    if (!running_.empty())
        log::info("every student changed: removing {} from the cache, step by step",
                  pattern_.empty() ? "all values" : "those that match a pattern");
}

// Chooses the rows of the next sweep: all rows if one of them concerns all keys, or else the rows of one pattern.
void Sweep::take_turn()
{
    running_.clear();
    bool const all = std::any_of(waiting_.begin(), waiting_.end(), [](auto &row) { return row.pattern.empty(); });
    pattern_ = all || waiting_.empty() ? "" : waiting_.front().pattern;
    std::vector<Everything> later;
    for (auto &row : waiting_)
        (all || row.pattern == pattern_ ? running_ : later).push_back(std::move(row));
    waiting_ = std::move(later);
}

bool Sweep::advance(Queue &queue, Cache &cache, Time deadline)
{
    if (running_.empty())
        begin();
    do {
        auto step = cache.sweep(cursor_, pattern_);
        cursor_ = std::move(step.cursor);
        seen_ += step.seen;
        removed_ += step.removed;
        metrics_.swept(step.removed);
        for (auto const &student : step.summaries)
            hot_.touch(student, clock_.now());
    } while (cursor_ != kStart && clock_.now() < deadline);
    if (cursor_ != kStart)
        return false;
    if (!finish(running_, queue, cache))
        untold_.insert(untold_.end(), running_.begin(), running_.end());
    std::chrono::duration<double, std::milli> const took = clock_.now() - began_;
    log::info("every student changed: {} of {} keys removed in {:.0f} ms", removed_, seen_, took.count());
    running_.clear();
    return true;
}

// Returns false if the rows must stay, because the stream of events does not take theirs.
bool Sweep::finish(const std::vector<Everything> &rows, Queue &queue, Cache &cache)
{
    if (events_.is_on() && !events_.append(events_of(rows), cache))
        return false;
    queue.forget(rows);
    return true;
}

void Sweep::tell(Queue &queue, Cache &cache)
{
    if (!untold_.empty() && finish(untold_, queue, cache))
        untold_.clear();
}

void Sweep::restart(Cache &cache)
{
    waiting_.insert(waiting_.end(), running_.begin(), running_.end());
    running_.clear();
    fence(cache, waiting_);
}

void Sweep::forget() noexcept
{
    running_.clear();
    waiting_.clear();
    untold_.clear();
}

}  // namespace wc::app
