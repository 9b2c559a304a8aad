// balanced_codes.h: int8 codes whose rounding errors cancel within each output channel.
//
// Rounding every weight to its nearest code leaves a channel with a random sum of errors, and inputs
// that are mostly positive (after a ReLU, spectra, pixels) multiply just that sum. Moving the few
// weights that lie nearest to a tie to their other neighbour brings the sum below half a step:
// same size, same decoding, 1 to 2 dB more after a ReLU (quantization.md §1.3 "flips"; on the
// keyword spotters of the test models 28 -> 38 dB and 28 -> 33 dB).
//
// Needs the whole tensor, so it serves weights up to kBalancedBytes; larger ones are rounded while
// they stream, where many weights a channel average out.
// Same codes on every target: IEEE divisions, sums in double in order of the elements, ties by index.
#ifndef WHITTLE_TRANSFORMS_BALANCED_CODES_H_
#define WHITTLE_TRANSFORMS_BALANCED_CODES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "whittle/result.h"
#include "whittle/tensor.h"

namespace whittle {

constexpr uint64_t kBalancedBytes = 512 << 10;   // of one float32 weight
constexpr uint64_t kBalancedTotal = 32 << 20;    // of all of them, held while planning

struct BalancedCodes {
  Tensor codes;                  // int8, the weight's shape
  double signal = 0, noise = 0;  // sums of squares of weights and of errors
  double max_error = 0;
};

// weight: float32, finite. scales: one per channel, channel(i) = (i / inner) % scales.size().
// |error| < scale for moved weights, <= scale / 2 for the others.
Result<BalancedCodes> balanced_int8(const Tensor& weight, std::span<const float> scales, uint64_t inner);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_BALANCED_CODES_H_
