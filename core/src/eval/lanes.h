// lanes.h: narrow dtypes computed in wide ones.
//
//   storage                          lane    a block is widened, computed, and narrowed again
//   float, half, bfloat16            f32     half and bfloat16 round once per op, as in TensorFlow
//   double                           f64
//   int8 … int64, qint*              i64     low bits are right for + - *, and / compares fit
//   uint8 … uint64, quint*, bool     u64
//   complex64, complex128            c64, c128
//
// One loop per op and lane instead of one per dtype keeps the module small.
#ifndef WHITTLE_EVAL_LANES_H_
#define WHITTLE_EVAL_LANES_H_

#include <cstdint>
#include <cstring>

#include "whittle/dtype.h"

namespace whittle::eval {

enum class Lane : uint8_t { kNone, kF32, kF64, kI64, kU64, kC64, kC128 };

struct Complex64 {
  float re, im;
};
struct Complex128 {
  double re, im;
};

Lane lane_of(DType dtype);
uint32_t lane_width(Lane lane);
// Whether the dtype is stored as its lane, so that no conversion is needed.
bool is_native(DType dtype);

// `count` elements, `stride` (0 or 1) apart, from storage to lane values.
void widen(DType dtype, const uint8_t* from, size_t stride, void* lane, size_t count);
// Lane values to storage: integers keep their low bits, floats round to nearest even.
void narrow(DType dtype, const void* lane, uint8_t* to, size_t count);

// Subnormals become zeros of the same sign, as with the flush-to-zero mode TensorFlow sets.
inline float flush(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  u &= (u & 0x7f800000u) != 0 ? 0xffffffffu : 0x80000000u;
  std::memcpy(&x, &u, 4);
  return x;
}
inline double flush(double x) {
  uint64_t u;
  std::memcpy(&u, &x, 8);
  u &= (u & 0x7ff0000000000000u) != 0 ? ~uint64_t{0} : uint64_t{1} << 63;
  std::memcpy(&x, &u, 8);
  return x;
}
inline int64_t flush(int64_t x) { return x; }
inline uint64_t flush(uint64_t x) { return x; }
inline Complex64 flush(Complex64 x) { return {flush(x.re), flush(x.im)}; }
inline Complex128 flush(Complex128 x) { return {flush(x.re), flush(x.im)}; }

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_LANES_H_
