#include <gtest/gtest.h>

#include <cmath>

#include "whittle/pass.h"

namespace whittle {
namespace {

constexpr OptionSpec kSpecs[] = {
    {"size", OptionType::kInt, "7", ""},
    {"factor", OptionType::kFloat, "0.5", ""},
    {"on", OptionType::kBool, "true", ""},
    {"name", OptionType::kString, "x", ""},
    {"op", OptionType::kStrings, "", ""},
};

Result<Options> make(const std::vector<std::pair<std::string, std::string>>& given) {
  return Options::make("some_transform", kSpecs, given);
}

std::string error_of(const std::vector<std::pair<std::string, std::string>>& given) {
  Result<Options> o = make(given);
  return o.ok() ? "ok" : o.error().message;
}

TEST(Options, HaveTheirDefaultsWhenNothingIsGiven) {
  Result<Options> o = make({});
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->integer("size"), 7);
  EXPECT_EQ(o->real("factor"), 0.5f);
  EXPECT_TRUE(o->flag("on"));
  EXPECT_EQ(o->text("name"), "x");
  EXPECT_TRUE(o->texts("op").empty());
  EXPECT_FALSE(o->given("size"));
}

TEST(Options, KeepEveryOccurrenceOfAList) {
  Result<Options> o = make({{"op", "Add"}, {"size", " 3 "}, {"op", "Mul"}});
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->texts("op"), (std::vector<std::string>{"Add", "Mul"}));
  EXPECT_EQ(o->integer("size"), 3);
  EXPECT_TRUE(o->given("size"));
}

// Spellings as the classic tool takes them: tables/param_values.json of its measured cases.
TEST(Options, ReadNumbersAsTheClassicTool) {
  for (const char* good : {"1", " 1", "1 ", "-1", "01", "2147483648", "9223372036854775807"}) EXPECT_EQ(error_of({{"size", good}}), "ok") << good;
  for (const char* bad : {"+1", "0x10", "1e2", "1.0", ".5", "nan", "", " ", "abc", "1_000", "9223372036854775808"}) {
    EXPECT_EQ(error_of({{"size", bad}}), std::string("Couldn't interpret the size argument as a number:") + bad);
  }
  struct Case { const char* text; float value; };
  for (const Case& c : {Case{"1", 1}, {" 1.5 ", 1.5f}, {".5", 0.5f}, {"5.", 5}, {"1e-3", 1e-3f}, {"1E5", 1e5f}, {"0x10", 16},
                        {"-2.5e+1", -25}, {"3.4028235e38", 3.4028235e38f}, {" ", 0}, {"0.1", 0.1f}, {"16777217", 16777216.f}}) {
    Result<Options> o = make({{"factor", c.text}});
    ASSERT_TRUE(o.ok()) << c.text;
    EXPECT_EQ(o->real("factor"), c.value) << c.text;
  }
  EXPECT_TRUE(std::isinf(make({{"factor", "1e39"}})->real("factor")));
  EXPECT_TRUE(std::isinf(make({{"factor", "-inf"}})->real("factor")));
  EXPECT_TRUE(std::isnan(make({{"factor", "nan"}})->real("factor")));
  for (const char* bad : {"Infinity", "1f", "", "1,5", "e5", "1e", "--1", "1.2.3", "1e+-3"}) {
    EXPECT_EQ(error_of({{"factor", bad}}), std::string("Couldn't interpret the factor argument as a float number:") + bad);
  }
}

TEST(Options, ReadBooleansWithoutTrimming) {
  EXPECT_TRUE(make({{"on", "1"}})->flag("on"));
  EXPECT_FALSE(make({{"on", "false"}})->flag("on"));
  for (const char* bad : {"TRUE", "True", " true", "yes", "2", ""}) {
    EXPECT_EQ(error_of({{"on", bad}}), std::string("Couldn't interpret the on argument as a boolean:") + bad +
                                           " (expected true, false, 0 or 1)");
  }
}

TEST(Options, RefuseASecondValue) {
  EXPECT_EQ(error_of({{"size", "1"}, {"size", "2"}}), "Expected a single 'size' parameter, but found 2 occurrences");
}

TEST(Options, NameWhatThereIsWhenAParameterIsUnknown) {
  EXPECT_EQ(error_of({{"sise", "1"}}), "some_transform has no parameter 'sise'; it has size, factor, on, name, op");
}

}  // namespace
}  // namespace whittle
