#include "format/ordered_code.h"

#include <gtest/gtest.h>

#include "format/slice_spec.h"
#include "support/bytes.h"
#include "support/random.h"

namespace whittle::format {
namespace {

std::string signed_hex(int64_t value) {
  std::string out;
  append_signed_num(out, value);
  return to_hex(bytes_of(out));
}

TEST(OrderedCode, EncodesThePublishedVectors) {
  const SliceExtent foo[] = {{0, -1}, {0, -1}, {1, 3}, {4, 5}};
  EXPECT_EQ(to_hex(bytes_of(piece_key("foo", foo))), "00666f6f00010104807f807f81838485");
  const SliceExtent w[] = {{0, 100}, {0, -1}};
  EXPECT_EQ(to_hex(bytes_of(piece_key("w", w))), "007700010102" "80c064" "807f");
  EXPECT_EQ(signed_hex(63), "bf");
  EXPECT_EQ(signed_hex(64), "c040");
  EXPECT_EQ(signed_hex(-64), "40");
  EXPECT_EQ(signed_hex(-65), "3fbf");
  EXPECT_EQ(signed_hex(8192), "e02000");
  EXPECT_EQ(signed_hex(int64_t{1} << 40), "fd0000000000");
  EXPECT_EQ(signed_hex(0x424242), "f0424242");
  EXPECT_EQ(signed_hex(-0x800), "3800");
}

TEST(OrderedCode, EscapesTheBytesThatEndAString) {
  std::string out;
  append_string(out, std::string_view("a\0b\xff", 4));
  EXPECT_EQ(to_hex(bytes_of(out)), "6100ff62ff000001");
}

TEST(OrderedCode, SortsAsTheNumbersDo) {
  Random random(10);
  std::vector<int64_t> values = {INT64_MIN, INT64_MAX, -1, 0, 1};
  for (int i = 0; i < 2000; ++i) {
    values.push_back(static_cast<int64_t>(random.next()) >> random.below(64));
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::string previous;
  for (const int64_t v : values) {
    std::string out;
    append_signed_num(out, v);
    EXPECT_LT(previous, out) << v;
    EXPECT_LE(out.size(), 10u);
    previous = out;
  }
}

TEST(SliceSpec, ReadsWhatRestoreV2Writes) {
  const SliceSpec spec = parse_slice_spec("200 64 0,100:-").value();
  EXPECT_EQ(spec.whole, (Shape{200, 64}));
  EXPECT_EQ(spec.extents[0].start, 0);
  EXPECT_EQ(spec.extents[0].length, 100);
  EXPECT_EQ(spec.extents[1].length, -1);
}

TEST(SliceSpec, RefusesEverythingElse) {
  for (const char* bad : {"", " ", "200", "200 64 0,100", "200 64 0,100:-:-", "200 64 0,0:-",
                          "200 64 -1,5:-", "200 64 101,100:-", "200 64 0,201:-", "-1 64 -:-",
                          "200 64  -:-", "200 64 0,9223372036854775807:-", "a 64 -:-",
                          "200 64 9223372036854775807,9223372036854775807:-", "200 64 1,2,3:-"}) {
    EXPECT_FALSE(parse_slice_spec(bad).ok()) << bad;
  }
  EXPECT_FALSE(parse_slice_spec(std::string(1 << 20, ' ')).ok());
}

}  // namespace
}  // namespace whittle::format
