// conv_kernels.h: the inner loops of depthwise convolution and of patch gathering.
#ifndef WHITTLE_EVAL_CONV_KERNELS_H_
#define WHITTLE_EVAL_CONV_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace whittle::eval {

// One output pixel of a depthwise convolution with one filter a channel:
//   out[c] = sum over taps t of in[t][c] * filter[t * channels + c],   taps in order
// `in` holds one pointer a tap; null for a tap outside of the image, which is left out.
void depthwise_pixel(size_t channels, size_t taps, const float* const* in, const float* filter,
                     float* out);
// out[c * multiplier + m] likewise, for filters [t][c][m].
void depthwise_pixel_multiplied(size_t channels, size_t multiplier, size_t taps,
                                const float* const* in, const float* filter, float* out);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_CONV_KERNELS_H_
