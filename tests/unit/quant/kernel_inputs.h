// kernel_inputs.h: floats that kernels get wrong first.
#ifndef WHITTLE_TESTS_QUANT_KERNEL_INPUTS_H_
#define WHITTLE_TESTS_QUANT_KERNEL_INPUTS_H_

#include <cstdint>
#include <vector>

#include "support/random.h"
#include "whittle/math.h"

namespace whittle {

inline float float_of(uint32_t bits) { return bit_cast<float>(bits); }

// Zeros, subnormals, ties of every encoding, borders of half and int, infinities, both NaN.
inline std::vector<float> special_floats() {
  std::vector<float> v;
  const uint32_t bits[] = {
      0x00000000, 0x00000001, 0x007fffff, 0x00800000, 0x33000000, 0x33000001, 0x32ffffff,
      0x33800000, 0x387fc000, 0x387fe000, 0x387fffff, 0x38800000, 0x38801000, 0x38803000,
      0x477fe000, 0x477fefff, 0x477ff000, 0x47800000, 0x7f7fffff, 0x7f800000, 0x7f800001,
      0x7fc00000, 0x7fc12345, 0x7fffffff, 0x3f000000, 0x3effffff, 0x3f000001, 0x3fc00000,
      0x40200000, 0x4b000000, 0x4a800000, 0x4a800001, 0x4e6e6b28, 0x4f000000, 0x4f000001,
      0x5f000000, 0x3f801000, 0x3f803000, 0x3f808000, 0x3f818000,
  };
  for (const uint32_t b : bits) {
    v.push_back(float_of(b));
    v.push_back(float_of(b | 0x80000000u));
  }
  for (int i = -260; i <= 260; ++i) v.push_back(static_cast<float>(i) * 0.5f);
  return v;
}

// In (-1, 1), all of a float's low bits in use.
inline std::vector<float> random_floats(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> v(n);
  for (float& x : v) {
    x = static_cast<float>(static_cast<int64_t>(random.next()) >> 11) * 0x1p-52f;
  }
  return v;
}

// Any bit pattern at all.
inline std::vector<float> random_bits(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> v(n);
  for (float& x : v) x = float_of(static_cast<uint32_t>(random.next() >> 32));
  return v;
}

}  // namespace whittle

#endif  // WHITTLE_TESTS_QUANT_KERNEL_INPUTS_H_
