#include "channels.h"

#include <algorithm>
#include <cassert>

#include "whittle/math.h"

namespace whittle::quant {
namespace {

// Rows shorter than this are several to a column pass: a vector loop needs some length.
constexpr uint64_t kShortRow = 64;
// Rows of short runs up to this width are taken as columns and folded at the end: 256 KiB.
constexpr uint64_t kLongRow = 65536;
// Runs of at least this length are worth a vector loop each.
constexpr uint64_t kLongRun = 16;

}  // namespace

ChannelValues::ChannelValues(std::vector<float> values, uint64_t inner)
    : channels_(values.size()), inner_(inner), values_(std::move(values)) {
  assert(channels_ > 0 && inner_ > 0);
  if (inner_ > 1) {
    piece_.resize(kPiece);
    return;
  }
  values_.resize(channels_ + kPiece);
  for (size_t i = channels_; i < values_.size(); ++i) values_[i] = values_[i - channels_];
}

const float* ChannelValues::at(uint64_t first, size_t n) {
  assert(n <= kPiece);
  if (inner_ == 1) return values_.data() + first % channels_;
  uint64_t channel = first / inner_ % channels_;
  uint64_t left = inner_ - first % inner_;  // elements until the next channel
  if (left >= n) {
    if (filled_channel_ != channel) std::fill(piece_.begin(), piece_.end(), values_[channel]);
    filled_channel_ = channel;
    return piece_.data();
  }
  filled_channel_ = UINT64_MAX;
  for (size_t i = 0; i < n;) {
    const size_t run = static_cast<size_t>(std::min<uint64_t>(left, n - i));
    std::fill_n(piece_.begin() + static_cast<ptrdiff_t>(i), run, values_[channel]);
    i += run;
    left = inner_;
    channel = channel + 1 == channels_ ? 0 : channel + 1;
  }
  return piece_.data();
}

ChannelMaxima::ChannelMaxima(uint64_t channels, uint64_t inner)
    : channels_(channels), inner_(inner) {
  uint64_t row = 0;
  const bool overflows = mul_overflows(channels, inner, &row);
  if (inner == 1 || (!overflows && inner < kLongRun && row <= kLongRow)) {
    width_ = row >= kShortRow ? row : row * ((kShortRow + row - 1) / row);
    maxima_.assign(static_cast<size_t>(width_), 0.0f);
  } else {
    maxima_.assign(static_cast<size_t>(channels), 0.0f);
  }
}

void ChannelMaxima::add(const float* x, uint64_t first, size_t n) {
  if (width_ > 0) {
    add_columns(x, first, n);
  } else {
    add_runs(x, first, n);
  }
}

void ChannelMaxima::add_columns(const float* x, uint64_t first, size_t n) {
  const Kernels& k = kernels();
  const size_t width = static_cast<size_t>(width_);
  const size_t phase = static_cast<size_t>(first % width_);
  if (phase > 0) {
    const size_t head = std::min(n, width - phase);
    k.absmax_columns(x, 1, head, maxima_.data() + phase);
    x += head;
    n -= head;
  }
  const size_t rows = n / width;
  k.absmax_columns(x, rows, width, maxima_.data());
  k.absmax_columns(x + rows * width, 1, n - rows * width, maxima_.data());
}

void ChannelMaxima::add_runs(const float* x, uint64_t first, size_t n) {
  const Kernels& k = kernels();
  uint64_t channel = first / inner_ % channels_;
  uint64_t left = inner_ - first % inner_;
  for (size_t i = 0; i < n;) {
    const size_t run = static_cast<size_t>(std::min<uint64_t>(left, n - i));
    float& largest = maxima_[static_cast<size_t>(channel)];
    largest = k.absmax_run(x + i, run, largest);
    i += run;
    left = inner_;
    channel = channel + 1 == channels_ ? 0 : channel + 1;
  }
}

std::vector<float> ChannelMaxima::finish() const {
  if (width_ == 0) return maxima_;
  std::vector<float> by_channel(static_cast<size_t>(channels_), 0.0f);
  for (uint64_t i = 0; i < width_; ++i) {
    float& largest = by_channel[static_cast<size_t>(i / inner_ % channels_)];
    largest = std::max(largest, maxima_[static_cast<size_t>(i)]);
  }
  return by_channel;
}

}  // namespace whittle::quant
