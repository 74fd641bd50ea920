#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/warm/partition.hpp"
#include "core/warm/register.hpp"

namespace wc::warm {
namespace {

void no_pause() {}

// ---- ids and snapshots ----

TEST(WarmXid, IsWidenedFromBothSidesOfTheNextOne)
{
    Xid const next = (Xid{7} << 32) + 100;
    EXPECT_EQ(widen(99, next), (Xid{7} << 32) + 99);
    EXPECT_EQ(widen(101, next), (Xid{7} << 32) + 101);
    EXPECT_EQ(widen(0xFFFFFFF0U, next), (Xid{6} << 32) + 0xFFFFFFF0U);
    Xid const late = (Xid{7} << 32) + 0xFFFFFFF0U;
    EXPECT_EQ(widen(5, late), (Xid{8} << 32) + 5);
    EXPECT_EQ(widen(0xFFFFFFEFU, late), late - 1);
}

TEST(WarmSnapshot, SeesWhatHadFinished)
{
    std::vector<std::uint32_t> const running = {12, 10};
    Snapshot const snapshot{10, 15, running.data(), 2};
    std::vector<Xid> seen;
    for (Xid xid = 8; xid < 18; ++xid) {
        if (snapshot.sees(xid))
            seen.push_back(xid);
    }
    EXPECT_EQ(seen, (std::vector<Xid>{8, 9, 11, 13, 14}));
}

// ---- registers ----

Snapshot all_before(Xid xid) { return {xid, xid, nullptr, 0}; }

TEST(WarmRegister, NobodyIsInANewOne)
{
    Register const empty;
    Reading const reading = read(empty);
    EXPECT_TRUE(reading.is_whole);
    EXPECT_TRUE(sees_all(all_before(3), reading));
}

TEST(WarmRegister, EachEntryGivesAnotherVersion)
{
    Register one;
    std::uint64_t const before = read(one).version;
    enter(one, 10, no_pause);
    std::uint64_t const after = read(one).version;
    EXPECT_NE(before, after);
    enter(one, 10, no_pause);
    EXPECT_NE(read(one).version, after);
    EXPECT_EQ(read(one).latest[0], 10U);
    EXPECT_EQ(read(one).latest[1], 0U);
}

TEST(WarmRegister, AnOddVersionIsNotWhole)
{
    Register one;
    one.version = 1;
    EXPECT_FALSE(read(one).is_whole);
    EXPECT_FALSE(sees_all(all_before(100), read(one)));
}

// Held against a list of all that entered, in every order of many.
TEST(WarmRegister, NeverClaimsToBeSeenWhatIsNot)
{
    std::mt19937 random(7);
    int refused_though_seen = 0;
    int seen = 0;
    for (int round = 0; round < 20'000; ++round) {
        Register one;
        std::vector<Xid> entered;
        int const count = static_cast<int>(random() % 13);
        for (int i = 0; i < count; ++i) {
            entered.push_back(100 + random() % 12);
            enter(one, entered.back(), no_pause);
        }
        Xid const xmin = 98 + random() % 12;
        Xid const xmax = xmin + random() % 16;
        std::vector<std::uint32_t> running;
        for (Xid xid = xmin; xid < xmax; ++xid) {
            if (random() % 6 == 0)
                running.push_back(static_cast<std::uint32_t>(xid));
        }
        Snapshot const snapshot{xmin, xmax, running.data(), static_cast<std::uint32_t>(running.size())};
        bool const all = std::all_of(entered.begin(), entered.end(), [&](Xid xid) { return snapshot.sees(xid); });
        bool const claimed = sees_all(snapshot, read(one));
        ASSERT_TRUE(all || !claimed);
        std::sort(entered.begin(), entered.end());
        bool const are_all_among_latest =
            std::unique(entered.begin(), entered.end()) - entered.begin() <= Register::kLatest;
        if (are_all_among_latest) {
            ASSERT_EQ(all, claimed) << "five are known exactly";
        }
        seen += claimed ? 1 : 0;
        refused_though_seen += all && !claimed ? 1 : 0;
    }
    EXPECT_GT(seen, 3'000);
    EXPECT_GT(refused_though_seen, 0);
}

TEST(WarmRegister, ReadersMeetWholeOnesWhileWritersEnter)
{
    Register one;
    std::atomic<bool> stop{false};
    std::vector<std::thread> writers;
    for (int w = 0; w < 3; ++w)
        writers.emplace_back([&one, w] {
            for (Xid xid = 1; xid <= 20'000; ++xid)
                enter(one, xid * 3 + static_cast<Xid>(w), [] { std::this_thread::yield(); });
        });
    std::thread reader([&] {
        std::uint64_t version = 0;
        int whole = 0;
        while (!stop.load() || whole == 0) {
            Reading const reading = read(one);
            if (!reading.is_whole)
                continue;
            ++whole;
            ASSERT_GE(reading.version, version);
            version = reading.version;
            // The five are the highest, each once, and above all others: only a whole reading says so.
            Xid before = ~Xid{0};
            for (Xid const xid : reading.latest) {
                ASSERT_TRUE(xid < before || xid == 0);
                ASSERT_TRUE(xid == 0 || xid > reading.older);
                before = xid;
            }
        }
    });
    for (std::thread &writer : writers)
        writer.join();
    stop = true;
    reader.join();
    EXPECT_EQ(read(one).version, 2U * 3U * 20'000U);
    EXPECT_EQ(read(one).latest[0], 20'000U * 3U + 2U);
}

// ---- ring ----

struct RingMemory {
    explicit RingMemory(std::uint32_t capacity) : state{capacity, 0, 0}, bytes(capacity / 8 + 1) {}
    Ring ring() { return {state, reinterpret_cast<char *>(bytes.data())}; }
    Ring::State state;
    std::vector<std::uint64_t> bytes;
};

void write_mark(Block *block, std::uint32_t mark)
{
    auto *const words = reinterpret_cast<std::uint32_t *>(block + 1);
    for (std::uint32_t i = 0; i < (block->size - sizeof(Block)) / 4; ++i)
        words[i] = mark;
}

bool has_mark(const Block *block, std::uint32_t mark)
{
    auto const *const words = reinterpret_cast<const std::uint32_t *>(block + 1);
    for (std::uint32_t i = 0; i < (block->size - sizeof(Block)) / 4; ++i) {
        if (words[i] != mark)
            return false;
    }
    return true;
}

// Held against a list: what was appended and not dropped is there, in order and untouched.
TEST(WarmRing, KeepsWhatItHolds)
{
    for (unsigned seed = 0; seed < 60; ++seed) {
        std::mt19937 random(seed);
        RingMemory memory(1024 + 16 * (seed % 7));
        std::deque<std::pair<std::uint32_t, std::uint32_t>> held;  // size, mark
        std::uint32_t marks = 0;
        auto const pass_rests = [&] {
            while (memory.ring().oldest() != nullptr && memory.ring().oldest()->is_used == 0)
                memory.ring().drop_oldest();
        };
        for (int step = 0; step < 2'000; ++step) {
            std::uint32_t const size = 16 * (1 + static_cast<std::uint32_t>(random() % 20));
            Block *const block = memory.ring().append(size);
            if (block != nullptr) {
                write_mark(block, ++marks);
                held.emplace_back(size, marks);
            }
            pass_rests();
            if (held.empty())
                continue;
            ASSERT_TRUE(has_mark(memory.ring().oldest(), held.front().second));
            ASSERT_EQ(memory.ring().oldest()->size, held.front().first);
            if (block != nullptr && random() % 3 != 0)
                continue;
            if (random() % 2 == 0) {
                memory.ring().drop_oldest();
            } else if (Block *const renewed = memory.ring().renew_oldest()) {
                ASSERT_TRUE(has_mark(renewed, held.front().second));
                held.push_back(held.front());
            }
            held.pop_front();
            ASSERT_LE(memory.state.used, memory.state.capacity);
        }
        pass_rests();
        for (; !held.empty(); held.pop_front()) {
            ASSERT_TRUE(has_mark(memory.ring().oldest(), held.front().second));
            memory.ring().drop_oldest();
            pass_rests();
        }
        EXPECT_EQ(memory.ring().oldest(), nullptr);
        EXPECT_EQ(memory.state.used, 0U);
    }
}

// ---- partitions ----

struct PartitionMemory {
    explicit PartitionMemory(std::uint32_t capacity)
        : state{{capacity, 0, 0}, Partition::chains_for(capacity), 0, 0}, heads(state.chains), bytes(capacity / 8 + 1)
    {}
    Partition partition() { return {state, heads.data(), reinterpret_cast<char *>(bytes.data())}; }
    Partition::State state;
    std::vector<std::uint32_t> heads;
    std::vector<std::uint64_t> bytes;
};

std::uint64_t hash_of(const std::string &id) { return std::hash<std::string>{}(id); }

TEST(WarmPartition, ComparesTheWholeKey)
{
    PartitionMemory memory(16 * 1024);
    Shape const one{1};
    Shape const other{2};
    EXPECT_EQ(memory.partition().put({5, one, "ada"}, {2, 4}, "text of ada"), Partition::Put::Kept);
    const Entry *const found = memory.partition().find({5, one, "ada"});
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->text(), "text of ada");
    EXPECT_EQ(found->versions, (Versions{2, 4}));
    EXPECT_EQ(memory.partition().find({5, other, "ada"}), nullptr);
    EXPECT_EQ(memory.partition().find({5, one, "eve"}), nullptr);
    EXPECT_EQ(memory.partition().find({6, one, "ada"}), nullptr);
    EXPECT_EQ(memory.partition().find({5, one, ""}), nullptr);
}

TEST(WarmPartition, AnEntryOfOlderVersionsDoesNotTakeThePlaceOfANewerOne)
{
    PartitionMemory memory(16 * 1024);
    Shape const shape{};
    memory.partition().put({5, shape, "ada"}, {4, 4}, "new");
    EXPECT_EQ(memory.partition().put({5, shape, "ada"}, {2, 4}, "old"), Partition::Put::Known);
    EXPECT_EQ(memory.partition().put({5, shape, "ada"}, {4, 4}, "same"), Partition::Put::Known);
    EXPECT_EQ(memory.partition().find({5, shape, "ada"})->text(), "new");
    EXPECT_EQ(memory.partition().put({5, shape, "ada"}, {6, 4}, "newer"), Partition::Put::Kept);
    EXPECT_EQ(memory.partition().find({5, shape, "ada"})->text(), "newer");
    EXPECT_EQ(memory.partition().put({5, shape, "ada"}, {6, 6}, std::string(1'500, 'x')), Partition::Put::Kept);
    EXPECT_EQ(memory.partition().find({5, shape, "ada"})->text().size(), 1'500U);
    EXPECT_EQ(memory.state.entries, 1U);
}

TEST(WarmPartition, RefusesWhatIsTooLarge)
{
    PartitionMemory memory(4 * 1024);
    EXPECT_EQ(memory.partition().put({5, Shape{}, "ada"}, {2, 2}, std::string(600, 'x')), Partition::Put::TooLarge);
    EXPECT_EQ(memory.partition().put({5, Shape{}, "ada"}, {2, 2}, std::string(5'000, 'x')), Partition::Put::TooLarge);
    EXPECT_EQ(memory.state.ring.used, 0U);
}

// What is found is what was put last under the key; what was used lately stays longer than the rest.
TEST(WarmPartition, HoldsWhatWasPutLast)
{
    std::mt19937 random(3);
    PartitionMemory memory(64 * 1024);
    Shape const shape{};
    std::map<std::string, std::string> put;
    std::uint64_t version = 0;
    for (int step = 0; step < 60'000; ++step) {
        std::string const id = "student-" + std::to_string(random() % 400);
        Key const key{hash_of(id), shape, id};
        if (const Entry *const found = memory.partition().find(key)) {
            ASSERT_EQ(found->text(), put[id]);
            Partition::mark(*found);
        }
        if (random() % 3 != 0) {
            std::string const text = id + std::string(random() % 900, static_cast<char>('a' + random() % 26));
            ASSERT_EQ(memory.partition().put(key, {version += 2, 0}, text), Partition::Put::Kept);
            put[id] = text;
        }
        ASSERT_LE(memory.state.ring.used, memory.state.ring.capacity);
    }
    EXPECT_GT(memory.state.evictions, 1'000U);
    EXPECT_GT(memory.state.entries, 60U);
}

TEST(WarmPartition, WhatIsUsedGetsASecondChance)
{
    PartitionMemory memory(32 * 1024);
    Shape const shape{};
    auto const put = [&](const std::string &id) {
        memory.partition().put({hash_of(id), shape, id}, {2, 2}, std::string(1'000, 'x'));
    };
    auto const find = [&](const std::string &id) { return memory.partition().find({hash_of(id), shape, id}); };
    put("favourite");
    for (int i = 0; i < 1'000; ++i) {
        put("passing-" + std::to_string(i));
        ASSERT_NE(find("favourite"), nullptr);
        Partition::mark(*find("favourite"));
    }
    EXPECT_EQ(find("passing-0"), nullptr);
}

}  // namespace
}  // namespace wc::warm
