// Kernels against a naive reading of their contract (kernels.h).
#include "quant/kernels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/kernel_inputs.h"

namespace whittle::quant {
namespace {

int8_t naive_int8(float x, float scale) {
  const float q = std::nearbyint(x / scale);
  if (std::isnan(q)) return 0;
  return static_cast<int8_t>(q < -127 ? -127 : q > 127 ? 127 : q);
}

std::vector<int8_t> int8_codes(const std::vector<float>& x, const std::vector<float>& scale) {
  std::vector<float> inverse;
  for (const float s : scale) inverse.push_back(int8_inverse(s));
  std::vector<int8_t> codes(x.size());
  kernels().int8_encode(x.data(), scale.data(), inverse.data(), x.size(), codes.data());
  return codes;
}

TEST(Int8Kernel, DividesExactlyAroundEveryTie) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const float scale = static_cast<float>(1 + random.below(1 << 24)) *
                        std::ldexp(1.0f, static_cast<int>(random.below(100)) - 70);
    std::vector<float> x;
    for (int k = -130; k <= 130; ++k) {
      float v = (static_cast<float>(k) + 0.5f) * scale;
      for (int step = 0; step < 3; ++step) v = std::nextafter(v, -INFINITY);
      for (int step = 0; step < 7; ++step, v = std::nextafter(v, INFINITY)) x.push_back(v);
    }
    const std::vector<int8_t> codes = int8_codes(x, std::vector<float>(x.size(), scale));
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(codes[i], naive_int8(x[i], scale)) << x[i] << " / " << scale;
  }
}

TEST(Int8Kernel, IsDefinedForEveryInput) {
  const std::vector<float> special = special_floats();
  for (const float scale : special) {
    const std::vector<int8_t> codes =
        int8_codes(special, std::vector<float>(special.size(), scale));
    for (size_t i = 0; i < special.size(); ++i) {
      ASSERT_EQ(codes[i], naive_int8(special[i], scale)) << special[i] << " / " << scale;
    }
  }
}

TEST(Int8Kernel, ErrorsAreAtMostHalfAScale) {
  std::vector<float> x = random_floats(4096, 21);
  float largest = 0;
  for (const float v : x) largest = std::max(largest, std::fabs(v));
  const float scale = largest / 127.0f;
  const std::vector<float> scales(x.size(), scale);
  const std::vector<int8_t> codes = int8_codes(x, scales);
  std::vector<float> decoded(x.size());
  kernels().int8_decode(codes.data(), scales.data(), x.size(), decoded.data());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_LE(std::fabs(x[i] - decoded[i]), scale * 0.50001f);
    EXPECT_GE(codes[i], -127);
  }
}

TEST(HalfKernel, IsFloatToHalfForEveryUpperHalfOfAFloat) {
  std::vector<float> x;
  std::vector<uint16_t> half(65536);
  for (const uint32_t low :
       {0x0000u, 0x0001u, 0x0fffu, 0x1000u, 0x1001u, 0x7fffu, 0x8000u, 0xf000u, 0xffffu}) {
    x.clear();
    for (uint32_t high = 0; high < 65536; ++high) x.push_back(float_of(high << 16 | low));
    kernels().half_encode(x.data(), x.size(), half.data());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(half[i], float_to_half(x[i])) << std::hex << i << " " << low;
    kernels().bfloat16_encode(x.data(), x.size(), half.data());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(half[i], float_to_bfloat16(x[i])) << std::hex << i << " " << low;
  }
}

TEST(HalfKernel, DecodesEveryHalf) {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<float> out(all.size());
  kernels().half_decode(all.data(), all.size(), out.data());
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(bit_cast<uint32_t>(out[i]), bit_cast<uint32_t>(half_to_float(all[i])))
        << std::hex << i;
  }
  kernels().bfloat16_decode(all.data(), all.size(), out.data());
  for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(bit_cast<uint32_t>(out[i]), i << 16);
}

uint8_t naive_quint8(float x, float min, float max) {
  if (min == max) return 0;
  const double range = static_cast<double>(max - min) * (256 / 255.0);
  const double q = std::round(x * (256 / range)) - std::round(min * (256 / range));
  return std::isnan(q) ? 0 : static_cast<uint8_t>(q < 0 ? 0 : q > 255 ? 255 : q);
}

TEST(Quint8Kernel, RoundsHalvesAwayFromZeroInDouble) {
  std::vector<float> x;
  for (int i = -600; i <= 600; ++i) x.push_back(static_cast<float>(i) * 0.5f);
  x.push_back(0.49999997f);
  x.push_back(-0.49999997f);
  for (const float v : random_floats(2000, 4)) x.push_back(v * 300);
  const float ranges[][2] = {{0, 255}, {-128, 127}, {-1, 1}, {-0.3f, 254.7f}, {-4, 0}};
  for (const auto& r : ranges) {
    std::vector<uint8_t> codes(x.size());
    kernels().quint8_encode(x.data(), x.size(), quint8_params(r[0], r[1]), codes.data());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(codes[i], naive_quint8(x[i], r[0], r[1])) << x[i];
  }
}

TEST(RangeKernel, IgnoresNaNAndKnowsIt) {
  const float nan = float_of(0x7fc00000), minus_nan = float_of(0xffc00000);
  const std::vector<std::vector<float>> tensors = {
      {1, 2, 3},
      {-1, -2, -3},
      {-1, 5, nan, 2},
      {minus_nan, -4, -3},
      {nan},
      {},
      {-0.0f, 0.0f},
      {-0.0f},
      {0.0f, -0.0f, 1},
      {float_of(0x7f800000), -1},
      {float_of(0xff800000), 1},
      {float_of(1), float_of(0x80000001u)},
  };
  for (std::vector<float> t : tensors) {
    // Alone, and hidden in the middle of many.
    for (int round = 0; round < 2; ++round) {
      float min = INFINITY, max = -INFINITY;
      bool has_nan = false;
      for (const float v : t) {
        if (v < min) min = v;
        if (v > max) max = v;
        has_nan = has_nan || v != v;
      }
      FloatRange r;
      kernels().range(t.data(), t.size(), &r);
      EXPECT_EQ(r.nan, has_nan);
      EXPECT_EQ(bit_cast<uint32_t>(r.min), bit_cast<uint32_t>(min + 0.0f));
      EXPECT_EQ(bit_cast<uint32_t>(r.max), bit_cast<uint32_t>(max + 0.0f));
      std::vector<float> many = random_floats(5000, 17);
      for (float& v : many) v = v < 0 ? v * 0.125f : v * 0.25f;
      many.insert(many.begin() + 4500, t.begin(), t.end());
      t = std::move(many);
    }
  }
}

TEST(RepeatsKernel, FindsADifferenceAnywhere) {
  uint8_t pattern[16];
  for (int i = 0; i < 16; ++i) pattern[i] = static_cast<uint8_t>(i % 4 + 1);
  std::vector<uint8_t> bytes(200);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = pattern[i % 16];
  for (size_t n = 0; n <= bytes.size(); n += 4)
    EXPECT_TRUE(kernels().repeats(bytes.data(), n, pattern));
  for (size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] ^= 0x80;
    EXPECT_FALSE(kernels().repeats(bytes.data(), bytes.size(), pattern)) << at;
    bytes[at] ^= 0x80;
  }
}

TEST(RoundKernel, IsTheToolsExpression) {
  const RoundParams p{-1.0f, 2.0f / 255};
  for (const std::vector<float>& x :
       {random_floats(1000, 31), special_floats(), random_bits(1000, 32)}) {
    std::vector<float> out(x.size());
    kernels().round_weights(x.data(), x.size(), p, out.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const float t = std::floor((x[i] - p.min) / p.width);
      // What x86 does outside of int32.
      const int32_t bucket = t >= -0x1p31f && t < 0x1p31f ? static_cast<int32_t>(t) : INT32_MIN;
      const float expected = p.min + p.width * (static_cast<float>(bucket) + 0.5f);
      ASSERT_EQ(out[i], expected) << x[i];
    }
  }
}

TEST(ErrorSums, AreTheSumsOfSquares) {
  const std::vector<float> x = random_floats(2048, 41), y = random_floats(2048, 42);
  ErrorSums sums;
  kernels().error_sums(x.data(), y.data(), x.size(), &sums);
  long double signal = 0, noise = 0, worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const long double e = static_cast<long double>(x[i]) - y[i];
    signal += static_cast<long double>(x[i]) * x[i];
    noise += e * e;
    worst = std::max(worst, std::fabs(e));
  }
  EXPECT_NEAR(sums.signal, static_cast<double>(signal), 1e-9);
  EXPECT_NEAR(sums.noise, static_cast<double>(noise), 1e-4);
  EXPECT_NEAR(sums.max_error, static_cast<double>(worst), 1e-7);
}

}  // namespace
}  // namespace whittle::quant
