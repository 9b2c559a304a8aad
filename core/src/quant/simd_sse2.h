// simd_sse2.h: the x86-64 back end; see simd.h. SSE2 only, which every such processor has.
#ifndef WHITTLE_QUANT_SIMD_SSE2_H_
#define WHITTLE_QUANT_SIMD_SSE2_H_

#include <emmintrin.h>

namespace whittle::simd {

struct Sse2 {
  // The integer maxima came with SSE4.1; these two are for completeness, not for speed.
  static constexpr bool kIntegerMax = false;

  using F = __m128;
  using I = __m128i;
  using D = __m128d;

  // 4 floats
  WHITTLE_SIMD F f_load(const float* p) { return _mm_loadu_ps(p); }
  WHITTLE_SIMD void f_store(float* p, F a) { _mm_storeu_ps(p, a); }
  WHITTLE_SIMD F f_splat(float x) { return _mm_set1_ps(x); }
  WHITTLE_SIMD F f_add(F a, F b) { return _mm_add_ps(a, b); }
  WHITTLE_SIMD F f_sub(F a, F b) { return _mm_sub_ps(a, b); }
  WHITTLE_SIMD F f_mul(F a, F b) { return _mm_mul_ps(a, b); }
  WHITTLE_SIMD F f_div(F a, F b) { return _mm_div_ps(a, b); }
  // minps(x, y) is x < y ? x : y, hence the exchanged operands.
  WHITTLE_SIMD F f_min(F a, F b) { return _mm_min_ps(b, a); }
  WHITTLE_SIMD F f_max(F a, F b) { return _mm_max_ps(b, a); }
  WHITTLE_SIMD I f_bits(F a) { return _mm_castps_si128(a); }
  WHITTLE_SIMD F i_float(I a) { return _mm_castsi128_ps(a); }
  WHITTLE_SIMD F f_abs(F a) { return i_float(i_and(f_bits(a), i_splat(0x7fffffff))); }
  WHITTLE_SIMD I f_lt(F a, F b) { return f_bits(_mm_cmplt_ps(a, b)); }
  WHITTLE_SIMD I f_eq(F a, F b) { return f_bits(_mm_cmpeq_ps(a, b)); }
  WHITTLE_SIMD I f_ordered(F a, F b) { return f_bits(_mm_cmpord_ps(a, b)); }

  // 16 bytes
  WHITTLE_SIMD I i_load(const void* p) { return _mm_loadu_si128(static_cast<const I*>(p)); }
  WHITTLE_SIMD void i_store(void* p, I a) { _mm_storeu_si128(static_cast<I*>(p), a); }
  WHITTLE_SIMD void i_store8(void* p, I a) { _mm_storel_epi64(static_cast<I*>(p), a); }
  WHITTLE_SIMD I i_splat(int32_t x) { return _mm_set1_epi32(x); }
  WHITTLE_SIMD I i_add(I a, I b) { return _mm_add_epi32(a, b); }
  WHITTLE_SIMD I i_sub(I a, I b) { return _mm_sub_epi32(a, b); }
  WHITTLE_SIMD I i_and(I a, I b) { return _mm_and_si128(a, b); }
  WHITTLE_SIMD I i_or(I a, I b) { return _mm_or_si128(a, b); }
  WHITTLE_SIMD I i_xor(I a, I b) { return _mm_xor_si128(a, b); }
  WHITTLE_SIMD I i_andnot(I a, I b) { return _mm_andnot_si128(b, a); }
  template <int n>
  WHITTLE_SIMD I i_shl(I a) {
    return _mm_slli_epi32(a, n);
  }
  template <int n>
  WHITTLE_SIMD I i_shr(I a) {
    return _mm_srli_epi32(a, n);
  }
  template <int n>
  WHITTLE_SIMD I i_sra(I a) {
    return _mm_srai_epi32(a, n);
  }
  WHITTLE_SIMD I i_gt(I a, I b) { return _mm_cmpgt_epi32(a, b); }
  WHITTLE_SIMD I i_max_signed(I a, I b) { return i_select(i_gt(a, b), a, b); }
  WHITTLE_SIMD I i_max_unsigned(I a, I b) {
    const I flip = i_splat(INT32_MIN);
    return i_select(i_gt(i_xor(a, flip), i_xor(b, flip)), a, b);
  }
  WHITTLE_SIMD I i_select(I mask, I a, I b) { return i_or(i_and(mask, a), i_andnot(b, mask)); }
  WHITTLE_SIMD bool i_all(I mask) { return _mm_movemask_epi8(mask) == 0xffff; }
  WHITTLE_SIMD bool i_any(I a) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, _mm_setzero_si128())) != 0xffff;
  }
  WHITTLE_SIMD F i_to_f(I a) { return _mm_cvtepi32_ps(a); }

  WHITTLE_SIMD I i_narrow16(I a, I b) { return _mm_packs_epi32(a, b); }
  WHITTLE_SIMD I i_narrow8s(I a, I b) { return _mm_packs_epi16(a, b); }
  WHITTLE_SIMD I i_narrow8u(I a, I b) { return _mm_packus_epi16(a, b); }
  WHITTLE_SIMD void i_widen_s8(const int8_t* p, I out[4]) {
    const I a = i_load(p);
    const I low = _mm_unpacklo_epi8(a, a), high = _mm_unpackhi_epi8(a, a);
    out[0] = i_sra<24>(_mm_unpacklo_epi16(low, low));
    out[1] = i_sra<24>(_mm_unpackhi_epi16(low, low));
    out[2] = i_sra<24>(_mm_unpacklo_epi16(high, high));
    out[3] = i_sra<24>(_mm_unpackhi_epi16(high, high));
  }
  WHITTLE_SIMD void i_widen_u8(const uint8_t* p, I out[4]) {
    const I a = i_load(p), zero = _mm_setzero_si128();
    const I low = _mm_unpacklo_epi8(a, zero), high = _mm_unpackhi_epi8(a, zero);
    out[0] = _mm_unpacklo_epi16(low, zero);
    out[1] = _mm_unpackhi_epi16(low, zero);
    out[2] = _mm_unpacklo_epi16(high, zero);
    out[3] = _mm_unpackhi_epi16(high, zero);
  }
  WHITTLE_SIMD void i_widen_u16(const uint16_t* p, I out[2]) {
    const I a = i_load(p), zero = _mm_setzero_si128();
    out[0] = _mm_unpacklo_epi16(a, zero);
    out[1] = _mm_unpackhi_epi16(a, zero);
  }
  WHITTLE_SIMD I i_swap16(I a) { return i_or(_mm_slli_epi16(a, 8), _mm_srli_epi16(a, 8)); }
  WHITTLE_SIMD I i_swap32(I a) {
    const I words = _mm_shufflelo_epi16(a, _MM_SHUFFLE(2, 3, 0, 1));
    return i_swap16(_mm_shufflehi_epi16(words, _MM_SHUFFLE(2, 3, 0, 1)));
  }
  WHITTLE_SIMD I i_swap64(I a) {
    const I words = _mm_shufflelo_epi16(a, _MM_SHUFFLE(0, 1, 2, 3));
    return i_swap16(_mm_shufflehi_epi16(words, _MM_SHUFFLE(0, 1, 2, 3)));
  }

  // 2 doubles
  WHITTLE_SIMD D d_load(const double* p) { return _mm_loadu_pd(p); }
  WHITTLE_SIMD void d_store(double* p, D a) { _mm_storeu_pd(p, a); }
  WHITTLE_SIMD D d_splat(double x) { return _mm_set1_pd(x); }
  WHITTLE_SIMD D d_low(F a) { return _mm_cvtps_pd(a); }
  WHITTLE_SIMD D d_high(F a) { return _mm_cvtps_pd(_mm_movehl_ps(a, a)); }
  WHITTLE_SIMD D d_add(D a, D b) { return _mm_add_pd(a, b); }
  WHITTLE_SIMD D d_sub(D a, D b) { return _mm_sub_pd(a, b); }
  WHITTLE_SIMD D d_mul(D a, D b) { return _mm_mul_pd(a, b); }
  WHITTLE_SIMD D d_min(D a, D b) { return _mm_min_pd(b, a); }
  WHITTLE_SIMD D d_max(D a, D b) { return _mm_max_pd(b, a); }
  WHITTLE_SIMD I d_bits(D a) { return _mm_castpd_si128(a); }
  WHITTLE_SIMD D i_double(I a) { return _mm_castsi128_pd(a); }
  WHITTLE_SIMD I d_eq(D a, D b) { return d_bits(_mm_cmpeq_pd(a, b)); }
  WHITTLE_SIMD I d_low_words(D a, D b) {
    return f_bits(_mm_shuffle_ps(_mm_castpd_ps(a), _mm_castpd_ps(b), _MM_SHUFFLE(2, 0, 2, 0)));
  }

  // 64-bit lanes
  WHITTLE_SIMD void q_mul_halves(I a, I b, I* product_a, I* product_b) {
    *product_a = _mm_mul_epu32(a, _mm_srli_epi64(a, 32));
    *product_b = _mm_mul_epu32(b, _mm_srli_epi64(b, 32));
  }
  WHITTLE_SIMD I q_add(I a, I b) { return _mm_add_epi64(a, b); }
  WHITTLE_SIMD I q_exchange(I a) { return _mm_shuffle_epi32(a, _MM_SHUFFLE(1, 0, 3, 2)); }
};

}  // namespace whittle::simd

#endif  // WHITTLE_QUANT_SIMD_SSE2_H_
