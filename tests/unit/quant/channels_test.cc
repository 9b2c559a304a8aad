#include "quant/channels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/kernel_inputs.h"

namespace whittle::quant {
namespace {

struct Layout {
  size_t channels;
  uint64_t inner;
};
const Layout kLayouts[] = {{1, 1},     {1, 7},    {2, 1},     {3, 1},    {5, 3},    {63, 1},
                           {64, 1},    {65, 2},   {100, 15},  {7, 16},   {3, 5000}, {4000, 1},
                           {30000, 1}, {9000, 3}, {40000, 8}, {10, 2048}};

TEST(ChannelValues, LieBesideEveryPiece) {
  Random random(1);
  for (const Layout& layout : kLayouts) {
    std::vector<float> values(layout.channels);
    for (size_t c = 0; c < values.size(); ++c) values[c] = static_cast<float>(c);
    ChannelValues along(values, layout.inner);
    for (int round = 0; round < 60; ++round) {
      const uint64_t first = round < 5 ? static_cast<uint64_t>(round) : random.below(200000);
      const size_t n = static_cast<size_t>(random.below(kPiece + 1));
      const float* at = along.at(first, n);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(at[i], values[static_cast<size_t>((first + i) / layout.inner % layout.channels)]);
      }
    }
  }
}

TEST(ChannelMaxima, AreThoseOfTheElementsHoweverCut) {
  std::vector<float> x = random_floats(100003, 2);
  x[500] = float_of(0x7fc00000);
  for (const Layout& layout : kLayouts) {
    std::vector<float> expected(layout.channels, 0.0f);
    for (size_t i = 0; i < x.size(); ++i) {
      float& m = expected[static_cast<size_t>(i / layout.inner % layout.channels)];
      if (std::fabs(x[i]) > m) m = std::fabs(x[i]);
    }
    for (const uint64_t largest : {uint64_t{40}, uint64_t{3000}, uint64_t{1000000}}) {
      ChannelMaxima maxima(layout.channels, layout.inner);
      Random random(largest);
      for (size_t i = 0; i < x.size();) {
        const size_t n =
            static_cast<size_t>(std::min<uint64_t>(x.size() - i, random.below(largest) + 1));
        maxima.add(x.data() + i, i, n);
        i += n;
      }
      ASSERT_TRUE(maxima.finish() == expected) << layout.channels << " x " << layout.inner;
    }
  }
}

TEST(ChannelMaxima, TakeAMillionChannels) {
  const std::vector<float> x = random_floats(1 << 20, 3);
  ChannelMaxima maxima(1000000, 1);
  maxima.add(x.data(), 0, x.size());
  const std::vector<float> m = maxima.finish();
  EXPECT_EQ(m.size(), 1000000u);
  EXPECT_EQ(m[999999], std::fabs(x[999999]));
  EXPECT_EQ(m[5], std::max(std::fabs(x[5]), std::fabs(x[1000005])));
}

}  // namespace
}  // namespace whittle::quant
