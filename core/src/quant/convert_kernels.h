// convert_kernels.h: half, bfloat16, byte order, channel scales; see kernels.h.
//
// Every loop takes 16 elements a turn; the last, partial turn runs on a padded copy, so that no
// element is computed by another rule.
#ifndef WHITTLE_QUANT_CONVERT_KERNELS_H_
#define WHITTLE_QUANT_CONVERT_KERNELS_H_

#include "kernels.h"
#include "simd.h"
#include "whittle/math.h"

namespace whittle::quant {

// Calls step(x, out, i) for every 16 elements from i on; `x` and `out` point at these 16.
template <class In, class Out, class Step>
WHITTLE_SIMD void by_sixteen(const In* x, size_t n, Out* out, Step step) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) step(x + i, out + i, i);
  if (i == n) return;
  In padded[16] = {};
  Out result[16];
  std::memcpy(padded, x + i, (n - i) * sizeof(In));
  step(padded, result, i);
  std::memcpy(out + i, result, (n - i) * sizeof(Out));
}

template <class B>
struct ConvertKernels {
  using F = typename B::F;
  using I = typename B::I;

  // Let |x| have exponent E, at least -14. Adding 2^(E+13) leaves |x| rounded to multiples of
  // 2^(E-10), the spacing of halves, in the low bits of the sum: for normal and subnormal halves
  // alike, with the processor's own rounding to even. What rounds to infinity, infinities and NaN
  // are rare in weights: 16 elements that hold one go the slow way.
  static void half_encode(const float* x, size_t n, uint16_t* out) {
    constexpr int32_t kRebase = (13 << 23) + (113 << 10);
    const auto convert = [](F v, I* magnitude_or) {
      const I bits = B::f_bits(v);
      const I magnitude = B::i_and(bits, B::i_splat(0x7fffffff));
      *magnitude_or = B::i_or(*magnitude_or, B::i_gt(magnitude, B::i_splat(0x477fefff)));
      const F power = B::i_float(B::i_and(bits, B::i_splat(0x7f800000)));
      const I e = B::f_bits(B::f_max(power, B::f_splat(0x1p-14f)));
      const F shifter = B::i_float(B::i_add(e, B::i_splat(13 << 23)));
      const I sum = B::f_bits(B::f_add(B::i_float(magnitude), shifter));
      const I half =
          B::i_add(B::i_sub(sum, e), B::i_sub(B::template i_shr<13>(e), B::i_splat(kRebase)));
      return B::i_or(half, B::template i_sra<16>(B::i_xor(bits, magnitude)));
    };
    by_sixteen(x, n, out, [&](const float* v, uint16_t* h, size_t) {
      I special = B::i_splat(0);
      const I a = convert(B::f_load(v), &special), b = convert(B::f_load(v + 4), &special);
      const I c = convert(B::f_load(v + 8), &special), d = convert(B::f_load(v + 12), &special);
      if (B::i_any(special)) {
        for (int k = 0; k < 16; ++k) h[k] = float_to_half(v[k]);
        return;
      }
      B::i_store(h, B::i_narrow16(a, b));
      B::i_store(h + 8, B::i_narrow16(c, d));
    });
  }

  // Times 2^112 the exponent is rebased, also that of subnormal halves; infinities and NaN get
  // their exponent set, NaN its quiet bit.
  static void half_decode(const uint16_t* x, size_t n, float* out) {
    const auto convert = [](I h) {
      const I shifted = B::template i_shl<13>(B::i_and(h, B::i_splat(0x7fff)));
      const I value = B::f_bits(B::f_mul(B::i_float(shifted), B::f_splat(0x1p112f)));
      const I special = B::i_gt(shifted, B::i_splat((0x7c00 << 13) - 1));
      const I nan = B::i_gt(shifted, B::i_splat(0x7c00 << 13));
      const I whole =
          B::i_or(B::i_or(shifted, B::i_splat(0x7f800000)), B::i_and(nan, B::i_splat(0x400000)));
      const I sign = B::template i_shl<16>(B::i_and(h, B::i_splat(0x8000)));
      return B::i_float(B::i_or(sign, B::i_select(special, whole, value)));
    };
    by_sixteen(x, n, out, [&](const uint16_t* h, float* v, size_t) {
      I wide[4];
      B::i_widen_u16(h, wide);
      B::i_widen_u16(h + 8, wide + 2);
      for (int k = 0; k < 4; ++k) B::f_store(v + 4 * k, convert(wide[k]));
    });
  }

  static void bfloat16_encode(const float* x, size_t n, uint16_t* out) {
    const auto convert = [](const float* v) {
      const I bits = B::f_bits(B::f_load(v));
      const I magnitude = B::i_and(bits, B::i_splat(0x7fffffff));
      const I odd = B::i_and(B::template i_shr<16>(bits), B::i_splat(1));
      const I rounded = B::i_add(bits, B::i_add(odd, B::i_splat(0x7fff)));
      const I quiet = B::i_or(bits, B::i_splat(0x400000));
      const I nan = B::i_gt(magnitude, B::i_splat(0x7f800000));
      return B::template i_sra<16>(B::i_select(nan, quiet, rounded));  // fits int16: no saturation
    };
    by_sixteen(x, n, out, [&](const float* v, uint16_t* h, size_t) {
      B::i_store(h, B::i_narrow16(convert(v), convert(v + 4)));
      B::i_store(h + 8, B::i_narrow16(convert(v + 8), convert(v + 12)));
    });
  }

  static void bfloat16_decode(const uint16_t* x, size_t n, float* out) {
    by_sixteen(x, n, out, [](const uint16_t* h, float* v, size_t) {
      I wide[4];
      B::i_widen_u16(h, wide);
      B::i_widen_u16(h + 8, wide + 2);
      for (int k = 0; k < 4; ++k) B::f_store(v + 4 * k, B::i_float(B::template i_shl<16>(wide[k])));
    });
  }

  static void scale(const float* x, const float* scale, size_t n, float* out) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const F product = B::f_mul(B::f_load(x + i), B::f_load(scale + i));
      const I number = B::f_eq(product, product);
      B::f_store(out + i,
                 B::i_float(B::i_select(number, B::f_bits(product), B::i_splat(0x7fc00000))));
    }
    for (; i < n; ++i) {
      const float product = x[i] * scale[i];
      out[i] = product == product ? product : bit_cast<float>(0x7fc00000u);
    }
  }

  static void byte_swap(const uint8_t* bytes, size_t n, uint32_t width, uint8_t* out) {
    const auto all = [&](auto swap) {
      size_t i = 0;
      for (; i + 16 <= n; i += 16) B::i_store(out + i, swap(B::i_load(bytes + i)));
      if (i == n) return;
      uint8_t last[16] = {};
      std::memcpy(last, bytes + i, n - i);
      B::i_store(last, swap(B::i_load(last)));
      std::memcpy(out + i, last, n - i);
    };
    if (width == 2) {
      all([](I v) { return B::i_swap16(v); });
    } else if (width == 4) {
      all([](I v) { return B::i_swap32(v); });
    } else {
      all([](I v) { return B::i_swap64(v); });
    }
  }
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_CONVERT_KERNELS_H_
