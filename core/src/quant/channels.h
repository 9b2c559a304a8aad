// channels.h: values per channel along the elements, channel(i) = (i / inner) % channels.
//
//   ChannelValues   one float a channel, laid out beside a piece of elements for the kernels
//   ChannelMaxima   the largest magnitude of each channel, from pieces of elements
//
// Pieces are runs of elements in row-major order; they may begin and end anywhere in a row.
#ifndef WHITTLE_QUANT_CHANNELS_H_
#define WHITTLE_QUANT_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"

namespace whittle::quant {

// Elements that a step works on at once: 8 KiB of floats, so that a chain of steps stays in the
// first cache.
constexpr size_t kPiece = 2048;

class ChannelValues {
 public:
  ChannelValues() = default;
  // At least one value; inner >= 1.
  ChannelValues(std::vector<float> values, uint64_t inner);

  // The values of elements first .. first + n - 1, n <= kPiece; valid until the next call.
  const float* at(uint64_t first, size_t n);

 private:
  uint64_t channels_ = 1;
  uint64_t inner_ = 1;
  // inner 1: the values and, after them, as many again as a piece needs that begins at the last.
  std::vector<float> values_;
  // Otherwise the piece asked for last is laid out here.
  std::vector<float> piece_;
  uint64_t filled_channel_ = UINT64_MAX;  // the one channel that piece_ is full of
};

class ChannelMaxima {
 public:
  ChannelMaxima() = default;
  // channels * inner may be any product: what does not fit 64 bits cannot be reached by an element.
  ChannelMaxima(uint64_t channels, uint64_t inner);

  void add(const float* x, uint64_t first, size_t n);
  std::vector<float> finish() const;  // one float a channel

 private:
  void add_columns(const float* x, uint64_t first, size_t n);
  void add_runs(const float* x, uint64_t first, size_t n);

  uint64_t channels_ = 0;
  uint64_t inner_ = 1;
  // Columns: the maxima of element index modulo this width; 0: maxima_ are by channel, and runs of
  // `inner` elements are taken one by one.
  uint64_t width_ = 0;
  std::vector<float> maxima_;
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_CHANNELS_H_
