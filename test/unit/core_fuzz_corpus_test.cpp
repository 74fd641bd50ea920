// The fuzzers' corpus, all beginnings of each of its files, and some thousand mutations of them, each in memory of its
// own: so that what a fuzzer found once is found by every test run, with or without clang.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "test/fuzz/checks.hpp"
#include "test/fuzz/mutation.hpp"

namespace wc::fuzz {
namespace {

const auto kCorpus = std::filesystem::path(WC_SOURCE) / "test/fuzz/corpus";
constexpr int kMutations = 4000;

std::vector<std::string> corpus_of(std::string_view name)
{
    std::vector<std::string> texts;
    for (const auto &entry : std::filesystem::directory_iterator(kCorpus / name)) {
        std::ifstream file(entry.path(), std::ios::binary);
        texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    // A folder has no order of its own.
    std::sort(texts.begin(), texts.end());
    return texts;
}

// What is being checked, for who wants to know with what the process ended.
std::string_view checked;

extern "C" void show_checked(int)
{
    // The process is lost; nothing else of it can be in the middle of a line.
    std::fputs("\ncheck failed for \"", stderr);
    for (char const c : checked)
        std::fprintf(stderr, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    std::fputs("\"\n", stderr);
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

class FuzzCorpus : public testing::TestWithParam<Target> {
protected:
    void SetUp() override { before_ = std::signal(SIGABRT, show_checked); }
    void TearDown() override { std::signal(SIGABRT, before_); }

    // Reading one byte too far is reading beyond the memory's end, which ASan sees.
    static void check(std::string_view text)
    {
        // Not a vector: an empty one has a null pointer, which no caller hands over, and memcpy may not have.
        auto const exactly = std::make_unique<char[]>(text.size());
        std::copy(text.begin(), text.end(), exactly.get());
        checked = {exactly.get(), text.size()};
        GetParam().check(checked);
    }

private:
    void (*before_)(int) = SIG_DFL;
};

TEST_P(FuzzCorpus, AndItsBeginnings)
{
    auto const corpus = corpus_of(GetParam().name);
    EXPECT_GE(corpus.size(), 5U);
    for (auto const &text : corpus)
        for (std::size_t size = 0; size <= text.size(); ++size)
            check(std::string_view(text).substr(0, size));
}

TEST_P(FuzzCorpus, AndMutations)
{
    auto const corpus = corpus_of(GetParam().name);
    Mutator mutator(corpus, 20251010);
    for (int i = 0; i < kMutations; ++i)
        check(mutator.next());
}

INSTANTIATE_TEST_SUITE_P(All, FuzzCorpus, testing::ValuesIn(kTargets),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(FuzzTargets, HaveAllAFolder)
{
    for (const auto &entry : std::filesystem::directory_iterator(kCorpus)) {
        auto const name = entry.path().filename().string();
        EXPECT_TRUE(std::any_of(std::begin(kTargets), std::end(kTargets), [&](const Target &target) {
            return target.name == name;
        })) << name;
    }
}

}  // namespace
}  // namespace wc::fuzz
