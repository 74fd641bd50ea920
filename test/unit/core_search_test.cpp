// What people type into a search box, taken apart; marked text as HTML.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/search/highlight.hpp"
#include "core/search/query.hpp"
#include "core/search/stem.hpp"
#include "test/fuzz/memory.hpp"

namespace wc::search {
namespace {

// How a term is written down here: -phrase: a closed phrase is in quotes, an open one has only the first.
std::string spelled(const Term &term)
{
    return std::string(term.negated ? "-" : "") + (term.phrase ? "\"" : "") + std::string(term.text) +
           (term.closed ? "\"" : "");
}

std::vector<std::string> terms(std::string_view text, bool utf8 = true)
{
    std::vector<std::string> found;
    TermReader reader(text, utf8);
    for (Term term; reader.next(term);)
        found.push_back(spelled(term));
    return found;
}

using Terms = std::vector<std::string>;

template <typename Write>
std::string written(Write write)
{
    fuzz::OwnBuffer out;
    write(out.buffer);
    return std::string(out.buffer.view());
}

std::string part_pattern(std::string_view term, bool utf8 = true)
{
    return written([&](json::Buffer &out) { append_part_pattern(out, term, utf8); });
}

std::string marked_html(std::string_view text)
{
    return written([&](json::Buffer &out) { append_marked_html(out, text); });
}

TEST(SearchQuery, WordsAndPhrases)
{
    EXPECT_EQ(terms("sore throat"), (Terms{"sore", "throat"}));
    EXPECT_EQ(terms("  fever \t\n cough "), (Terms{"fever", "cough"}));
    EXPECT_EQ(terms(R"("sore throat" fever)"), (Terms{R"("sore throat")", "fever"}));
    EXPECT_EQ(terms(R"(5"sore throat"fever)"), (Terms{"5", R"("sore throat")", "fever"}));
    EXPECT_EQ(terms(R"("sore thr)"), (Terms{R"("sore thr)"}));
}

TEST(SearchQuery, Minus)
{
    EXPECT_EQ(terms("fever -cough"), (Terms{"fever", "-cough"}));
    EXPECT_EQ(terms(R"(-"sent home" fever)"), (Terms{R"(-"sent home")", "fever"}));
    EXPECT_EQ(terms("--fever"), (Terms{"-fever"}));
    EXPECT_EQ(terms("fever - cough"), (Terms{"fever", "cough"}));
    EXPECT_EQ(terms("follow-up"), (Terms{"follow-up"}));
    EXPECT_EQ(terms("\u2212fever"), (Terms{"-fever"}));
}

TEST(SearchQuery, PunctuationIsNoTerm)
{
    EXPECT_EQ(terms("O'Brien &"), (Terms{"O'Brien"}));
    EXPECT_EQ(terms("Smith, Emma (5b)!"), (Terms{"Smith", "Emma", "5b"}));
    EXPECT_EQ(terms("20/20"), (Terms{"20/20"}));
    for (const char *nothing : {"", " ", "&", "- -", "\"\"", "\"", "-\"", "'); :*", "\u201C\u201D", "\x01\x7F", "\\"})
        EXPECT_EQ(terms(nothing), Terms{}) << nothing;
}

TEST(SearchQuery, Unicode)
{
    EXPECT_EQ(terms("\u201Csore throat\u201D Zo\u00EB"), (Terms{R"("sore throat")", "Zo\u00EB"}));
    EXPECT_EQ(terms("\u00ABtos seca\u00BB"), (Terms{R"("tos seca")"}));
    EXPECT_EQ(terms("fever\u00A0cough\u3000pain"), (Terms{"fever", "cough", "pain"}));
    EXPECT_EQ(terms("\U0001F912 fever"), (Terms{"\U0001F912", "fever"}));
    // In another encoding the same bytes mean something else.
    EXPECT_EQ(terms("\u201Csore", false), (Terms{"\u201Csore"}));
}

TEST(SearchQuery, PartPatterns)
{
    EXPECT_EQ(part_pattern("Smi"), "%Smi%");
    EXPECT_EQ(part_pattern("50%_\\"), R"(%50\%\_\\%)");
    EXPECT_EQ(part_pattern("O'Brien"), "%O_Brien%");
    EXPECT_EQ(part_pattern("O\u2019Brien"), "%O_Brien%");
    EXPECT_EQ(part_pattern("O\u2019B", false), "%O\u2019B%");
}

TEST(SearchQuery, AnyBytesWillDo)
{
    std::mt19937 random(20251123);
    std::string_view const pieces[] = {"\"",       "-",    " ",    "a",      "fever",      "\u201C", "\u2019",
                                       "\xE2\x80", "\x9D", "\xFF", "%",      "'",          "\\",     ":*",
                                       "&",        "|",    "!",    "\u3000", "\U0001F912", "\n"};
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (unsigned n = random() % 12; n > 0; --n)
            text += pieces[random() % std::size(pieces)];
        for (bool const utf8 : {true, false}) {
            TermReader reader(text, utf8);
            const char *last = text.data();
            int count = 0;
            for (Term term; reader.next(term); ++count) {
                ASSERT_FALSE(term.text.empty());
                ASSERT_EQ(term.text.find('"'), std::string_view::npos) << text;
                ASSERT_GE(term.text.data(), last) << "in order, and each byte once: " << text;
                last = term.text.data() + term.text.size();
                ASSERT_LE(last, text.data() + text.size());
                // The only bytes that LIKE reads otherwise are escaped.
                std::string const pattern = part_pattern(term.text, utf8);
                ASSERT_EQ(pattern.front(), '%');
                ASSERT_EQ(pattern.back(), '%');
                for (std::size_t i = 1; i + 1 < pattern.size(); ++i) {
                    if (pattern[i] == '\\')
                        ++i;
                    else
                        ASSERT_NE(pattern[i], '%');
                }
            }
            ASSERT_LE(count, 12);
        }
    }
}

TEST(SearchHighlight, EscapesAndMarks)
{
    EXPECT_EQ(marked_html("<b>\x02"
                          "fever\x03</b> & \"O'Brien\""),
              "&lt;b&gt;<mark>fever</mark>&lt;/b&gt; &amp; &quot;O&#39;Brien&quot;");
    EXPECT_EQ(marked_html("\x02\x02"
                          "a\x03\x03"
                          "b\x02"),
              "<mark>a</mark>b<mark></mark>");
}

TEST(SearchHighlight, NothingButMarksIsATag)
{
    std::mt19937 random(7);
    constexpr std::string_view kBytes =
        "<>&\"'\x02\x03"
        "ab/m";
    for (int round = 0; round < 5'000; ++round) {
        std::string text;
        for (unsigned n = random() % 16; n > 0; --n)
            text += kBytes[random() % kBytes.size()];
        std::string html = marked_html(text);
        int open = 0;
        for (std::size_t at = 0; (at = html.find('<', at)) != std::string::npos; ++at) {
            bool const begins = html.compare(at, 6, "<mark>") == 0;
            ASSERT_TRUE(begins || html.compare(at, 7, "</mark>") == 0) << html;
            open += begins ? 1 : -1;
            ASSERT_TRUE(open == 0 || open == 1) << html;
        }
        ASSERT_EQ(open, 0) << html;
        ASSERT_EQ(html.find('"'), std::string::npos);
        ASSERT_EQ(html.find('\''), std::string::npos);
    }
}

TEST(SearchStem, OnlyWhatIsTypedBeyondTheStem)
{
    EXPECT_TRUE(is_worth_completing("Vaccinat"));
    EXPECT_FALSE(is_worth_completing("cou"));
    EXPECT_FALSE(is_worth_completing("O'Br"));
    EXPECT_TRUE(is_stem_of("vaccin", "Vaccinat"));
    EXPECT_FALSE(is_stem_of("vaccin", "vaccin"));
    EXPECT_FALSE(is_stem_of("fever", "feasib"));
    EXPECT_FALSE(is_stem_of("be", "being"));
}

}  // namespace
}  // namespace wc::search
