// simd_wasm.h: the wasm_simd128 back end; see simd.h.
#ifndef WHITTLE_QUANT_SIMD_WASM_H_
#define WHITTLE_QUANT_SIMD_WASM_H_

#include <wasm_simd128.h>

namespace whittle::simd {

struct Wasm {
  static constexpr bool kIntegerMax = true;

  using F = v128_t;
  using I = v128_t;
  using D = v128_t;

  // 4 floats
  WHITTLE_SIMD F f_load(const float* p) { return wasm_v128_load(p); }
  WHITTLE_SIMD void f_store(float* p, F a) { wasm_v128_store(p, a); }
  WHITTLE_SIMD F f_splat(float x) { return wasm_f32x4_splat(x); }
  WHITTLE_SIMD F f_add(F a, F b) { return wasm_f32x4_add(a, b); }
  WHITTLE_SIMD F f_sub(F a, F b) { return wasm_f32x4_sub(a, b); }
  WHITTLE_SIMD F f_mul(F a, F b) { return wasm_f32x4_mul(a, b); }
  WHITTLE_SIMD F f_div(F a, F b) { return wasm_f32x4_div(a, b); }
  WHITTLE_SIMD F f_min(F a, F b) { return wasm_f32x4_pmin(a, b); }
  WHITTLE_SIMD F f_max(F a, F b) { return wasm_f32x4_pmax(a, b); }
  WHITTLE_SIMD I f_bits(F a) { return a; }
  WHITTLE_SIMD F i_float(I a) { return a; }
  WHITTLE_SIMD F f_abs(F a) { return wasm_f32x4_abs(a); }
  WHITTLE_SIMD I f_lt(F a, F b) { return wasm_f32x4_lt(a, b); }
  WHITTLE_SIMD I f_eq(F a, F b) { return wasm_f32x4_eq(a, b); }
  WHITTLE_SIMD I f_ordered(F a, F b) { return i_and(f_eq(a, a), f_eq(b, b)); }

  // 16 bytes
  WHITTLE_SIMD I i_load(const void* p) { return wasm_v128_load(p); }
  WHITTLE_SIMD void i_store(void* p, I a) { wasm_v128_store(p, a); }
  WHITTLE_SIMD void i_store8(void* p, I a) { wasm_v128_store64_lane(p, a, 0); }
  WHITTLE_SIMD I i_splat(int32_t x) { return wasm_i32x4_splat(x); }
  WHITTLE_SIMD I i_add(I a, I b) { return wasm_i32x4_add(a, b); }
  WHITTLE_SIMD I i_sub(I a, I b) { return wasm_i32x4_sub(a, b); }
  WHITTLE_SIMD I i_and(I a, I b) { return wasm_v128_and(a, b); }
  WHITTLE_SIMD I i_or(I a, I b) { return wasm_v128_or(a, b); }
  WHITTLE_SIMD I i_xor(I a, I b) { return wasm_v128_xor(a, b); }
  WHITTLE_SIMD I i_andnot(I a, I b) { return wasm_v128_andnot(a, b); }
  template <int n>
  WHITTLE_SIMD I i_shl(I a) {
    return wasm_i32x4_shl(a, n);
  }
  template <int n>
  WHITTLE_SIMD I i_shr(I a) {
    return wasm_u32x4_shr(a, n);
  }
  template <int n>
  WHITTLE_SIMD I i_sra(I a) {
    return wasm_i32x4_shr(a, n);
  }
  WHITTLE_SIMD I i_gt(I a, I b) { return wasm_i32x4_gt(a, b); }
  WHITTLE_SIMD I i_max_signed(I a, I b) { return wasm_i32x4_max(a, b); }
  WHITTLE_SIMD I i_max_unsigned(I a, I b) { return wasm_u32x4_max(a, b); }
  WHITTLE_SIMD I i_select(I mask, I a, I b) { return wasm_v128_bitselect(a, b, mask); }
  WHITTLE_SIMD bool i_all(I mask) { return wasm_i32x4_all_true(mask); }
  WHITTLE_SIMD bool i_any(I a) { return wasm_v128_any_true(a); }
  WHITTLE_SIMD F i_to_f(I a) { return wasm_f32x4_convert_i32x4(a); }

  WHITTLE_SIMD I i_narrow16(I a, I b) { return wasm_i16x8_narrow_i32x4(a, b); }
  WHITTLE_SIMD I i_narrow8s(I a, I b) { return wasm_i8x16_narrow_i16x8(a, b); }
  WHITTLE_SIMD I i_narrow8u(I a, I b) { return wasm_u8x16_narrow_i16x8(a, b); }
  WHITTLE_SIMD void i_widen_s8(const int8_t* p, I out[4]) {
    const I a = i_load(p);
    const I low = wasm_i16x8_extend_low_i8x16(a), high = wasm_i16x8_extend_high_i8x16(a);
    out[0] = wasm_i32x4_extend_low_i16x8(low);
    out[1] = wasm_i32x4_extend_high_i16x8(low);
    out[2] = wasm_i32x4_extend_low_i16x8(high);
    out[3] = wasm_i32x4_extend_high_i16x8(high);
  }
  WHITTLE_SIMD void i_widen_u8(const uint8_t* p, I out[4]) {
    const I a = i_load(p);
    const I low = wasm_u16x8_extend_low_u8x16(a), high = wasm_u16x8_extend_high_u8x16(a);
    out[0] = wasm_u32x4_extend_low_u16x8(low);
    out[1] = wasm_u32x4_extend_high_u16x8(low);
    out[2] = wasm_u32x4_extend_low_u16x8(high);
    out[3] = wasm_u32x4_extend_high_u16x8(high);
  }
  WHITTLE_SIMD void i_widen_u16(const uint16_t* p, I out[2]) {
    const I a = i_load(p);
    out[0] = wasm_u32x4_extend_low_u16x8(a);
    out[1] = wasm_u32x4_extend_high_u16x8(a);
  }
  WHITTLE_SIMD I i_swap16(I a) {
    return wasm_i8x16_shuffle(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  }
  WHITTLE_SIMD I i_swap32(I a) {
    return wasm_i8x16_shuffle(a, a, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  }
  WHITTLE_SIMD I i_swap64(I a) {
    return wasm_i8x16_shuffle(a, a, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
  }

  // 2 doubles
  WHITTLE_SIMD D d_load(const double* p) { return wasm_v128_load(p); }
  WHITTLE_SIMD void d_store(double* p, D a) { wasm_v128_store(p, a); }
  WHITTLE_SIMD D d_splat(double x) { return wasm_f64x2_splat(x); }
  WHITTLE_SIMD D d_low(F a) { return wasm_f64x2_promote_low_f32x4(a); }
  WHITTLE_SIMD D d_high(F a) {
    return wasm_f64x2_promote_low_f32x4(wasm_i32x4_shuffle(a, a, 2, 3, 2, 3));
  }
  WHITTLE_SIMD D d_add(D a, D b) { return wasm_f64x2_add(a, b); }
  WHITTLE_SIMD D d_sub(D a, D b) { return wasm_f64x2_sub(a, b); }
  WHITTLE_SIMD D d_mul(D a, D b) { return wasm_f64x2_mul(a, b); }
  WHITTLE_SIMD D d_min(D a, D b) { return wasm_f64x2_pmin(a, b); }
  WHITTLE_SIMD D d_max(D a, D b) { return wasm_f64x2_pmax(a, b); }
  WHITTLE_SIMD I d_bits(D a) { return a; }
  WHITTLE_SIMD D i_double(I a) { return a; }
  WHITTLE_SIMD I d_eq(D a, D b) { return wasm_f64x2_eq(a, b); }
  WHITTLE_SIMD I d_low_words(D a, D b) { return wasm_i32x4_shuffle(a, b, 0, 2, 4, 6); }

  // 64-bit lanes
  // Two vectors at once: the halves are gathered by one shuffle each and multiplied by extmul,
  // which costs half of what i64x2.mul does on x86.
  WHITTLE_SIMD void q_mul_halves(I a, I b, I* product_a, I* product_b) {
    const I low = wasm_i32x4_shuffle(a, b, 0, 2, 4, 6);
    const I high = wasm_i32x4_shuffle(a, b, 1, 3, 5, 7);
    *product_a = wasm_u64x2_extmul_low_u32x4(low, high);
    *product_b = wasm_u64x2_extmul_high_u32x4(low, high);
  }
  WHITTLE_SIMD I q_add(I a, I b) { return wasm_i64x2_add(a, b); }
  WHITTLE_SIMD I q_exchange(I a) { return wasm_i64x2_shuffle(a, a, 1, 0); }
};

}  // namespace whittle::simd

#endif  // WHITTLE_QUANT_SIMD_WASM_H_
