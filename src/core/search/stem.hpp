// A word that is still being typed, and the lexemes of what it may become.
//
// The index holds stems: `vaccin` for vaccination, `cough` for coughing.  Looking for the prefix of a stem finds them
// for as long as what is typed is no longer than the stem, so that results would come, go at "coughi" and come back at
// "coughing".  So what is typed is also completed with each ending that English words may have from there on; where the
// stem of that is a beginning of what is typed, it is looked for as well.
#pragma once
#include <string_view>

namespace wc::search {

inline constexpr std::string_view kEndings[] = {
    "s", "es", "e",  "d", "ed", "g",   "ng", "ing", "n", "on", "ion", "ions", "tion", "tions", "ation",
    "r", "er", "rs", "t", "nt", "ent", "y",  "ly",  "l", "al", "ss",  "ess",  "ness", "le",    "ity"};

/// The shortest word that is worth completing, and the shortest stem that counts.
inline constexpr std::size_t kShortestTyped = 4;
inline constexpr std::size_t kShortestStem = 3;

/// Whether `typed` consists of ASCII letters, and of enough of them.
constexpr bool is_worth_completing(std::string_view typed) noexcept
{
    if (typed.size() < kShortestTyped || typed.size() > 32)
        return false;
    for (char const c : typed) {
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}

/// Whether `stem`, in lower case, is a proper beginning of `typed` in any case.
constexpr bool is_stem_of(std::string_view stem, std::string_view typed) noexcept
{
    if (stem.size() < kShortestStem || stem.size() >= typed.size())
        return false;
    for (std::size_t i = 0; i < stem.size(); ++i) {
        if ((typed[i] | 0x20) != stem[i])
            return false;
    }
    return true;
}

}  // namespace wc::search
