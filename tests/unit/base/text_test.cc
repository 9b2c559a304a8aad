#include "whittle/text.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>

#include "support/random.h"
#include "whittle/math.h"

namespace whittle {
namespace {

TEST(Cat, WritesNumbersOfEveryKind) {
  EXPECT_EQ(cat("at ", 12, ' ', -7, " ", uint64_t{18446744073709551615u}, " ", true),
            "at 12 -7 18446744073709551615 true");
  EXPECT_EQ(cat(INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(cat(std::string("a"), std::string_view("b"), "c"), "abc");
}

TEST(Cat, WritesDoublesAsPrintfDoes) {
  const double special[] = {0, 1, -1, 0.1, 100000, 999999, 1e6, 123456789, 0.0001, 0.00001, 1.5e-7,
                            999999.5, 0.99999949, 97.8, -0.5, 1e22, 1e-22, 1e300, 4.9e-324, 12.34,
                            std::numeric_limits<double>::max(), std::numeric_limits<double>::min()};
  for (const double value : special) {
    char expected[64];
    std::snprintf(expected, sizeof(expected), "%.6g", value);
    EXPECT_EQ(cat(value), expected);
  }
  EXPECT_EQ(cat(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(cat(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(cat(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(cat(1.5f), "1.5");
}

TEST(Cat, AgreesWithPrintfOnRandomDoubles) {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    // Six digits and an exponent: what people read; and any bit pattern of moderate size.
    const double digits = static_cast<double>(random.below(2000000)) - 1000000;
    const double scale[] = {1e-9, 1e-4, 1e-3, 1e-1, 1, 1e3, 1e12};
    const double value = digits * scale[random.below(7)];
    char expected[64];
    std::snprintf(expected, sizeof(expected), "%.6g", value);
    EXPECT_EQ(cat(value), expected);
  }
}

TEST(Printable, KeepsWordsOfAllScriptsAndEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("conv1/Größe_重み"), "conv1/Größe_重み");
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable(std::string_view("a\0b\n", 4)), "a\\x00b\\x0a");
  EXPECT_EQ(printable("\xc2\x9b" "31m"), "\\xc2\\x9b31m");        // C1 control
  EXPECT_EQ(printable("\xe2\x80\xae" "abc"), "\\xe2\\x80\\xae" "abc");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
}

TEST(Printable, CutsLongNamesBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc…");
  EXPECT_EQ(printable("aäb", 2), "a…");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Utf8, IsCheckedStrictly) {
  EXPECT_TRUE(is_valid_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << printable(bad);
  }
}

TEST(Split, KeepsEmptyPieces) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(join({}, ","), "");
}

TEST(ParseInt64, TakesExactlyTheRange) {
  int64_t value = 0;
  EXPECT_TRUE(parse_int64("-9223372036854775808", &value));
  EXPECT_EQ(value, INT64_MIN);
  EXPECT_TRUE(parse_int64("9223372036854775807", &value));
  EXPECT_EQ(value, INT64_MAX);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808",
                          "-9223372036854775809", "--1"}) {
    EXPECT_FALSE(parse_int64(bad, &value)) << bad;
  }
}

TEST(HumanBytes, ShowsThreeDigits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(3140000), "3.1 MB");
  EXPECT_EQ(human_bytes(28449999), "28.4 MB");
  EXPECT_EQ(human_bytes(436400000), "436 MB");
  EXPECT_EQ(human_bytes(999499), "999 kB");
  EXPECT_EQ(human_bytes(999500), "1.0 MB");
  EXPECT_EQ(human_bytes(99949), "99.9 kB");
  EXPECT_EQ(human_bytes(99950), "100 kB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace whittle
