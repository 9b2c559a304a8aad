// simd_scalar.h: the reference back end; see simd.h.
#ifndef WHITTLE_QUANT_SIMD_SCALAR_H_
#define WHITTLE_QUANT_SIMD_SCALAR_H_

#include <cmath>

#include "whittle/math.h"

namespace whittle::simd {

struct Scalar {
  static constexpr bool kIntegerMax = true;

  struct F {
    float v[4];
  };
  struct D {
    double v[2];
  };
  struct I {
    uint32_t v[4];
    WHITTLE_SIMD I from(const void* bytes) {
      I r;
      std::memcpy(&r, bytes, 16);
      return r;
    }
  };

  template <class V, class Op>
  WHITTLE_SIMD V each(const V& a, const V& b, Op op) {
    V r;
    for (size_t i = 0; i < sizeof(r.v) / sizeof(r.v[0]); ++i) r.v[i] = op(a.v[i], b.v[i]);
    return r;
  }
  template <class T>
  struct Lanes {
    T v[16 / sizeof(T)];
  };
  // The same bytes seen as lanes of T.
  template <class T>
  WHITTLE_SIMD Lanes<T> as(I a) {
    return bit_cast<Lanes<T>>(a);
  }
  template <class T>
  WHITTLE_SIMD I back(const Lanes<T>& a) {
    return bit_cast<I>(a);
  }
  template <class To, class From>
  WHITTLE_SIMD To saturate(From x, From low, From high) {
    return static_cast<To>(x < low ? low : x > high ? high : x);
  }

  // 4 floats
  WHITTLE_SIMD F f_load(const float* p) {
    F r;
    std::memcpy(&r, p, 16);
    return r;
  }
  WHITTLE_SIMD void f_store(float* p, F a) { std::memcpy(p, &a, 16); }
  WHITTLE_SIMD F f_splat(float x) { return {{x, x, x, x}}; }
  WHITTLE_SIMD F f_add(F a, F b) {
    return each(a, b, [](float x, float y) { return x + y; });
  }
  WHITTLE_SIMD F f_sub(F a, F b) {
    return each(a, b, [](float x, float y) { return x - y; });
  }
  WHITTLE_SIMD F f_mul(F a, F b) {
    return each(a, b, [](float x, float y) { return x * y; });
  }
  WHITTLE_SIMD F f_div(F a, F b) {
    return each(a, b, [](float x, float y) { return x / y; });
  }
  WHITTLE_SIMD F f_min(F a, F b) {
    return each(a, b, [](float x, float y) { return y < x ? y : x; });
  }
  WHITTLE_SIMD F f_max(F a, F b) {
    return each(a, b, [](float x, float y) { return x < y ? y : x; });
  }
  WHITTLE_SIMD I f_bits(F a) { return bit_cast<I>(a); }
  WHITTLE_SIMD F i_float(I a) { return bit_cast<F>(a); }
  WHITTLE_SIMD F f_abs(F a) { return i_float(i_and(f_bits(a), i_splat(0x7fffffff))); }
  WHITTLE_SIMD I f_lt(F a, F b) {
    I r;
    for (int i = 0; i < 4; ++i) r.v[i] = a.v[i] < b.v[i] ? ~0u : 0u;
    return r;
  }
  WHITTLE_SIMD I f_eq(F a, F b) {
    I r;
    for (int i = 0; i < 4; ++i) r.v[i] = a.v[i] == b.v[i] ? ~0u : 0u;
    return r;
  }
  // Neither is NaN.
  WHITTLE_SIMD I f_ordered(F a, F b) { return i_and(f_eq(a, a), f_eq(b, b)); }

  // 16 bytes
  WHITTLE_SIMD I i_load(const void* p) { return I::from(p); }
  WHITTLE_SIMD void i_store(void* p, I a) { std::memcpy(p, &a, 16); }
  WHITTLE_SIMD void i_store8(void* p, I a) { std::memcpy(p, &a, 8); }  // the low 8 bytes
  WHITTLE_SIMD I i_splat(int32_t x) {
    const uint32_t u = static_cast<uint32_t>(x);
    return {{u, u, u, u}};
  }
  using U = uint32_t;
  WHITTLE_SIMD I i_add(I a, I b) {
    return each(a, b, [](U x, U y) { return x + y; });
  }
  WHITTLE_SIMD I i_sub(I a, I b) {
    return each(a, b, [](U x, U y) { return x - y; });
  }
  WHITTLE_SIMD I i_and(I a, I b) {
    return each(a, b, [](U x, U y) { return x & y; });
  }
  WHITTLE_SIMD I i_or(I a, I b) {
    return each(a, b, [](U x, U y) { return x | y; });
  }
  WHITTLE_SIMD I i_xor(I a, I b) {
    return each(a, b, [](U x, U y) { return x ^ y; });
  }
  template <int n>
  WHITTLE_SIMD I i_shl(I a) {
    return each(a, a, [](U x, U) { return x << n; });
  }
  template <int n>
  WHITTLE_SIMD I i_shr(I a) {
    return each(a, a, [](U x, U) { return x >> n; });
  }
  template <int n>
  WHITTLE_SIMD I i_sra(I a) {
    return each(a, a, [](U x, U) { return static_cast<U>(static_cast<int32_t>(x) >> n); });
  }
  WHITTLE_SIMD I i_gt(I a, I b) {
    return each(a, b, [](U x, U y) {
      return static_cast<int32_t>(x) > static_cast<int32_t>(y) ? ~0u : 0u;
    });
  }
  WHITTLE_SIMD I i_max_signed(I a, I b) { return i_select(i_gt(a, b), a, b); }
  WHITTLE_SIMD I i_max_unsigned(I a, I b) {
    return each(a, b, [](U x, U y) { return x > y ? x : y; });
  }
  WHITTLE_SIMD I i_select(I mask, I a, I b) { return i_or(i_and(mask, a), i_andnot(b, mask)); }
  WHITTLE_SIMD I i_andnot(I a, I b) {
    return each(a, b, [](U x, U y) { return x & ~y; });
  }
  WHITTLE_SIMD bool i_all(I mask) { return (mask.v[0] & mask.v[1] & mask.v[2] & mask.v[3]) == ~0u; }
  WHITTLE_SIMD bool i_any(I a) { return (a.v[0] | a.v[1] | a.v[2] | a.v[3]) != 0; }
  WHITTLE_SIMD F i_to_f(I a) {
    F r;
    for (int i = 0; i < 4; ++i) r.v[i] = static_cast<float>(static_cast<int32_t>(a.v[i]));
    return r;
  }

  // Narrowing saturates; the lanes of a come first.
  WHITTLE_SIMD I i_narrow16(I a, I b) {
    Lanes<int16_t> r;
    for (int i = 0; i < 4; ++i) {
      r.v[i] = saturate<int16_t, int32_t>(static_cast<int32_t>(a.v[i]), -32768, 32767);
      r.v[i + 4] = saturate<int16_t, int32_t>(static_cast<int32_t>(b.v[i]), -32768, 32767);
    }
    return back(r);
  }
  WHITTLE_SIMD I i_narrow8s(I a, I b) {
    const auto x = as<int16_t>(a), y = as<int16_t>(b);
    Lanes<int8_t> r;
    for (int i = 0; i < 8; ++i) {
      r.v[i] = saturate<int8_t, int>(x.v[i], -128, 127);
      r.v[i + 8] = saturate<int8_t, int>(y.v[i], -128, 127);
    }
    return back(r);
  }
  WHITTLE_SIMD I i_narrow8u(I a, I b) {
    const auto x = as<int16_t>(a), y = as<int16_t>(b);
    Lanes<uint8_t> r;
    for (int i = 0; i < 8; ++i) {
      r.v[i] = saturate<uint8_t, int>(x.v[i], 0, 255);
      r.v[i + 8] = saturate<uint8_t, int>(y.v[i], 0, 255);
    }
    return back(r);
  }
  // 16 bytes (8 for widen_u16: 8 lanes of 16 bits) to vectors of 32-bit lanes.
  WHITTLE_SIMD void i_widen_s8(const int8_t* p, I out[4]) {
    for (int i = 0; i < 16; ++i) out[i / 4].v[i % 4] = static_cast<uint32_t>(int32_t{p[i]});
  }
  WHITTLE_SIMD void i_widen_u8(const uint8_t* p, I out[4]) {
    for (int i = 0; i < 16; ++i) out[i / 4].v[i % 4] = p[i];
  }
  WHITTLE_SIMD void i_widen_u16(const uint16_t* p, I out[2]) {
    for (int i = 0; i < 8; ++i) out[i / 4].v[i % 4] = p[i];
  }
  // Byte order of 16-, 32- and 64-bit lanes reversed.
  WHITTLE_SIMD I i_swap16(I a) { return reverse<2>(a); }
  WHITTLE_SIMD I i_swap32(I a) { return reverse<4>(a); }
  WHITTLE_SIMD I i_swap64(I a) { return reverse<8>(a); }
  template <int width>
  WHITTLE_SIMD I reverse(I a) {
    const auto x = as<uint8_t>(a);
    Lanes<uint8_t> r;
    for (int i = 0; i < 16; ++i) r.v[i] = x.v[i ^ (width - 1)];
    return back(r);
  }

  // 2 doubles
  WHITTLE_SIMD D d_load(const double* p) {
    D r;
    std::memcpy(&r, p, 16);
    return r;
  }
  WHITTLE_SIMD void d_store(double* p, D a) { std::memcpy(p, &a, 16); }
  WHITTLE_SIMD D d_splat(double x) { return {{x, x}}; }
  WHITTLE_SIMD D d_low(F a) { return {{a.v[0], a.v[1]}}; }
  WHITTLE_SIMD D d_high(F a) { return {{a.v[2], a.v[3]}}; }
  WHITTLE_SIMD D d_add(D a, D b) {
    return each(a, b, [](double x, double y) { return x + y; });
  }
  WHITTLE_SIMD D d_sub(D a, D b) {
    return each(a, b, [](double x, double y) { return x - y; });
  }
  WHITTLE_SIMD D d_mul(D a, D b) {
    return each(a, b, [](double x, double y) { return x * y; });
  }
  WHITTLE_SIMD D d_min(D a, D b) {
    return each(a, b, [](double x, double y) { return y < x ? y : x; });
  }
  WHITTLE_SIMD D d_max(D a, D b) {
    return each(a, b, [](double x, double y) { return x < y ? y : x; });
  }
  WHITTLE_SIMD I d_bits(D a) { return bit_cast<I>(a); }
  WHITTLE_SIMD D i_double(I a) { return bit_cast<D>(a); }
  WHITTLE_SIMD I d_eq(D a, D b) {
    Lanes<uint64_t> r;
    for (int i = 0; i < 2; ++i) r.v[i] = a.v[i] == b.v[i] ? ~uint64_t{0} : 0;
    return back(r);
  }
  // The low 32 bits of 4 doubles.
  WHITTLE_SIMD I d_low_words(D a, D b) {
    const I x = d_bits(a), y = d_bits(b);
    return {{x.v[0], x.v[2], y.v[0], y.v[2]}};
  }

  // 64-bit lanes
  // In each of the four 64-bit lanes of a and b: the low half times the high half.
  WHITTLE_SIMD void q_mul_halves(I a, I b, I* product_a, I* product_b) {
    *product_a = halves(a);
    *product_b = halves(b);
  }
  WHITTLE_SIMD I halves(I a) {
    const Lanes<uint64_t> r = {{uint64_t{a.v[0]} * a.v[1], uint64_t{a.v[2]} * a.v[3]}};
    return back(r);
  }
  WHITTLE_SIMD I q_add(I a, I b) {
    const auto x = as<uint64_t>(a), y = as<uint64_t>(b);
    return back(Lanes<uint64_t>{{x.v[0] + y.v[0], x.v[1] + y.v[1]}});
  }
  WHITTLE_SIMD I q_exchange(I a) { return {{a.v[2], a.v[3], a.v[0], a.v[1]}}; }
};

}  // namespace whittle::simd

#endif  // WHITTLE_QUANT_SIMD_SCALAR_H_
