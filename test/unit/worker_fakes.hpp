// Ports of the worker, faked: what they were asked for is written into one journal, in order.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/builder.hpp"
#include "app/cache.hpp"
#include "app/clock.hpp"
#include "app/failure.hpp"
#include "app/queue.hpp"
#include "core/cache/key.hpp"

namespace wc::test {

using Journal = std::vector<std::string>;

struct FakeClock : app::Clock {
    app::Time time{std::chrono::hours(1)};
    app::Time now() const override { return time; }
    void pass(std::chrono::milliseconds duration) { time += duration; }
};

/// Waiting makes the time pass at once, unless something is readable.
struct FakeWaiter : app::Waiter {
    FakeClock &clock;
    bool stop = false;
    std::function<bool()> is_readable = [] { return false; };
    std::vector<std::chrono::milliseconds> waited;

    explicit FakeWaiter(FakeClock &clock) : clock(clock) {}
    void wait(std::span<const int>, app::Time until) override
    {
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - clock.time);
        waited.push_back(left);
        if (left.count() > 0 && !is_readable())
            clock.time = until;
    }
    bool stopping() const override { return stop; }
};

/// The servers outlive their connections, as in life.
struct FakeDatabase {
    Journal &journal;
    std::vector<app::Batch> batches;  ///< given out from the front; a batch given back stays there
    bool lock_is_free = true;
    std::vector<std::optional<bool>> enroll_answers;  ///< then always false
    std::string fail_at;                              ///< the call that loses the connection, once
    bool woken = false;
    std::optional<std::chrono::microseconds> clock{0};
    int connections = 0;
    std::vector<app::Report> reports;

    explicit FakeDatabase(Journal &journal) : journal(journal) {}
    void call(const std::string &name)
    {
        journal.push_back(name);
        if (fail_at == name) {
            fail_at.clear();
            throw app::Failure(app::Part::Postgres, "lost at " + name);
        }
    }
};

class FakeQueue : public app::Queue {
public:
    explicit FakeQueue(FakeDatabase &database) : db_(database) { ++db_.connections; }

    bool try_lead() override
    {
        db_.call("try_lead");
        return db_.lock_is_free;
    }
    void release() override { db_.call("release"); }
    std::optional<bool> enroll() override
    {
        db_.call("enroll");
        if (db_.enroll_answers.empty())
            return false;
        auto const answer = db_.enroll_answers.front();
        db_.enroll_answers.erase(db_.enroll_answers.begin());
        return answer;
    }
    app::Batch take(std::size_t most) override
    {
        db_.call("take");
        last_most = most;
        if (db_.batches.empty())
            return {};
        auto batch = db_.batches.front();
        if (batch.rows == 0)
            db_.batches.erase(db_.batches.begin());
        return batch;
    }
    std::string identity() override { return "this start"; }
    std::string snapshot() override
    {
        db_.call("snapshot");
        return "1:1:@0";
    }
    std::optional<std::chrono::microseconds> clock() override { return db_.clock; }
    void distrust() override { db_.call("distrust"); }
    void commit() override
    {
        db_.call("commit");
        db_.batches.erase(db_.batches.begin());
    }
    void give_back() override { db_.call("give_back"); }
    void forget(std::span<const app::Everything> rows) override { db_.call("forget " + std::to_string(rows.size())); }
    app::Backlog backlog() override { return {db_.batches.size(), std::chrono::seconds(7)}; }
    int wake_fd() const override { return -1; }
    bool consume_wakes() override { return std::exchange(db_.woken, false); }
    void heartbeat() override { db_.call("heartbeat"); }
    void report(const app::Report &report) override { db_.reports.push_back(report); }

    std::size_t last_most = 0;

private:
    FakeDatabase &db_;
};

struct FakeRedis {
    Journal &journal;
    std::set<std::string> cached;  ///< students whose summary is in the cache
    std::vector<std::vector<std::string>> sweep_steps{{}};
    app::Epoch epoch = app::Epoch::Open;
    bool loses_opening = false;
    std::vector<app::Time> vouched;  ///< until when
    std::vector<std::pair<std::string, app::Time>> horizons;
    std::vector<app::Time> invalidated_at;
    int clocks = 0;
    FakeClock *clock;
    std::chrono::milliseconds takes{}, sweep_takes{};  ///< of the next batch; of a step
    bool is_down = false;
    bool fails_next = false;
    int connections = 0;

    explicit FakeRedis(Journal &journal, FakeClock *clock = nullptr) : journal(journal), clock(clock) {}
    void pass(std::chrono::milliseconds time) const
    {
        if (clock)
            clock->pass(time);
    }
    void call(const std::string &name)
    {
        journal.push_back(name);
        if (is_down || std::exchange(fails_next, false))
            throw app::Failure(app::Part::Redis, "Redis is away");
    }
};

class FakeCache : public app::Cache {
public:
    explicit FakeCache(FakeRedis &redis) : redis_(redis)
    {
        redis_.call("redis connects");
        ++redis_.connections;
    }
    std::vector<app::KindSet> invalidate(std::span<const app::Change> changes) override
    {
        redis_.call("invalidate " + std::to_string(changes.size()));
        redis_.pass(redis_.takes);
        if (redis_.clock)
            redis_.invalidated_at.push_back(redis_.clock->now());
        std::vector<app::KindSet> existed;
        for (auto const &change : changes) {
            bool const stale = app::stale_kinds(change.sections) & app::bit(cache::Kind::HealthSummary);
            existed.push_back(stale && redis_.cached.erase(change.student) ? app::bit(cache::Kind::HealthSummary) : 0);
        }
        return existed;
    }
    void fence_all(std::span<const app::Xid> xids) override { redis_.call("fence_all " + std::to_string(xids.size())); }
    app::SweepStep sweep(const std::string &cursor, const std::string &pattern) override
    {
        redis_.call("sweep " + cursor + (pattern.empty() ? "" : " of " + pattern));
        redis_.pass(redis_.sweep_takes);
        auto const at = static_cast<std::size_t>(std::stoul(cursor));
        auto const &students = redis_.sweep_steps[at];
        return {at + 1 < redis_.sweep_steps.size() ? std::to_string(at + 1) : "0", students.size(), students.size(),
                students};
    }
    app::Epoch epoch(const std::string &database) override
    {
        redis_.call("epoch of " + database);
        return redis_.epoch;
    }
    bool open_epoch(const std::string &, const std::function<std::string()> &take_snapshot) override
    {
        redis_.call("opens an epoch");
        take_snapshot();
        if (std::exchange(redis_.loses_opening, false))
            return false;
        redis_.epoch = app::Epoch::Open;
        return true;
    }
    void close_epoch() override
    {
        redis_.call("closes the epoch");
        redis_.epoch = app::Epoch::Closed;
    }
    void vouch(app::Time end) override
    {
        redis_.call("vouch");
        redis_.vouched.push_back(end);
    }
    void advance(const std::string &snapshot, app::Time end, std::chrono::milliseconds) override
    {
        redis_.horizons.push_back({snapshot, end});
    }
    bool set_clock(std::chrono::microseconds) override
    {
        ++redis_.clocks;
        return true;
    }
    app::Fences fences() override { return {}; }
    app::Reads reads() override { return {3, 1}; }
    int fd() const override { return -1; }
    void check() override
    {
        if (redis_.is_down)
            throw app::Failure(app::Part::Redis, "Redis closed the connection");
    }
    void ping() override { redis_.call("ping"); }

private:
    FakeRedis &redis_;
};

struct FakeBuilder : app::Builder {
    std::set<std::string> unknown;
    std::vector<app::Hot> saved;
    int builds = 0;
    bool fails_next = false;

    std::vector<app::Entry> build(std::span<const std::string> students, cache::Kind kind) override
    {
        ++builds;
        if (std::exchange(fails_next, false))
            throw app::Failure(app::Part::Postgres, "lost while building");
        std::vector<app::Entry> entries;
        for (auto const &student : students)
            if (!unknown.contains(student))
                entries.push_back({student, cache::key(student, kind), "{}", cache::ttl_seconds(kind), "10:10:@1"});
        return entries;
    }
    void save_hot(std::span<const app::Hot> hot) override { saved.assign(hot.begin(), hot.end()); }
    std::vector<app::Hot> load_hot() override { return saved; }
};

struct FakeStore : app::Store {
    std::set<std::string> refused;
    std::map<std::string, app::Entry> stored;  // summaries
    std::map<std::string, app::Entry> charts;

    std::vector<bool> fill(std::span<const app::Entry> entries) override
    {
        std::vector<bool> answers;
        for (auto const &entry : entries) {
            answers.push_back(!refused.contains(entry.student));
            if (!answers.back())
                continue;
            (entry.key == cache::key(entry.student, cache::Kind::GrowthChart) ? charts : stored)[entry.student] = entry;
        }
        return answers;
    }
    std::vector<std::string> missing(std::span<const std::string> students) override
    {
        std::vector<std::string> absent;
        for (auto const &student : students)
            if (!stored.contains(student))
                absent.push_back(student);
        return absent;
    }
};

inline app::Change change(std::string student, cache::Sections sections = cache::kAllergies)
{
    return {std::move(student), sections, {100}, std::chrono::microseconds(500)};
}

inline app::Batch batch(std::vector<app::Change> changes, bool complete = true)
{
    auto const rows = changes.size();
    return {std::move(changes), {}, rows, complete};
}

}  // namespace wc::test
