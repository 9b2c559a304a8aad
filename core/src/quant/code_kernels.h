// code_kernels.h: floats to codes and back: int8 per channel, the classic tool's quint8 and
// round_weights; see kernels.h.
#ifndef WHITTLE_QUANT_CODE_KERNELS_H_
#define WHITTLE_QUANT_CODE_KERNELS_H_

#include "convert_kernels.h"

namespace whittle::quant {

template <class B>
struct CodeKernels {
  using F = typename B::F;
  using I = typename B::I;
  using D = typename B::D;

  // The quotient is approximated by x * inverse, three roundings of 2^-24 away from the truth, so
  // that for |x / scale| <= 128 it differs from the float quotient by less than 2^-15. Unless it
  // lies that close to a tie both round to the same integer; where one of 16 elements does (one
  // vector in a thousand), or is NaN, all 16 are divided.
  static void int8_encode(const float* x, const float* scale, const float* inverse, size_t n,
                          int8_t* codes) {
    constexpr float kSure = 0.5f - 0x1p-15f;
    const auto convert = [](const float* v, const float* inv, I* sure) {
      // NaN in the first operand stays, and is not sure. Above 127 the narrowing saturates.
      const F product = B::f_mul(B::f_load(v), B::f_load(inv));
      const F t = B::f_max(product, B::f_splat(-127.0f));
      const F shifted = B::f_add(t, B::f_splat(simd::kRound));
      const F rounded = B::f_sub(shifted, B::f_splat(simd::kRound));
      *sure = B::i_and(*sure, B::f_lt(B::f_abs(B::f_sub(t, rounded)), B::f_splat(kSure)));
      return B::i_sub(B::f_bits(shifted), B::i_splat(simd::kRoundBits));
    };
    const auto sixteen = [&](const float* v, const float* s, const float* inv, int8_t* q) {
      I sure = B::i_splat(-1);
      const I a = convert(v, inv, &sure), b = convert(v + 4, inv + 4, &sure);
      const I c = convert(v + 8, inv + 8, &sure), d = convert(v + 12, inv + 12, &sure);
      B::i_store(q, B::i_narrow8s(B::i_narrow16(a, b), B::i_narrow16(c, d)));
      if (!B::i_all(sure)) {
        for (int k = 0; k < 16; ++k) q[k] = int8_code(v[k], s[k]);
      }
    };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) sixteen(x + i, scale + i, inverse + i, codes + i);
    if (i == n) return;
    float v[16] = {}, s[16], inv[16];
    int8_t q[16];
    for (int k = 0; k < 16; ++k) s[k] = inv[k] = 1.0f;
    const size_t bytes = (n - i) * sizeof(float);
    std::memcpy(v, x + i, bytes);
    std::memcpy(s, scale + i, bytes);
    std::memcpy(inv, inverse + i, bytes);
    sixteen(v, s, inv, q);
    std::memcpy(codes + i, q, n - i);
  }

  static void int8_decode(const int8_t* codes, const float* scale, size_t n, float* out) {
    by_sixteen(codes, n, out, [&](const int8_t* q, float* v, size_t first) {
      I wide[4];
      B::i_widen_s8(q, wide);
      float last[16] = {};
      const float* s = scale + first;
      if (first + 16 > n) {
        std::memcpy(last, s, (n - first) * sizeof(float));
        s = last;
      }
      for (int k = 0; k < 4; ++k) {
        B::f_store(v + 4 * k, B::f_mul(B::i_to_f(wide[k]), B::f_load(s + 4 * k)));
      }
    });
  }

  // Rounding half away from zero: to even first, then a tie that was rounded down goes up. The
  // remainder |t| - rne(|t|) is exact, so 0.5 means a tie and nothing else.
  static void quint8_encode(const float* x, size_t n, const Quint8Params& params, uint8_t* codes) {
    if (params.constant) {
      for (size_t i = 0; i < n; ++i) codes[i] = 0;
      return;
    }
    const D scale = B::d_splat(params.scale), low = B::d_splat(params.rounded_min);
    const D magic = B::d_splat(simd::kRoundDouble);
    const I sign_mask = B::d_bits(B::d_splat(-0.0));
    const auto code = [&](D v) {
      const D t = B::d_mul(v, scale);
      const D a = B::i_double(B::i_andnot(B::d_bits(t), sign_mask));
      D r = B::d_sub(B::d_add(a, magic), magic);
      const I tie = B::d_eq(B::d_sub(a, r), B::d_splat(0.5));
      r = B::d_add(r, B::i_double(B::i_and(tie, B::d_bits(B::d_splat(1.0)))));
      r = B::i_double(B::i_or(B::d_bits(r), B::i_and(B::d_bits(t), sign_mask)));
      // 0 is the first operand: NaN becomes 0.
      const D q = B::d_min(B::d_max(B::d_splat(0.0), B::d_sub(r, low)), B::d_splat(255.0));
      return B::d_add(q, magic);
    };
    const auto four = [&](const float* v) {
      const F f = B::f_load(v);
      return B::d_low_words(code(B::d_low(f)), code(B::d_high(f)));
    };
    by_sixteen(x, n, codes, [&](const float* v, uint8_t* q, size_t) {
      const I a = B::i_narrow16(four(v), four(v + 4)), b = B::i_narrow16(four(v + 8), four(v + 12));
      B::i_store(q, B::i_narrow8u(a, b));
    });
  }

  static void quint8_decode(const uint8_t* codes, size_t n, const Quint8Decoding& d, float* out) {
    const F step = B::f_splat(d.step), offset = B::f_splat(d.offset);
    by_sixteen(codes, n, out, [&](const uint8_t* q, float* v, size_t) {
      I wide[4];
      B::i_widen_u8(q, wide);
      for (int k = 0; k < 4; ++k) {
        B::f_store(v + 4 * k, B::f_add(offset, B::f_mul(B::i_to_f(wide[k]), step)));
      }
    });
  }

  // The tool's expression, all in float. Buckets beyond 2^22 (an infinity or NaN is near) go the
  // slow way, which does what x86's conversion to int does.
  static void round_weights(const float* x, size_t n, const RoundParams& params, float* out) {
    const F min = B::f_splat(params.min), width = B::f_splat(params.width);
    const F one = B::f_splat(1.0f), half = B::f_splat(0.5f);
    by_sixteen(x, n, out, [&](const float* v, float* y, size_t) {
      F t[4];
      I sure = B::i_splat(-1);
      for (int k = 0; k < 4; ++k) {
        t[k] = B::f_div(B::f_sub(B::f_load(v + 4 * k), min), width);
        sure = B::i_and(sure, B::f_lt(B::f_abs(t[k]), B::f_splat(0x1p22f)));
      }
      if (!B::i_all(sure)) {
        for (int k = 0; k < 16; ++k) y[k] = rounded_weight(v[k], params);
        return;
      }
      for (int k = 0; k < 4; ++k) {
        F b = B::f_sub(B::f_add(t[k], B::f_splat(simd::kRound)), B::f_splat(simd::kRound));
        const I above = B::f_lt(t[k], b);
        b = B::f_sub(b, B::i_float(B::i_and(above, B::f_bits(one))));
        const F r = B::f_add(min, B::f_mul(width, B::f_add(b, half)));
        const I bits = B::i_select(B::f_eq(r, r), B::f_bits(r), B::i_splat(0x7fc00000));
        B::f_store(y + 4 * k, B::i_float(bits));
      }
    });
  }

 private:
  WHITTLE_SIMD int8_t int8_code(float x, float scale) {
    float t = x / scale;
    if (!(t == t)) return 0;
    t = t < -127.0f ? -127.0f : t > 127.0f ? 127.0f : t;
    return static_cast<int8_t>(static_cast<int>((t + simd::kRound) - simd::kRound));
  }

  WHITTLE_SIMD float rounded_weight(float x, const RoundParams& params) {
    const float t = (x - params.min) / params.width;
    int32_t bucket = INT32_MIN;
    if (t > -2147483648.0f && t < 2147483648.0f) {
      bucket = static_cast<int32_t>(t);
      if (static_cast<float>(bucket) > t) --bucket;
    }
    const float r = params.min + params.width * (static_cast<float>(bucket) + 0.5f);
    return r == r ? r : bit_cast<float>(0x7fc00000u);
  }
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_CODE_KERNELS_H_
