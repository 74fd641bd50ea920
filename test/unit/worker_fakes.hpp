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
#include "app/queue.hpp"
#include "core/protocol/key.hpp"
#include "process/clock.hpp"
#include "process/failure.hpp"

namespace wc::test {

using Journal = std::vector<std::string>;

struct FakeClock : Clock {
    Time time{std::chrono::hours(1)};
    Time now() const override { return time; }
    void pass(std::chrono::milliseconds duration) { time += duration; }
};

/// Waiting makes the time pass at once, unless something is readable.
struct FakeWaiter : Waiter {
    FakeClock &clock;
    bool stop = false;
    std::function<bool()> is_readable = [] { return false; };
    std::vector<std::chrono::milliseconds> waited;

    explicit FakeWaiter(FakeClock &clock) : clock(clock) {}
    void wait(std::span<const int>, Time until) override
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
    std::vector<app::Batch> kept;
    bool lock_is_free = true;
    std::string key_fingerprints{};
    std::vector<std::optional<bool>> register_answers;  ///< then always false
    std::string fail_at;                                ///< the call that loses the connection, once
    bool woken = false;
    std::optional<std::chrono::microseconds> clock{0};
    int connections = 0;
    std::vector<app::Report> reports;
    std::string holders, first;
    std::optional<Failure> refuses_reports;
    std::optional<app::OtherRedis> other;
    std::vector<app::SetAside> set_aside, taken_aside;
    std::string served;
    std::chrono::milliseconds served_for{};
    bool is_away = false;  ///< as one of several Redis, rows went without it
    std::vector<app::ServedShard> shards;
    int shards_number = 0;

    explicit FakeDatabase(Journal &journal) : journal(journal) {}
    void call(const std::string &name)
    {
        journal.push_back(name);
        if (fail_at == name) {
            fail_at.clear();
            throw Failure(Part::Postgres, "lost at " + name);
        }
    }
};

class FakeQueue : public app::Queue {
public:
    explicit FakeQueue(FakeDatabase &database) : db_(database) { ++db_.connections; }

    bool try_elect() override
    {
        db_.call("try_elect");
        return db_.lock_is_free;
    }
    void release() override { db_.call("release"); }
    std::optional<bool> register_worker() override
    {
        db_.call("register_worker");
        if (db_.register_answers.empty())
            return false;
        auto const answer = db_.register_answers.front();
        db_.register_answers.erase(db_.register_answers.begin());
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
    std::string key_fingerprints() override { return db_.key_fingerprints; }
    std::string snapshot() override
    {
        db_.call("snapshot");
        return "1:1:@0";
    }
    app::Everything everything_by_now() override { return {}; }
    std::optional<std::chrono::microseconds> clock() override { return db_.clock; }
    void distrust_cache() override { db_.call("distrust"); }
    app::Served serve(const std::string &process) override
    {
        if (db_.served == process && !db_.is_away)
            return {false, db_.served_for};
        bool const was_away = std::exchange(db_.is_away, false);
        bool const is_first = std::exchange(db_.served, process).empty();
        db_.served_for = is_first ? std::chrono::hours(24) : std::chrono::milliseconds(0);
        if (!is_first)
            db_.call("serves another");
        return {!is_first, was_away ? std::chrono::hours(24) : db_.served_for};
    }
    bool vouch(std::chrono::milliseconds life) override
    {
        db_.call("vouch " + std::to_string(life.count()));
        return !db_.is_away;
    }
    std::vector<app::ServedShard> served_shards() override { return db_.shards; }
    std::string serve_shards(std::span<const app::ServedShard> shards) override
    {
        db_.call("serves " + std::to_string(shards.size()) + " shards");
        db_.shards.assign(shards.begin(), shards.end());
        return std::to_string(++db_.shards_number);
    }
    bool has_cluster_keys() override { return true; }
    void commit() override
    {
        db_.call("commit");
        db_.taken_aside.clear();
        db_.batches.erase(db_.batches.begin());
    }
    void give_back() override
    {
        db_.call("give_back");
        // What was taken of it is there again.
        if (!db_.taken_aside.empty()) {
            db_.set_aside = std::exchange(db_.taken_aside, {});
            db_.batches.erase(db_.batches.begin());
        }
    }
    /// What is kept is given out no more, until `rewind`.
    void keep() override
    {
        db_.call("keep");
        db_.kept.push_back(db_.batches.front());
        db_.batches.erase(db_.batches.begin());
    }
    void rewind() override
    {
        db_.call("rewind");
        db_.batches.insert(db_.batches.begin(), db_.kept.begin(), db_.kept.end());
        db_.kept.clear();
    }
    void set_aside(std::span<const app::SetAside> changes) override
    {
        db_.call("set_aside " + std::to_string(changes.size()));
        db_.set_aside.insert(db_.set_aside.end(), changes.begin(), changes.end());
    }
    app::Batch take_set_aside() override
    {
        if (db_.set_aside.empty())
            return {};
        db_.call("take_set_aside");
        app::Batch batch;
        db_.taken_aside = std::exchange(db_.set_aside, {});
        for (auto const &one : db_.taken_aside)
            batch.changes.push_back(one.change);
        batch.rows = batch.changes.size();
        db_.batches.insert(db_.batches.begin(), batch);
        return batch;
    }
    void forget(std::span<const app::Everything> rows) override { db_.call("forget " + std::to_string(rows.size())); }
    app::Backlog backlog() override { return {db_.batches.size(), std::chrono::seconds(7), db_.first}; }
    int wake_fd() const override { return -1; }
    bool consume_wakes() override { return std::exchange(db_.woken, false); }
    void heartbeat() override { db_.call("heartbeat"); }
    std::string holders(app::Held) override { return db_.holders; }
    std::optional<app::OtherRedis> other_redis(const std::string &, const std::string &) override { return db_.other; }
    std::optional<Failure> report(const app::Report &report) override
    {
        db_.reports.push_back(report);
        return db_.refuses_reports;
    }

    std::size_t last_most = 0;

private:
    FakeDatabase &db_;
};

struct FakeRedis {
    Journal &journal;
    std::set<std::string> cached;   ///< students whose summary is in the cache
    std::set<std::string> refused;  ///< students whose changes it does not accept
    std::string key_fingerprints{};
    std::size_t misfits = 0;
    bool refuses_events = false;
    std::vector<app::Event> events;
    std::vector<std::vector<std::string>> sweep_steps{{}};
    app::Epoch epoch = app::Epoch::Open;
    bool loses_opening = false;
    std::string process = "run.history";
    std::vector<Time> live_until;   ///< until when
    std::vector<std::string> seen;  ///< what was said to be drained
    std::size_t changes_a_call = 64;
    std::vector<std::pair<std::string, Time>> horizons;
    std::vector<Time> invalidated_at;
    int clocks = 0;
    FakeClock *clock;
    std::chrono::milliseconds takes{}, sweep_takes{};  ///< of the next batch; of a step
    bool is_down = false;
    bool fails_next = false;
    std::string fails_at;  ///< the call that loses the connection, once
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
        bool const fails_here = !fails_at.empty() && fails_at == name;
        if (fails_here)
            fails_at.clear();
        if (is_down || fails_here || std::exchange(fails_next, false))
            throw Failure(Part::Redis, "Redis is away");
    }
};

class FakeCache : public app::Cache {
public:
    explicit FakeCache(FakeRedis &redis) : redis_(redis)
    {
        redis_.call("redis connects");
        ++redis_.connections;
    }
    app::Invalidated invalidate(std::span<const app::Change> changes, const std::string &seen) override
    {
        redis_.call("invalidate " + std::to_string(changes.size()));
        redis_.pass(redis_.takes);
        if (redis_.clock)
            redis_.invalidated_at.push_back(redis_.clock->now());
        app::Invalidated done;
        if (!seen.empty() && changes.size() <= redis_.changes_a_call) {
            done.has_noted_seen = true;
            redis_.seen.push_back(seen);
        }
        done.misfits = std::exchange(redis_.misfits, 0);
        for (auto const &change : changes) {
            if (redis_.refused.contains(change.student))
                done.rejected.push_back({done.existed.size(), "ERR no"});
            bool const stale = app::stale_kinds(change.sections) & app::bit(cache::Kind::HealthSummary);
            done.existed.push_back(stale && redis_.cached.erase(change.student) ? app::bit(cache::Kind::HealthSummary)
                                                                                : 0);
        }
        return done;
    }
    std::string append_events(std::span<const app::Event> events) override
    {
        std::string call = "append";
        for (auto const &event : events)
            call += " " + event.student + std::to_string(event.xid);
        redis_.call(call);
        if (redis_.refuses_events)
            return "OOM";
        redis_.events.insert(redis_.events.end(), events.begin(), events.end());
        return {};
    }
    std::size_t take_misfits() override { return 0; }
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
    void check_keys(const std::string &database) override
    {
        if (database != redis_.key_fingerprints)
            throw Failure(Part::Redis, "other keys", Cause::OtherKeys);
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
    void renew_liveness(Time end, const std::string &seen, std::span<const std::string> except) override
    {
        redis_.call(except.empty() ? "renew_liveness" : "renew_liveness except " + std::to_string(except.size()));
        redis_.live_until.push_back(end);
        redis_.seen.push_back(seen);
    }
    void advance(const std::string &snapshot, Time end, std::chrono::milliseconds) override
    {
        redis_.horizons.push_back({snapshot, end});
    }
    bool set_clock(std::chrono::microseconds) override
    {
        ++redis_.clocks;
        return true;
    }
    std::string run_id() const override { return "run"; }
    std::string process() const override { return redis_.process; }
    std::string address() const override { return "127.0.0.1:6379/0"; }
    app::Fences fences() override { return {}; }
    app::Reads reads() override { return {3, 1}; }
    int fd() const override { return -1; }
    void check() override
    {
        if (redis_.is_down)
            throw Failure(Part::Redis, "Redis closed the connection");
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
            throw Failure(Part::Postgres, "lost while building");
        std::vector<app::Entry> entries;
        for (auto const &student : students)
            if (!unknown.contains(student))
                entries.push_back({student, cache::key(student, kind), "{}", cache::ttl_seconds(kind), "10:10:@1"});
        return entries;
    }
    void save_hot(std::span<const app::Hot> hot) override { saved.assign(hot.begin(), hot.end()); }
    std::vector<app::Hot> load_hot() override { return saved; }
    std::vector<std::string> students_after(const std::string &, int) override { return {}; }
    std::string snapshot() override { return "10:10:@1"; }
    app::Xid commit_transaction() override { return 10; }
    void cancel() noexcept override {}
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
    return {std::move(changes), {}, rows, complete, complete ? "1:1:@0#1.1.1" : ""};
}

}  // namespace wc::test
