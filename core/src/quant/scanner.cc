#include "scanner.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "whittle/text.h"

namespace whittle::quant {
namespace {

// 64 MiB of maxima. The largest published embedding tables have some 10^6 rows.
constexpr uint64_t kMaxChannels = uint64_t{1} << 24;

}  // namespace

Result<Scanner> Scanner::make(DType dtype, uint64_t channels, uint64_t inner) {
  Scanner s;
  s.dtype_ = dtype;
  s.width_ = byte_width(dtype);
  if (s.width_ == 0)
    return unsupported(cat("elements of ", dtype_name(dtype), " cannot be scanned"));
  const bool narrow = dtype == DType::kHalf || dtype == DType::kBfloat16;
  if (narrow) s.wide_.resize(kPiece);
  s.channels_ = channels;
  if (channels == 0) return s;
  if (inner == 0) return corrupt("a channel has no elements");
  if (channels > kMaxChannels)
    return over_limit(cat("a tensor has more than ", kMaxChannels, " channels"));
  if (dtype != DType::kFloat && !narrow) {
    return unsupported(cat("maxima by channel of ", dtype_name(dtype), " elements"));
  }
  s.maxima_ = ChannelMaxima(channels, inner);
  return s;
}

void Scanner::add(const uint8_t* bytes, size_t n) {
  if (n == 0) return;
  if (count_ == 0) {
    for (size_t i = 0; i < 16; ++i) pattern_[i] = bytes[i % width_];
  }
  // Once two elements differ there is nothing left to find out.
  if (all_equal_) all_equal_ = kernels().repeats(bytes, n * width_, pattern_);
  if (dtype_ == DType::kFloat) {
    add_floats(reinterpret_cast<const float*>(bytes), count_, n);
  } else if (dtype_ == DType::kDouble) {
    add_doubles(reinterpret_cast<const double*>(bytes), n);
  } else if (!wide_.empty()) {
    const auto widen = dtype_ == DType::kHalf ? kernels().half_decode : kernels().bfloat16_decode;
    const uint16_t* x = reinterpret_cast<const uint16_t*>(bytes);
    for (size_t i = 0; i < n; i += kPiece) {
      const size_t count = std::min(kPiece, n - i);
      widen(x + i, count, wide_.data());
      add_floats(wide_.data(), count_ + i, count);
    }
  }
  count_ += n;
}

void Scanner::add_floats(const float* x, uint64_t first, size_t n) {
  kernels().range(x, n, &range_);
  if (channels_ > 0) maxima_.add(x, first, n);
}

void Scanner::add_doubles(const double* x, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    min_ = x[i] < min_ ? x[i] : min_;
    max_ = max_ < x[i] ? x[i] : max_;
    nan_ = nan_ || x[i] != x[i];
  }
}

void Scanner::finish(ScanResult* result) const {
  result->all_equal = all_equal_ && count_ > 0;
  result->first.clear();
  if (count_ > 0) result->first.assign(pattern_, pattern_ + width_);
  result->absmax.clear();
  if (channels_ > 0) result->absmax = maxima_.finish();
  result->finite = true;
  result->min = result->max = 0;
  if (!is_floating(dtype_)) return;
  const bool is_double = dtype_ == DType::kDouble;
  // Adding +0 makes both zeros the same.
  result->min = (is_double ? min_ : range_.min) + 0.0;
  result->max = (is_double ? max_ : range_.max) + 0.0;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const bool numbers = result->min <= result->max;  // at least one element is not NaN
  const bool nan = is_double ? nan_ : range_.nan;
  result->finite = !nan && (!numbers || (result->min > -kInf && result->max < kInf));
}

}  // namespace whittle::quant
