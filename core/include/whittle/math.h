// math.h: checked 64-bit arithmetic and the few functions whose bits must not depend on a libm.
//
// Sizes from files are uint64_t everywhere, also where size_t has 32 bits (wasm).
#ifndef WHITTLE_MATH_H_
#define WHITTLE_MATH_H_

#include <cstdint>
#include <cstring>

namespace whittle {

// True on overflow; *out is only valid when false is returned.
inline bool mul_overflows(uint64_t a, uint64_t b, uint64_t* out) {
  return __builtin_mul_overflow(a, b, out);
}
inline bool add_overflows(uint64_t a, uint64_t b, uint64_t* out) {
  return __builtin_add_overflow(a, b, out);
}

// std::bit_cast is missing in the oldest supported library.
template <class To, class From>
To bit_cast(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}

// IEEE conversions, round to nearest even; NaN stays NaN (quiet), overflow becomes infinity.
uint16_t float_to_half(float value);
float half_to_float(uint16_t bits);
uint16_t float_to_bfloat16(float value);
float bfloat16_to_float(uint16_t bits);

// Correctly rounded on every target (sqrt is an IEEE operation).
float sqrt_f32(float value);
double sqrt_f64(double value);

}  // namespace whittle

#endif  // WHITTLE_MATH_H_
