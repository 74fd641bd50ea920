// Completes a word that the user is still typing, to find the stems of the words that it may become.
//
// The index contains stems: `vaccin` for vaccination, `cough` for coughing.  A search for words that begin with the
// typed text finds a stem only while the typed text is not longer than the stem: results would disappear at "coughi"
// and come back at "coughing".  So the search also appends each ending of English words to the typed text.  If the stem
// of such a word is a beginning of the typed text, the search looks for this stem too.
#pragma once
#include <string_view>

namespace wc::search {

inline constexpr std::string_view kEndings[] = {
    "s", "es", "e",  "d", "ed", "g",   "ng", "ing", "n", "on", "ion", "ions", "tion", "tions", "ation",
    "r", "er", "rs", "t", "nt", "ent", "y",  "ly",  "l", "al", "ss",  "ess",  "ness", "le",    "ity"};

/// The shortest word that is completed, and the shortest stem that is looked for.
inline constexpr std::size_t kShortestTyped = 4;
inline constexpr std::size_t kShortestStem = 3;

/// Returns whether `typed` is completed: it has only ASCII letters, at least kShortestTyped and at most 32.
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

/// Returns whether `typed`, in upper or lower case, begins with `stem`, which is shorter and in lower case.
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
