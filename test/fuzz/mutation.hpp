// A small mutator, so that test runs without libFuzzer try more than the corpus.  The same seed gives the same texts
// everywhere.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace wc::fuzz {

class Mutator {
public:
    /// Takes pieces for its mutations from the corpus too.  REQUIRES: the corpus is not empty, and outlives this.
    Mutator(const std::vector<std::string> &corpus, std::uint32_t seed) : corpus_(corpus), random_(seed) {}

    /// Returns a text of the corpus after one to five changes.
    std::string next()
    {
        std::string text = any();
        for (auto changes = 1 + below(5); changes > 0; --changes)
            change(text);
        return text;
    }

private:
    // What readers take for a mark, an end or a bound.
    static constexpr std::string_view kMarks[] = {"\r\n",  "\n",       " ",
                                                  "'",     "\"",       "\\",
                                                  ":",     ",",        "@",
                                                  "#",     ".",        "/",
                                                  "?",     "%00",      "%",
                                                  "\xff",  "\xc2\x85", "-",
                                                  "+",     "[",        "]",
                                                  "{",     "}",        "*/",
                                                  "=",     "://",      "0",
                                                  "-1",    "9",        "2147483647",
                                                  "65536", "\x1f",     "\xed\xa0\x80",
                                                  "*",     "$1\r\n",   "18446744073709551615"};

    std::size_t below(std::size_t bound) { return random_() % bound; }
    const std::string &any() { return corpus_[below(corpus_.size())]; }

    void change(std::string &text)
    {
        auto const at = below(text.size() + 1);
        auto const length = below(8);
        switch (below(7)) {
            case 0: text.insert(at, kMarks[below(std::size(kMarks))]); return;
            case 1: text.insert(at, 1, static_cast<char>(below(256))); return;
            case 2: text.erase(at, 1 + length); return;
            case 3:
                if (at < text.size())
                    text[at] = static_cast<char>(text[at] ^ 1 << below(8));
                return;
            case 4: text.insert(at, text.substr(below(text.size() + 1), 1 + length)); return;
            case 5: {
                // Goes on as another text does.
                auto const &other = any();
                text.replace(at, std::string::npos, other, below(other.size() + 1), std::string::npos);
                return;
            }
            default: text.replace(at, 1, kMarks[below(std::size(kMarks))]);
        }
    }

    const std::vector<std::string> &corpus_;
    std::mt19937 random_;
};

}  // namespace wc::fuzz
