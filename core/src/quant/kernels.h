// kernels.h: the inner loops over weights, one table of functions a back end (simd.h).
//
//   kernels()          the fastest table this processor runs
//   scalar_kernels()   the reference; the same bytes, by test
//
// Arrays   n elements, any n, no alignment but that of the element. Outputs may not overlap inputs
//          unless said. No kernel reads or writes outside its arrays.
// Rounding to nearest, ties to even, by adding and subtracting 1.5 * 2^23, but where the classic
//          tool rounds half away from zero.
// NaN      every kernel says what becomes of it; none lets a payload of arithmetic through.
#ifndef WHITTLE_QUANT_KERNELS_H_
#define WHITTLE_QUANT_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <limits>

namespace whittle::quant {

// Running range of floats; NaN only sets `nan`.
struct FloatRange {
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();
  bool nan = false;
};

// Running sums of squares, see error_sums.
struct ErrorSums {
  double signal = 0;
  double noise = 0;
  float max_error = 0;
};

// FloatToQuantized<quint8> (graph-transforms.md A.1), prepared by quint8_params().
struct Quint8Params {
  bool constant = false;   // min == max: every code is 0
  double scale = 0;        // codes per unit
  double rounded_min = 0;  // round(min * scale)
};
Quint8Params quint8_params(float min, float max);

// Dequantize MIN_FIRST of quint8, the kernel form (A.2): offset + code * step in float.
struct Quint8Decoding {
  float step = 0;
  float offset = 0;
};
Quint8Decoding quint8_decoding(float min, float max);

// round_weights (§6.25): min + width * (floor((v - min) / width) + 0.5).
struct RoundParams {
  float min = 0;
  float width = 0;
};

constexpr size_t kHashBlock = 1024;  // bytes
constexpr size_t kHashLanes = 8;

struct Kernels {
  const char* name;

  void (*range)(const float* x, size_t n, FloatRange* running);
  // True when the bytes are the 16-byte pattern repeated (the last time in part).
  bool (*repeats)(const uint8_t* bytes, size_t n, const uint8_t pattern[16]);
  // absmax[c] = max(absmax[c], |x[r * width + c]|) over whole rows; NaN is ignored.
  void (*absmax_columns)(const float* x, size_t rows, size_t width, float* absmax);
  // The same for one channel: the largest of `so_far` and |x|.
  float (*absmax_run)(const float* x, size_t n, float so_far);

  // x * scale; a NaN comes out as 0x7fc00000.
  void (*scale)(const float* x, const float* scale, size_t n, float* out);
  // clamp(rne(x / scale), -127, 127) by a true division, NaN -> 0. `inverse` is
  // int8_inverse(scale): with it most elements need a multiplication only.
  void (*int8_encode)(const float* x, const float* scale, const float* inverse, size_t n,
                      int8_t* codes);
  void (*int8_decode)(const int8_t* codes, const float* scale, size_t n, float* out);
  // float_to_half and its like of whittle/math.h, element by element, the same bits.
  void (*half_encode)(const float* x, size_t n, uint16_t* out);
  void (*half_decode)(const uint16_t* x, size_t n, float* out);
  void (*bfloat16_encode)(const float* x, size_t n, uint16_t* out);
  void (*bfloat16_decode)(const uint16_t* x, size_t n, float* out);
  // clamp(round(x * scale) - rounded_min, 0, 255), halves away from zero, in double; NaN -> 0.
  void (*quint8_encode)(const float* x, size_t n, const Quint8Params& params, uint8_t* codes);
  void (*quint8_decode)(const uint8_t* codes, size_t n, const Quint8Decoding& d, float* out);
  // A bucket outside of int32 counts as -2^31, as on x86; a NaN comes out as 0x7fc00000.
  void (*round_weights)(const float* x, size_t n, const RoundParams& params, float* out);

  // Reverses each group of `width` bytes (2, 4 or 8); out may be the input.
  void (*byte_swap)(const uint8_t* bytes, size_t n, uint32_t width, uint8_t* out);
  // signal += x^2, noise += (x - y)^2, max_error = max(.., |x - y|), NaN differences not in the
  // maximum. The order of the sums is fixed by n alone: sums over the same pieces are the same.
  void (*error_sums)(const float* x, const float* y, size_t n, ErrorSums* running);
  // hash.h; whole blocks of kHashBlock bytes.
  void (*hash_blocks)(uint64_t lanes[kHashLanes], const uint8_t* bytes, size_t blocks);
};

const Kernels& kernels();
const Kernels& scalar_kernels();

// 1 / scale, or NaN where the shortcut of int8_encode would not be exact (zero, subnormal, huge).
inline float int8_inverse(float scale) {
  const float magnitude = scale < 0 ? -scale : scale;
  return magnitude >= 0x1p-126f && magnitude <= 0x1p125f ? 1.0f / scale
                                                         : std::numeric_limits<float>::quiet_NaN();
}

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_KERNELS_H_
