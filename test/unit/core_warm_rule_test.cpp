// The rule of core/warm/register.hpp in a small world of its own: threads that write, commit and roll back, and threads
// that compare what is kept with what their snapshot says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/warm/partition.hpp"
#include "core/warm/register.hpp"

namespace wc::warm {
namespace {

constexpr int kStudents = 6;
constexpr int kRegisters = 3;  // fewer than students: they share

struct Change {
    Xid xid;
    bool is_committed;
};

struct OwnedSnapshot {
    Xid xmin;
    Xid xmax;
    std::vector<std::uint32_t> running;
    Snapshot view() const { return {xmin, xmax, running.data(), static_cast<std::uint32_t>(running.size())}; }
};

// A database: rows are the list of changes of each student, a transaction is visible once it left the list of the
// running.
class World {
public:
    Xid begin()
    {
        std::lock_guard const lock(running_lock_);
        running_.push_back(next_);
        return next_++;
    }

    void change(int student, Xid xid)
    {
        std::lock_guard const lock(rows_lock_);
        rows_[static_cast<std::size_t>(student)].push_back({xid, false});
    }

    void mark_committed(int student, Xid xid)
    {
        std::lock_guard const lock(rows_lock_);
        for (Change &change : rows_[static_cast<std::size_t>(student)]) {
            if (change.xid == xid)
                change.is_committed = true;
        }
    }

    void end(Xid xid)
    {
        std::lock_guard const lock(running_lock_);
        running_.erase(std::find(running_.begin(), running_.end(), xid));
    }

    OwnedSnapshot snapshot()
    {
        std::lock_guard const lock(running_lock_);
        OwnedSnapshot taken{next_, next_, {}};
        for (Xid const xid : running_) {
            taken.xmin = std::min(taken.xmin, xid);
            taken.running.push_back(static_cast<std::uint32_t>(xid));
        }
        return taken;
    }

    // What a student's text is for a snapshot: which committed changes it sees.
    std::string build(int student, const Snapshot &snapshot)
    {
        std::lock_guard const lock(rows_lock_);
        std::string text = std::to_string(student) + ":";
        for (const Change &change : rows_[static_cast<std::size_t>(student)]) {
            if (change.is_committed && snapshot.sees(change.xid))
                text += std::to_string(change.xid) + ",";
        }
        // Only the end, so that texts do not grow for ever.
        return text.size() < 200 ? text : text.substr(text.size() - 200);
    }

    Register &register_of(int student) { return registers_[static_cast<std::size_t>(student) % kRegisters]; }
    Register of_all;

    std::shared_mutex shelf_lock;
    Partition partition() { return {state_, heads_.data(), reinterpret_cast<char *>(bytes_.data())}; }

private:
    std::mutex running_lock_;
    std::mutex rows_lock_;
    Xid next_ = 100;
    std::vector<Xid> running_;
    std::array<std::vector<Change>, kStudents> rows_;
    std::array<Register, kRegisters> registers_;
    static constexpr std::uint32_t kCapacity = 8 * 1024;
    Partition::State state_{{kCapacity, 0, 0}, Partition::chains_for(kCapacity), 0, 0};
    std::vector<std::uint32_t> heads_ = std::vector<std::uint32_t>(Partition::chains_for(kCapacity));
    std::vector<std::uint64_t> bytes_ = std::vector<std::uint64_t>(kCapacity / 8);
};

void pause_a_little(std::mt19937 &random)
{
    if (random() % 4 == 0)
        std::this_thread::yield();
}

void write(World &world, unsigned seed, const std::atomic<bool> &stop)
{
    std::mt19937 random(seed);
    auto const pause = [] { std::this_thread::yield(); };
    while (!stop.load()) {
        Xid const xid = world.begin();
        int const student = static_cast<int>(random() % kStudents);
        world.change(student, xid);
        pause_a_little(random);
        bool const is_rolled_back = random() % 5 == 0;
        if (random() % 20 == 0)
            enter(world.of_all, xid, pause);
        else
            enter(world.register_of(student), xid, pause);
        pause_a_little(random);
        if (!is_rolled_back)
            world.mark_committed(student, xid);
        world.end(xid);
        for (unsigned i = random() % 40; i > 0; --i)
            std::this_thread::yield();
    }
}

// Transactions that stay open for long keep xmin where it is.
void stay_open(World &world, const std::atomic<bool> &stop)
{
    while (!stop.load()) {
        Xid const xid = world.begin();
        for (int i = 0; i < 200 && !stop.load(); ++i)
            std::this_thread::yield();
        world.end(xid);
    }
}

struct Counts {
    std::atomic<int> hits{0};
    std::atomic<int> wrong{0};
};

void look(World &world, int student, const OwnedSnapshot &taken, std::mt19937 &random, Counts &counts)
{
    Snapshot const snapshot = taken.view();
    std::string const id = std::to_string(student);
    Shape const shape{};
    Key const key{std::hash<std::string>{}(id), shape, id};
    Reading const of_student = read(world.register_of(student));
    Reading const of_all = read(world.of_all);
    if (!sees_all(snapshot, of_student) || !sees_all(snapshot, of_all))
        return;
    Versions const versions{of_student.version, of_all.version};
    pause_a_little(random);
    std::string found;
    {
        std::shared_lock const lock(world.shelf_lock);
        const Entry *const entry = world.partition().find(key);
        if (entry != nullptr && entry->versions == versions)
            found = entry->text();
    }
    std::string const built = world.build(student, snapshot);
    if (!found.empty()) {
        ++counts.hits;
        if (found != built)
            ++counts.wrong;
        return;
    }
    pause_a_little(random);
    std::unique_lock const lock(world.shelf_lock);
    world.partition().put(key, versions, built);
}

TEST(WarmRule, WhatIsFoundIsWhatTheSnapshotSays)
{
    constexpr int kEnough = 500;
    constexpr int kMost = 1'000'000;
    World world;
    Counts counts;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (unsigned w = 0; w < 3; ++w)
        threads.emplace_back([&, w] { write(world, w, stop); });
    threads.emplace_back([&] { stay_open(world, stop); });
    for (unsigned r = 0; r < 3; ++r)
        threads.emplace_back([&, r] {
            std::mt19937 random(100 + r);
            for (int i = 0; i < kMost && !stop.load(); ++i) {
                OwnedSnapshot const taken = world.snapshot();
                // Some hold on to their snapshot, as REPEATABLE READ does.
                for (auto looks = random() % 12 + 1; looks > 0; --looks)
                    look(world, static_cast<int>(random() % kStudents), taken, random, counts);
                if (counts.hits.load() >= kEnough || counts.wrong.load() > 0)
                    stop = true;
            }
            stop = true;
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(counts.wrong.load(), 0);
    EXPECT_GE(counts.hits.load(), kEnough);
}

}  // namespace
}  // namespace wc::warm
