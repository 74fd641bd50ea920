#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <string>

#include "core/changes/dirty_set.hpp"

namespace wc::changes {
namespace {

// Stands for a memory context: knows what is live, frees it all at the end, and fails on demand.
struct Arena {
    std::set<void *> live;
    int until_failure = -1;

    static Arena &instance()
    {
        static Arena arena;
        return arena;
    }
    void reset()
    {
        for (void *memory : live)
            std::free(memory);
        live.clear();
        until_failure = -1;
    }
};

void *allocate(std::size_t bytes)
{
    Arena &arena = Arena::instance();
    if (arena.until_failure == 0)
        throw std::bad_alloc();
    if (arena.until_failure > 0)
        --arena.until_failure;
    void *const memory = std::malloc(bytes);
    arena.live.insert(memory);
    return memory;
}

void release(void *memory)
{
    ASSERT_EQ(Arena::instance().live.erase(memory), 1u);
    std::free(memory);
}

class DirtySetTest : public testing::Test {
protected:
    void TearDown() override { Arena::instance().reset(); }

    static std::map<std::string, int> content(const DirtySet &set)
    {
        std::map<std::string, int> all;
        for (const DirtySet::Entry &entry : set)
            EXPECT_TRUE(all.emplace(entry.student(), entry.sections).second) << "twice: " << entry.student();
        return all;
    }
};

TEST_F(DirtySetTest, BeginsEmpty)
{
    DirtySet const set(allocate, release, 100);
    EXPECT_TRUE(set.empty());
    EXPECT_EQ(set.begin(), set.end());
    EXPECT_TRUE(Arena::instance().live.empty());
}

TEST_F(DirtySetTest, TakesAnEmptyIdFirst)
{
    DirtySet set(allocate, release, 100);
    set.add("", 1);
    set.add("s", 2);
    EXPECT_EQ(content(set), (std::map<std::string, int>{{"", 1}, {"s", 2}}));
}

TEST_F(DirtySetTest, AddsSectionsOfOneStudentTogether)
{
    DirtySet set(allocate, release, 100);
    set.add("s1", cache::kAllergies);
    set.add("s2", cache::kStudent);
    set.add("s1", cache::kStudent);
    set.add("s1", cache::kAllergies);
    EXPECT_EQ(content(set),
              (std::map<std::string, int>{{"s1", cache::kAllergies | cache::kStudent}, {"s2", cache::kStudent}}));
}

TEST_F(DirtySetTest, CopiesIds)
{
    DirtySet set(allocate, release, 100);
    std::string id = "s1";
    set.add(id, cache::kStudent);
    id = "xx";
    EXPECT_EQ(set.begin()->student(), "s1");
}

TEST_F(DirtySetTest, IsAMapForAnyIds)
{
    std::mt19937 random(7);
    DirtySet set(allocate, release, 1'000'000);
    std::map<std::string, int> expected;
    for (int i = 0; i < 50'000; ++i) {
        std::string id(random() % 40, '\0');
        for (char &c : id)
            c = static_cast<char>('a' + random() % 3);
        auto const sections = static_cast<cache::Sections>(1u << (random() % 5));
        set.add(id, sections);
        expected[id] |= sections;
    }
    set.add(std::string(100'000, 'x'), cache::kStudent);
    expected[std::string(100'000, 'x')] = cache::kStudent;
    EXPECT_EQ(content(set), expected);
    EXPECT_EQ(set.size(), expected.size());
}

TEST_F(DirtySetTest, BeyondItsLimitEverythingIsMarked)
{
    DirtySet set(allocate, release, 3);
    set.add("s1", cache::kAllergies);
    set.add("s2", cache::kStudent);
    set.add("s3", cache::kStudent);
    EXPECT_EQ(set.everything(), 0);
    set.add("s3", cache::kHealthRecords);
    EXPECT_EQ(set.everything(), 0) << "a known student needs no room";
    set.add("s4", cache::kChronicConditions);
    EXPECT_EQ(set.everything(),
              cache::kAllergies | cache::kStudent | cache::kHealthRecords | cache::kChronicConditions);
    set.add("s5", cache::kGrowth);
    EXPECT_NE(set.everything() & cache::kGrowth, 0);
    EXPECT_LE(set.size(), 3u);
}

TEST_F(DirtySetTest, MarkedAsAWholeRemembersOnlyWhatIsNew)
{
    DirtySet set(allocate, release, 100);
    set.add_everything(cache::kAllergies);
    EXPECT_FALSE(set.empty());
    set.add("s1", cache::kAllergies);
    EXPECT_EQ(set.size(), 0u);
    set.add("s1", cache::kStudent);
    EXPECT_EQ(content(set), (std::map<std::string, int>{{"s1", cache::kStudent}}));
}

TEST_F(DirtySetTest, FailingToAllocateLeavesItWhole)
{
    for (int allowed = 0; allowed < 12; ++allowed) {
        DirtySet set(allocate, release, 1000);
        std::map<std::string, int> expected;
        Arena::instance().until_failure = allowed;
        bool has_failed = false;
        for (int i = 0; i < 200; ++i) {
            std::string const id = "student" + std::to_string(i);
            try {
                set.add(id, cache::kStudent);
                expected[id] = cache::kStudent;
            } catch (const std::bad_alloc &) {
                has_failed = true;
                Arena::instance().until_failure = -1;
            }
        }
        EXPECT_TRUE(has_failed || allowed > 8);
        EXPECT_EQ(content(set), expected);
        Arena::instance().reset();
    }
}

}  // namespace
}  // namespace wc::changes
