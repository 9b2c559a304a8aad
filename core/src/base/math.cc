#include "whittle/math.h"

#include <cmath>

namespace whittle {
namespace {

constexpr uint32_t kFloatInfinity = 0x7f800000u;

// value / 2^shift, rounded to nearest, ties to even; 0 < shift < 32.
uint32_t shift_right_rne(uint32_t value, uint32_t shift) {
  const uint32_t half = (1u << (shift - 1)) - 1;
  const uint32_t odd = (value >> shift) & 1u;
  return (value + half + odd) >> shift;
}

}  // namespace

uint16_t float_to_half(float value) {
  const uint32_t bits = bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > kFloatInfinity) {  // quiet, upper payload bits kept, as F16C does
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  }
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // >= 65536
  if (magnitude < 0x33000000u) return static_cast<uint16_t>(sign);             // < 2^-25
  const uint32_t exponent = magnitude >> 23;
  if (exponent < 113) {  // below 2^-14: a subnormal half, unit 2^-24
    const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    return static_cast<uint16_t>(sign | shift_right_rne(mantissa, 126 - exponent));
  }
  // A carry out of the mantissa raises the exponent, up to infinity: what rounding asks for.
  return static_cast<uint16_t>(sign | shift_right_rne(magnitude - (112u << 23), 13));
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // exact
    return bit_cast<float>(sign | bit_cast<uint32_t>(magnitude));
  }
  if (exponent == 31) {
    const uint32_t quiet = mantissa != 0 ? 0x400000u : 0u;
    return bit_cast<float>(sign | kFloatInfinity | quiet | (mantissa << 13));
  }
  return bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > kFloatInfinity) {
    return static_cast<uint16_t>((bits >> 16) | 0x40u);  // quiet; the payload's low half goes
  }
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float bfloat16_to_float(uint16_t bits) {
  return bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

float sqrt_f32(float value) { return std::sqrt(value); }
double sqrt_f64(double value) { return std::sqrt(value); }

}  // namespace whittle
