#include "whittle/math.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random.h"

namespace whittle {
namespace {

TEST(Half, SurvivesTheWayThroughFloat) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    const float value = half_to_float(half);
    const uint16_t quiet = std::isnan(value) ? 0x200 : 0;
    ASSERT_EQ(float_to_half(value), half | quiet) << bits;
  }
}

TEST(Half, KnowsItsValues) {
  EXPECT_EQ(float_to_half(1.0f), 0x3c00);
  EXPECT_EQ(float_to_half(-2.0f), 0xc000);
  EXPECT_EQ(float_to_half(65504.0f), 0x7bff);
  EXPECT_EQ(float_to_half(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(1e30f), 0x7c00);
  EXPECT_EQ(float_to_half(-0.0f), 0x8000);
  EXPECT_EQ(float_to_half(0x1p-24f), 0x0001);
  EXPECT_EQ(float_to_half(0x1p-25f), 0x0000);  // a tie, to even
  EXPECT_EQ(float_to_half(0x1.8p-24f), 0x0002);
  EXPECT_EQ(float_to_half(0x1.000002p-25f), 0x0001);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24f);
  EXPECT_TRUE(std::isinf(half_to_float(0xfc00)));
}

// Nearest by search: the candidate beside the result must not be nearer, nor tie and be even.
TEST(Half, IsTheNearestOfItsNeighbours) {
  Random random(2);
  for (int i = 0; i < 200000; ++i) {
    const float value = bit_cast<float>(static_cast<uint32_t>(random.next()) & 0x7fffffffu);
    if (!(value < 65504.0f)) continue;
    const uint16_t half = float_to_half(value);
    const double here = std::fabs(static_cast<double>(half_to_float(half)) - value);
    for (int step : {-1, 1}) {
      if (half == 0 && step < 0) continue;
      const uint16_t other = static_cast<uint16_t>(half + step);
      const double there = std::fabs(static_cast<double>(half_to_float(other)) - value);
      ASSERT_TRUE(here < there || (here == there && (half & 1) == 0)) << value;
    }
  }
}

TEST(Bfloat16, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bfloat16(1.0f), 0x3f80);
  EXPECT_EQ(float_to_bfloat16(bit_cast<float>(0x3f808000u)), 0x3f80);  // ties
  EXPECT_EQ(float_to_bfloat16(bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(float_to_bfloat16(bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(float_to_bfloat16(bit_cast<float>(0x7f7fffffu)), 0x7f80);  // overflow
  EXPECT_EQ(float_to_bfloat16(bit_cast<float>(0x7f800001u)), 0x7fc0);  // NaN stays NaN
  EXPECT_EQ(bfloat16_to_float(0xc000), -2.0f);
}

TEST(CheckedArithmetic, SeesOverflow) {
  uint64_t out = 0;
  EXPECT_FALSE(mul_overflows(uint64_t{1} << 32, (uint64_t{1} << 32) - 1, &out));
  EXPECT_TRUE(mul_overflows(uint64_t{1} << 32, uint64_t{1} << 32, &out));
  EXPECT_FALSE(add_overflows(UINT64_MAX, 0, &out));
  EXPECT_TRUE(add_overflows(UINT64_MAX - 2, 3, &out));
}

}  // namespace
}  // namespace whittle
