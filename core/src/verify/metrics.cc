#include "metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

double rounded(double value, double unit) { return std::round(value * unit) / unit; }

bool is_real(DType t) {
  return t == DType::kFloat || t == DType::kDouble || t == DType::kHalf || t == DType::kBfloat16;
}

std::string shape_text(const Tensor& t) { return cat(dtype_name(t.dtype()), t.shape().to_string()); }

}  // namespace

double decibels(double signal, double noise) {
  if (!(noise > 0)) return kMostDb;
  if (!(signal > 0)) return -kMostDb;
  return std::clamp(rounded(10 * std::log10(signal / noise), 100), -kMostDb, kMostDb);
}

std::vector<double> reals(const Tensor& t) {
  std::vector<double> out;
  if (!is_real(t.dtype())) return out;
  out.reserve(static_cast<size_t>(t.elements()));
  switch (t.dtype()) {
    case DType::kFloat:
      for (float v : t.values<float>()) out.push_back(static_cast<double>(v));
      break;
    case DType::kDouble:
      for (double v : t.values<double>()) out.push_back(v);
      break;
    case DType::kHalf:
      for (uint16_t v : t.values<uint16_t>()) out.push_back(static_cast<double>(half_to_float(v)));
      break;
    default:
      for (uint16_t v : t.values<uint16_t>()) out.push_back(static_cast<double>(bfloat16_to_float(v)));
  }
  return out;
}

double OutputMetrics::add(const Tensor& a, const Tensor& b) {
  ++probes_;
  result_.dtype = dtype_name(a.dtype());
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    if (result_.problem.empty()) result_.problem = cat(shape_text(a), " became ", shape_text(b));
    result_.equal = false;
    // How many boxes or tokens come out may depend on values; rank and dtype may not.
    fatal_ |= a.dtype() != b.dtype() || a.shape().rank() != b.shape().rank();
    return 0;
  }
  if (is_real(a.dtype())) return add_real(a, b);
  add_other(a, b);
  return 0;
}

double OutputMetrics::add_real(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = reals(a), y = reals(b);
  add_rows(x, y, a.shape());
  if (a.identical(b)) return 0;
  // Squares of the largest doubles would overflow.
  double scale = 1;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(y[i]) && std::max(std::fabs(x[i]), std::fabs(y[i])) > 1e140) scale = 1e-170;
  }
  double signal = 0, noise = 0, other = 0, product = 0, peak = 0, error = 0;
  uint64_t broken = 0;
  bool differs = false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) {
      const bool both = (std::isnan(x[i]) && std::isnan(y[i])) || x[i] == y[i];
      broken += both ? 0 : 1;
      continue;
    }
    const double u = x[i] * scale, v = y[i] * scale, d = u - v;
    differs |= x[i] != y[i];
    signal += u * u;
    other += v * v;
    product += u * v;
    noise += d * d;
    peak = std::max(peak, std::fabs(u));
    error = std::max(error, std::fabs(d));
  }
  if (broken != 0) {
    result_.equal = false;
    fatal_ = true;
    if (result_.problem.empty()) result_.problem = cat(broken, " of ", x.size(), " values are finite in one model only");
  }
  if (!differs) return 0;  // zeros of another sign, NaNs of other bits
  result_.equal = false;
  sqnr_.push_back(decibels(signal, noise));
  result_.max_error = std::max(result_.max_error, std::min(error / scale, std::numeric_limits<double>::max()));
  const double relative = peak > 0 ? error / peak : error > 0 ? 1.0 : 0.0;
  result_.relative_error = std::max(result_.relative_error, relative);
  const double lengths = sqrt_f64(signal) * sqrt_f64(other);
  const double cosine = lengths > 0 ? rounded(product / lengths, 1e6) : 0;
  result_.cosine = std::min(result_.cosine.value_or(1), cosine);
  return relative;
}

// Rows along the last axis: the index of the largest value, and how far probabilities are apart.
void OutputMetrics::add_rows(const std::vector<double>& a, const std::vector<double>& b, const Shape& shape) {
  const int64_t last = shape.rank() > 0 ? shape.dims.back() : 0;
  if (last < 2 || last > 100'000) return;
  const size_t width = static_cast<size_t>(last);
  has_agreement_ = true;
  for (size_t row = 0; row + width <= a.size(); row += width) {
    const auto largest = [&](const std::vector<double>& v) {
      const auto begin = v.begin() + static_cast<std::ptrdiff_t>(row);
      return std::max_element(begin, begin + last) - begin;
    };
    ++asked_;
    agreed_ += largest(a) == largest(b) ? 1 : 0;
    double sum = 0, kl = 0;
    bool probabilities = true;
    for (size_t i = row; i < row + width; ++i) {
      probabilities &= a[i] >= 0 && a[i] <= 1.000001 && b[i] >= 0;
      sum += a[i];
    }
    if (!probabilities || std::fabs(sum - 1) > 1e-3) continue;
    for (size_t i = row; i < row + width; ++i) {
      if (a[i] > 0) kl += a[i] * std::log(a[i] / std::max(b[i], 1e-12));
    }
    result_.kl = std::max(result_.kl.value_or(0), std::max(0.0, rounded(kl, 1e6)));
  }
}

void OutputMetrics::add_other(const Tensor& a, const Tensor& b) {
  has_agreement_ = true;
  const uint64_t n = a.elements();
  uint64_t same = 0;
  if (a.is_string()) {
    for (size_t i = 0; i < n; ++i) same += a.strings()[i] == b.strings()[i] ? 1 : 0;
  } else if (n != 0) {
    const size_t width = static_cast<size_t>(a.byte_size() / n);
    for (size_t i = 0; i < n; ++i) {
      same += std::equal(a.bytes().begin() + static_cast<std::ptrdiff_t>(i * width),
                         a.bytes().begin() + static_cast<std::ptrdiff_t>((i + 1) * width),
                         b.bytes().begin() + static_cast<std::ptrdiff_t>(i * width)) ? 1 : 0;
    }
  }
  asked_ += n;
  agreed_ += same;
  result_.equal &= same == n;
}

OutputComparison OutputMetrics::finish(const VerifyBound& bound) const {
  OutputComparison out = result_;
  if (!sqnr_.empty()) {
    std::vector<double> all = sqnr_;
    all.resize(std::max<size_t>(all.size(), static_cast<size_t>(probes_)), kMostDb);  // equal probes
    std::sort(all.begin(), all.end());
    out.sqnr_db = all.front();
    out.median_sqnr_db = all[(all.size() - 1) / 2];
  }
  if (has_agreement_) {
    out.agreement = asked_ == 0 ? 1 : rounded(static_cast<double>(agreed_) / static_cast<double>(asked_), 1e6);
  }
  // Indices and counts may flip where floats come close, so only a bound on agreement judges them.
  const bool real = out.sqnr_db.has_value();
  out.missed = fatal_ || (!out.problem.empty() && bound.max_relative_error) ||
               (real && bound.max_relative_error && out.relative_error > *bound.max_relative_error) ||
               (real && bound.min_sqnr_db && *out.sqnr_db < *bound.min_sqnr_db) ||
               (real && bound.min_median_sqnr_db && *out.median_sqnr_db < *bound.min_median_sqnr_db) ||
               (!real && bound.max_relative_error && !out.equal) ||
               (bound.min_agreement && out.agreement && *out.agreement < *bound.min_agreement);
  return out;
}

}  // namespace whittle::verify
