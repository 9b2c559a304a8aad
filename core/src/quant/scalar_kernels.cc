#include <cmath>

#include "kernel_table.h"

namespace whittle::quant {

const Kernels& scalar_kernels() {
  static constexpr Kernels table = kernel_table<simd::Scalar>("scalar");
  return table;
}

Quint8Params quint8_params(float min, float max) {
  Quint8Params p;
  p.constant = min == max;
  if (p.constant) return p;
  const double range = static_cast<double>(max - min) * (256 / 255.0);
  p.scale = 256 / range;
  p.rounded_min = std::round(static_cast<double>(min) * p.scale);
  return p;
}

Quint8Decoding quint8_decoding(float min, float max) {
  if (min == max) return {0, min};
  Quint8Decoding d;
  d.step = static_cast<float>(static_cast<double>(max - min) / 255.0);
  d.offset = std::round(min / d.step) * d.step;
  return d;
}

}  // namespace whittle::quant
