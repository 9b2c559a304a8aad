// scan_kernels.h: what a tensor holds: range, repetition, largest magnitudes; see kernels.h.
#ifndef WHITTLE_QUANT_SCAN_KERNELS_H_
#define WHITTLE_QUANT_SCAN_KERNELS_H_

#include "kernels.h"
#include "simd.h"
#include "whittle/math.h"

namespace whittle::quant {

template <class B>
struct ScanKernels {
  using F = typename B::F;
  using I = typename B::I;

  static void range(const float* x, size_t n, FloatRange* running) {
    constexpr size_t kBlock = 4096;  // 16 KiB: read again from the first cache if need be
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t count = n - i < kBlock ? n - i : kBlock;
      if (!B::kIntegerMax || !mixed_range(x + i, count, running)) {
        float_range(x + i, count, running);
      }
    }
    // Which zero was met first depends on the lanes; +0 stands for both.
    running->min += 0.0f;
    running->max += 0.0f;
  }

  static bool repeats(const uint8_t* bytes, size_t n, const uint8_t pattern[16]) {
    const I expected = B::i_load(pattern);
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
      const I a = B::i_xor(B::i_load(bytes + i), expected);
      const I b = B::i_xor(B::i_load(bytes + i + 16), expected);
      const I c = B::i_xor(B::i_load(bytes + i + 32), expected);
      const I d = B::i_xor(B::i_load(bytes + i + 48), expected);
      if (B::i_any(B::i_or(B::i_or(a, b), B::i_or(c, d)))) return false;
    }
    for (; i < n; ++i) {
      if (bytes[i] != pattern[i % 16]) return false;
    }
    return true;
  }

  // One row after the other. Several rows at a time save reads and writes of the maxima (1.6 times
  // the speed in cache), but rows a few KiB apart defeat the prefetcher: half the speed from
  // memory.
  static void absmax_columns(const float* x, size_t rows, size_t width, float* absmax) {
    for (size_t r = 0; r < rows; ++r, x += width) {
      size_t i = 0;
      for (; i + 4 <= width; i += 4) {
        B::f_store(absmax + i, B::f_max(B::f_load(absmax + i), B::f_abs(B::f_load(x + i))));
      }
      for (; i < width; ++i) absmax[i] = larger(absmax[i], x[i]);
    }
  }

  static float absmax_run(const float* x, size_t n, float so_far) {
    F m[4];
    for (int k = 0; k < 4; ++k) m[k] = B::f_splat(so_far);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      for (int k = 0; k < 4; ++k) m[k] = B::f_max(m[k], B::f_abs(B::f_load(x + i + 4 * k)));
    }
    for (; i + 4 <= n; i += 4) m[0] = B::f_max(m[0], B::f_abs(B::f_load(x + i)));
    float lanes[4];
    B::f_store(lanes, B::f_max(B::f_max(m[0], m[1]), B::f_max(m[2], m[3])));
    for (float lane : lanes) so_far = larger(so_far, lane);
    for (; i < n; ++i) so_far = larger(so_far, x[i]);
    return so_far;
  }

 private:
  // The range from the bits. As signed numbers, the bits of floats >= 0 are ordered as the floats
  // are and above all others; as unsigned numbers those of floats <= -0 are, by magnitude. So two
  // integer maxima find the range of values of both signs, and a NaN lies beyond the infinities:
  // 1.6 times as fast in wasm as pmin, pmax and a test for NaN. False when the values are not of
  // that kind.
  static bool mixed_range(const float* x, size_t n, FloatRange* running) {
    I high[4], low[4];
    for (int k = 0; k < 4; ++k) {
      high[k] = B::i_splat(INT32_MIN);
      low[k] = B::i_splat(0);
    }
    const auto take = [&](int k, I bits) {
      high[k] = B::i_max_signed(high[k], bits);
      low[k] = B::i_max_unsigned(low[k], bits);
    };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      take(0, B::i_load(x + i));
      take(1, B::i_load(x + i + 4));
      take(2, B::i_load(x + i + 8));
      take(3, B::i_load(x + i + 12));
    }
    for (; i + 4 <= n; i += 4) take(0, B::i_load(x + i));
    for (; i < n; ++i) take(0, B::f_bits(B::f_splat(x[i])));

    for (int k = 1; k < 4; ++k) {
      high[0] = B::i_max_signed(high[0], high[k]);
      low[0] = B::i_max_unsigned(low[0], low[k]);
    }
    int32_t highs[4];
    uint32_t lows[4];
    B::i_store(highs, high[0]);
    B::i_store(lows, low[0]);
    for (int k = 1; k < 4; ++k) {
      highs[0] = highs[k] > highs[0] ? highs[k] : highs[0];
      lows[0] = lows[k] > lows[0] ? lows[k] : lows[0];
    }
    if (highs[0] < 0 || highs[0] > 0x7f800000) return false;
    if (lows[0] < 0x80000000u || lows[0] > 0xff800000u) return false;
    const float max = bit_cast<float>(highs[0]), min = bit_cast<float>(lows[0]);
    running->max = running->max < max ? max : running->max;
    running->min = min < running->min ? min : running->min;
    return true;
  }

  // Four accumulators hide the latency of min and max. x is the second operand, so NaN drops out.
  static void float_range(const float* x, size_t n, FloatRange* running) {
    F low[4], high[4];
    I ordered[2];
    for (int k = 0; k < 4; ++k) {
      low[k] = B::f_splat(running->min);
      high[k] = B::f_splat(running->max);
      ordered[k / 2] = B::i_splat(-1);
    }
    const auto take = [&](int k, F a, F b) {
      low[k] = B::f_min(low[k], a);
      high[k] = B::f_max(high[k], a);
      low[k + 1] = B::f_min(low[k + 1], b);
      high[k + 1] = B::f_max(high[k + 1], b);
      ordered[k / 2] = B::i_and(ordered[k / 2], B::f_ordered(a, b));
    };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      take(0, B::f_load(x + i), B::f_load(x + i + 4));
      take(2, B::f_load(x + i + 8), B::f_load(x + i + 12));
    }
    for (; i < n; ++i) take(0, B::f_splat(x[i]), B::f_splat(x[i]));

    float lows[4], highs[4];
    B::f_store(lows, B::f_min(B::f_min(low[0], low[1]), B::f_min(low[2], low[3])));
    B::f_store(highs, B::f_max(B::f_max(high[0], high[1]), B::f_max(high[2], high[3])));
    for (int k = 0; k < 4; ++k) {
      running->min = lows[k] < running->min ? lows[k] : running->min;
      running->max = running->max < highs[k] ? highs[k] : running->max;
    }
    if (!B::i_all(B::i_and(ordered[0], ordered[1]))) running->nan = true;
  }

  WHITTLE_SIMD float larger(float so_far, float x) {
    const float magnitude = x < 0 ? -x : x;
    return so_far < magnitude ? magnitude : so_far;
  }
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_SCAN_KERNELS_H_
