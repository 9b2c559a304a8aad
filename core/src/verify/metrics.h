// metrics.h: how far one tensor is from another; gathered over probes into an OutputComparison.
#ifndef WHITTLE_VERIFY_METRICS_H_
#define WHITTLE_VERIFY_METRICS_H_

#include <vector>

#include "whittle/tensor.h"
#include "whittle/verification.h"

namespace whittle::verify {

class OutputMetrics {
 public:
  explicit OutputMetrics(std::string key) { result_.key = std::move(key); }

  // One probe: what the original gave, and what the result gave.
  // The relative error of this probe; 0 where none can be given.
  double add(const Tensor& a, const Tensor& b);
  // Judged by `bound`; medians are of the probes so far.
  OutputComparison finish(const VerifyBound& bound) const;

 private:
  double add_real(const Tensor& a, const Tensor& b);
  void add_other(const Tensor& a, const Tensor& b);
  void add_rows(const std::vector<double>& a, const std::vector<double>& b, const Shape& shape);

  OutputComparison result_;
  std::vector<double> sqnr_;                  // of probes that differ; capped at kMostDb
  uint64_t probes_ = 0;
  uint64_t asked_ = 0, agreed_ = 0;           // elements or rows
  bool has_agreement_ = false, fatal_ = false;
};

// Above this the noise is the rounding of float32 sums.
constexpr double kMostDb = 200;

// 10 log10(signal/noise) to a hundredth, within ±kMostDb.
double decibels(double signal, double noise);
// Float dtypes as doubles; empty for others.
std::vector<double> reals(const Tensor& t);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_METRICS_H_
