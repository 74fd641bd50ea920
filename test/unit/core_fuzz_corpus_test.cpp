// The fuzzers' corpus, and all beginnings of each of its files, each in memory of its own: so that what a fuzzer found
// once is found by every test run, with or without clang.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "test/fuzz/checks.hpp"

namespace wc::fuzz {
namespace {

int check_corpus(const char *name, void (*check)(std::string_view))
{
    int files = 0;
    auto const folder = std::filesystem::path(WC_SOURCE) / "test/fuzz/corpus" / name;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::string const text{std::istreambuf_iterator<char>(file), {}};
        for (std::size_t size = 0; size <= text.size(); ++size) {
            std::vector<char> const exactly(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
            check({exactly.data(), exactly.size()});
        }
        ++files;
    }
    return files;
}

TEST(FuzzCorpus, Search) { EXPECT_GE(check_corpus("search", check_search), 10); }

TEST(FuzzCorpus, Json) { EXPECT_GE(check_corpus("json", check_json), 10); }

}  // namespace
}  // namespace wc::fuzz
