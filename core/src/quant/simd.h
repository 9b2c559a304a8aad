// simd.h: one vector of 128 bits, the thin layer under every kernel of this folder.
//
//   simd::Scalar   plain loops: the reference, and every processor without a back end of its own
//   simd::Wasm     wasm_simd128
//   simd::Sse2     x86-64 without options (three-operand AVX forms were measured: no gain)
//
// A back end is a type B with three lane views and static functions; kernels are templates over B.
//
//   B::F   4 floats    f_load f_add f_min …      names begin with the view they work on
//   B::I   16 bytes    i_add i_shr i_narrow16 …  32-bit lanes unless the name says otherwise
//   B::D   2 doubles   d_low d_mul …
//   masks are I: all bits of a lane set or none
//   B::kIntegerMax  whether i_max_signed and i_max_unsigned are single instructions
//
// Contract: every function gives the same bits in every back end, also for NaN, infinities and
// subnormals, or the kernels above it could not. What is left out on purpose: fused multiply-add
// and relaxed operations (they round differently from machine to machine) and conversions from
// float to int (out of range they differ); kRound does that job.
//
//   f_min(a, b)  b < a ? b : a       a NaN in b is ignored, one in a stays
//   f_max(a, b)  a < b ? b : a       the same
//   arithmetic on NaN gives a NaN whose payload is not specified: kernels never store it
//
// Loads and stores take any alignment of whole elements.
#ifndef WHITTLE_QUANT_SIMD_H_
#define WHITTLE_QUANT_SIMD_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

// One instruction or few: inlined also where the compiler would rather count bytes.
#define WHITTLE_SIMD [[gnu::always_inline]] static inline

namespace whittle::simd {

// x + kRound - kRound rounds |x| < 2^22 to the nearest integer, ties to even, and the integer is
// bits(x + kRound) - kRoundBits. 1.5 * 2^23: the 0.5 keeps negative x in the same binade.
constexpr float kRound = 12582912.0f;
constexpr int32_t kRoundBits = 0x4b400000;
// The same for doubles, |x| < 2^51; the low 32 bits of x + kRoundDouble are the integer.
constexpr double kRoundDouble = 6755399441055744.0;

}  // namespace whittle::simd

#include "simd_scalar.h"

#if defined(__wasm_simd128__)
#include "simd_wasm.h"
#elif defined(__SSE2__)
#include "simd_sse2.h"
#endif

#endif  // WHITTLE_QUANT_SIMD_H_
