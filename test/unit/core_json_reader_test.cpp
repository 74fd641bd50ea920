#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/json/reader.hpp"
#include "core/json/writer.hpp"
#include "test/fuzz/memory.hpp"

namespace wc::json {
namespace {

std::string said(std::string_view string, Unescaped expected = Unescaped::Done)
{
    fuzz::OwnBuffer out;
    EXPECT_EQ(read_string(string, out.buffer), expected) << string;
    return std::string(out.buffer.view());
}

std::vector<std::string> elements(std::string_view array)
{
    std::vector<std::string> found;
    std::string_view value;
    for (Elements all(array); all.next(value);)
        found.emplace_back(value);
    return found;
}

std::vector<std::string> members(std::string_view object)
{
    std::vector<std::string> found;
    std::string_view name;
    std::string_view value;
    for (Members all(object); all.next(name, value);)
        found.push_back(std::string(name) + "=" + std::string(value));
    return found;
}

using Pieces = std::vector<std::string>;

TEST(JsonReader, TakesArraysAndObjectsApart)
{
    EXPECT_EQ(elements("[]"), Pieces{});
    EXPECT_EQ(elements(" [ ] "), Pieces{});
    EXPECT_EQ(elements(trimmed(" [ 1 ] ")), Pieces{"1"});
    EXPECT_EQ(elements(R"([1 , -2.5e3,"a,]\"",[[],{"x":"}"}], true,null ])"),
              (Pieces{"1", "-2.5e3", R"("a,]\"")", R"([[],{"x":"}"}])", "true", "null"}));
    EXPECT_EQ(members(R"({ "a" : 1 , "b\"{" : {"c":[2,"]"]},"":null})"),
              (Pieces{R"("a"=1)", R"("b\"{"={"c":[2,"]"]})", R"(""=null)"}));
    EXPECT_EQ(members("[1]"), Pieces{});
    EXPECT_EQ(elements("{}"), Pieces{});
    EXPECT_EQ(kind_of("-1"), Kind::Number);
    EXPECT_EQ(kind_of(""), Kind::None);
}

TEST(JsonReader, ReadsStrings)
{
    EXPECT_EQ(said(R"("")"), "");
    EXPECT_EQ(said(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
    EXPECT_EQ(said(R"("\u0041\u00e9\u2028\ud83e\uddea")"), "Aé\u2028🧪");
    EXPECT_EQ(said(R"("Zoë")"), "Zoë");
    said(R"("a\u0000b")", Unescaped::Nul);
    said(R"("\ud83e")", Unescaped::LoneSurrogate);
    said(R"("\udd00\ud83e")", Unescaped::LoneSurrogate);
    said(R"("\ud83e\u0041")", Unescaped::LoneSurrogate);
    said(R"("\u12")", Unescaped::Malformed);
    said(R"("\x")", Unescaped::Malformed);
    said(R"("\")", Unescaped::Malformed);
    said(R"(")", Unescaped::Malformed);
}

TEST(JsonReader, ReadsWhatTheWriterWrote)
{
    std::string all;
    for (int c = 1; c < 256; ++c)
        all.push_back(static_cast<char>(c));
    fuzz::OwnBuffer out;
    write_string(out.buffer, all);
    EXPECT_EQ(said(out.buffer.view()), all);
}

TEST(JsonReader, PassesOverAnyDepth)
{
    std::string const deep = "[" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + ",7]";
    EXPECT_EQ(elements(deep).back(), "7");
}

// A copy of exactly its size: the address sanitizer, or malloc itself, would tell of a read beyond it.
TEST(JsonReader, StaysWithinTextThatIsNoJson)
{
    std::string const model = R"({"a":["x\n\u00e9",{"b":[1,2,{"c":null}]},-1.5],"d":"\ud83e\uddea","e":true})";
    constexpr std::string_view kBytes = "\"\\[]{},:u0 nt";
    std::mt19937 random(5);
    for (int round = 0; round < 20'000; ++round) {
        std::string text = model.substr(0, random() % (model.size() + 1));
        for (int change = 0; change < 4 && !text.empty(); ++change)
            text[random() % text.size()] = kBytes[random() % kBytes.size()];
        std::vector<char> const exact(text.begin(), text.end());
        std::string_view const view(exact.data(), exact.size());
        std::size_t pieces = elements(view).size() + members(view).size();
        std::string_view name;
        std::string_view value;
        for (Members all(trimmed(view)); all.next(name, value);) {
            fuzz::OwnBuffer out;
            read_string(name, out.buffer);
            read_string(value, out.buffer);
            pieces += elements(value).size() + members(value).size();
        }
        EXPECT_LE(pieces, 4 * text.size());
    }
}

TEST(JsonReader, MeasuresHowDeeplyATextIsNested)
{
    EXPECT_EQ(depth_of(""), 0U);
    EXPECT_EQ(depth_of("7"), 0U);
    EXPECT_EQ(depth_of("{}"), 1U);
    EXPECT_EQ(depth_of(R"({"a":[{"b":1},[]],"c":{}})"), 3U);
    EXPECT_EQ(depth_of(R"({"a":"[[[[{{\"[["})"), 1U);
    EXPECT_EQ(depth_of("]]]}}}[["), 2U);
    EXPECT_EQ(depth_of(std::string(100'000, '[')), 100'000U);
    EXPECT_EQ(depth_of(R"("[[[)"), 0U);
}

}  // namespace
}  // namespace wc::json
