#include <gtest/gtest.h>

#include <cmath>

#include "core/vitals/unit.hpp"

namespace wc::vitals {
namespace {

TEST(VitalUnit, ConvertsWhatItKnows)
{
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Weight, 80, "lb"), 36.2873896);
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Weight, 16, "oz"), 0.45359237);
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Height, 55, "in"), 139.7);
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Height, 4.5, "ft"), 137.16);
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Height, 1.4, "m"), 140);
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Temperature, 98.6, "F"), 37);
    EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Temperature, 36.6, "C"), 36.6);
    for (const char *unit : {"", " ", "kg", "KG", " Kg. ", "kilograms"})
        EXPECT_EQ(in_own_unit(Quantity::Weight, 35.1, unit), 35.1) << unit;
    for (const char *unit : {"LBS", "lbs.", "Pounds", "\tlb\n", "[lb_av]"})
        EXPECT_DOUBLE_EQ(in_own_unit(Quantity::Weight, 80, unit), 36.2873896) << unit;
}

TEST(VitalUnit, DoesNotGuess)
{
    for (const char *unit : {"stone", "st", "lb lb", "l", "pounds!", "cm", "..", "kg/m2", "in", "k g"})
        EXPECT_TRUE(std::isnan(in_own_unit(Quantity::Weight, 80, unit))) << unit;
    for (const char *unit : {"kg", "c", "yd", "i n"})
        EXPECT_TRUE(std::isnan(in_own_unit(Quantity::Height, 80, unit))) << unit;
    EXPECT_TRUE(std::isnan(in_own_unit(Quantity::Temperature, 310, "K")));
    EXPECT_TRUE(std::isnan(in_own_unit(Quantity::Pressure, 16, "kPa")));
}

TEST(VitalUnit, ReadsText)
{
    for (const char *text : {"80 lb", "80lb", " 80.0 LBS. ", "80 pounds", "79 lb 16.0 oz"}) {
        double const value = parse_with_unit(Quantity::Weight, text, "");
        if (std::string_view(text).substr(0, 2) == "79")
            EXPECT_TRUE(std::isnan(value)) << text;  // an ounce too many
        else
            EXPECT_DOUBLE_EQ(value, 36.2873896) << text;
    }
    EXPECT_DOUBLE_EQ(parse_with_unit(Quantity::Weight, "7lb 3.5oz", ""), 7 * 0.45359237 + 3.5 * 0.45359237 / 16);
    for (const char *text :
         {"5 ft 2 in", "5'2\"", "5ft2in", "5 feet, 2 inches", "5\u20322\u2033", "62 in", "5 ft. 2 in."}) {
        double const value = parse_with_unit(Quantity::Height, text, "");
        if (std::string_view(text).find(',') != std::string_view::npos)
            EXPECT_TRUE(std::isnan(value)) << text;
        else
            EXPECT_DOUBLE_EQ(value, 157.48) << text;
    }
    EXPECT_EQ(parse_with_unit(Quantity::Bmi, "18.3 kg/m2", ""), 18.3);
    EXPECT_EQ(parse_with_unit(Quantity::Rate, "80 /min", ""), 80);
    EXPECT_EQ(parse_with_unit(Quantity::Saturation, "98%", ""), 98);
}

TEST(VitalUnit, TextAndTheUnitBesideIt)
{
    EXPECT_DOUBLE_EQ(parse_with_unit(Quantity::Weight, "80", "lb"), 36.2873896);
    EXPECT_DOUBLE_EQ(parse_with_unit(Quantity::Weight, "80 lb", "pounds"), 36.2873896);
    EXPECT_TRUE(std::isnan(parse_with_unit(Quantity::Weight, "80 lb", "kg")));
    EXPECT_TRUE(std::isnan(parse_with_unit(Quantity::Weight, "80 lb", "stone")));
    EXPECT_TRUE(std::isnan(parse_with_unit(Quantity::Weight, "80 stone", "lb")));
    EXPECT_DOUBLE_EQ(parse_with_unit(Quantity::Height, "5 ft 2 in", "ft"), 157.48);
    EXPECT_TRUE(std::isnan(parse_with_unit(Quantity::Height, "5 ft 2 in", "in")));
}

TEST(VitalUnit, OtherTextIsNoNumber)
{
    for (const char *text :
         {"",          " ",      "lb",        "80",      "80 ",        "-80 lb",     "+80 lb",     "1e2 lb",
          "inf lb",    "nan lb", "0x10 lb",   "80,5 lb", "80 lb 2",    "80 lb 2 lb", "80 oz 1 lb", "80 lb 2 oz 3",
          "80 kg 2 g", "8 0 lb", "80 lb\x01", "\xff",    "5 ft 12 in", ".5 lb"})
        EXPECT_TRUE(std::isnan(parse_with_unit(text[0] == '5' ? Quantity::Height : Quantity::Weight, text, "")))
            << text;
}

TEST(VitalUnit, KnowsTheVitals)
{
    Quantity quantity{};
    EXPECT_TRUE(parse_vital("bloodPressureDiastolic", quantity) && quantity == Quantity::Pressure);
    EXPECT_TRUE(parse_vital("respiratoryRate", quantity) && quantity == Quantity::Rate);
    EXPECT_FALSE(parse_vital("Height", quantity));
    EXPECT_FALSE(parse_vital("", quantity));
}

}  // namespace
}  // namespace wc::vitals
