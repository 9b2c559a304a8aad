#include "conv_kernels.h"

#include "simd.h"

namespace whittle::eval {
namespace {

template <size_t kVectors>
void channels_at(size_t c, size_t channels, size_t taps, const float* const* in,
                 const float* filter, float* out) {
  Float4 acc[kVectors] = {};
  for (size_t t = 0; t < taps; ++t) {
    if (in[t] == nullptr) continue;
    const float* x = in[t] + c;
    const float* f = filter + t * channels + c;
    for (size_t v = 0; v < kVectors; ++v) acc[v] = acc[v] + load4(x + 4 * v) * load4(f + 4 * v);
  }
  for (size_t v = 0; v < kVectors; ++v) store4(out + c + 4 * v, acc[v]);
}

}  // namespace

void depthwise_pixel(size_t channels, size_t taps, const float* const* in, const float* filter,
                     float* out) {
  size_t c = 0;
  for (; c + 16 <= channels; c += 16) channels_at<4>(c, channels, taps, in, filter, out);
  for (; c + 4 <= channels; c += 4) channels_at<1>(c, channels, taps, in, filter, out);
  for (; c < channels; ++c) {
    float acc = 0;
    for (size_t t = 0; t < taps; ++t) {
      if (in[t] != nullptr) acc += in[t][c] * filter[t * channels + c];
    }
    out[c] = acc;
  }
}

void depthwise_pixel_multiplied(size_t channels, size_t multiplier, size_t taps,
                                const float* const* in, const float* filter, float* out) {
  for (size_t c = 0; c < channels; ++c) {
    float* o = out + c * multiplier;
    for (size_t m = 0; m < multiplier; ++m) o[m] = 0;
    for (size_t t = 0; t < taps; ++t) {
      if (in[t] == nullptr) continue;
      const float x = in[t][c];
      const float* f = filter + (t * channels + c) * multiplier;
      for (size_t m = 0; m < multiplier; ++m) o[m] += x * f[m];
    }
  }
}

}  // namespace whittle::eval
