// scanner.h: what a scan finds in the elements of a tensor, piece by piece.
//
// Pieces come in order and may have any length; the result does not depend on it.
#ifndef WHITTLE_QUANT_SCANNER_H_
#define WHITTLE_QUANT_SCANNER_H_

#include <vector>

#include "channels.h"
#include "whittle/job.h"

namespace whittle::quant {

class Scanner {
 public:
  // channels 0: no maxima. They need float32, half or bfloat16 elements (unsupported otherwise).
  static Result<Scanner> make(DType dtype, uint64_t channels, uint64_t inner);

  // `bytes` are n elements, aligned to their width.
  void add(const uint8_t* bytes, size_t n);
  // Fills everything but crc32c and hash.
  void finish(ScanResult* result) const;

 private:
  void add_floats(const float* x, uint64_t first, size_t n);
  void add_doubles(const double* x, size_t n);

  DType dtype_ = DType::kInvalid;
  uint32_t width_ = 0;
  uint64_t count_ = 0;
  bool all_equal_ = true;
  uint8_t pattern_[16] = {};  // the first element, repeated
  FloatRange range_;
  double min_ = std::numeric_limits<double>::infinity();  // float64
  double max_ = -std::numeric_limits<double>::infinity();
  bool nan_ = false;
  uint64_t channels_ = 0;
  ChannelMaxima maxima_;
  std::vector<float> wide_;  // half and bfloat16, widened
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_SCANNER_H_
