#include "balanced_codes.h"

#include <algorithm>
#include <cmath>

namespace whittle {
namespace {

constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding and taking it away rounds to even

float round_to_even(float x) { return (x + kMagic) - kMagic; }

struct Candidate {
  float gain;  // how far the weight lies towards the other neighbour, 0 to 0.5
  uint32_t index;
};

// Moves round(|sum|) codes of one channel by one step, those nearest to a tie first.
void balance(std::vector<Candidate>& candidates, double sum, std::span<int8_t> codes) {
  const auto moves = std::min(candidates.size(), static_cast<size_t>(std::llround(std::fabs(sum))));
  const int direction = sum > 0 ? 1 : -1;
  const auto first = [](const Candidate& a, const Candidate& b) {
    return a.gain != b.gain ? a.gain > b.gain : a.index < b.index;
  };
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(moves),
                   candidates.end(), first);
  for (size_t k = 0; k < moves; ++k) {
    int8_t& code = codes[candidates[k].index];
    code = static_cast<int8_t>(std::clamp(code + direction, -127, 127));
  }
}

}  // namespace

Result<BalancedCodes> balanced_int8(const Tensor& weight, std::span<const float> scales,
                                    uint64_t inner) {
  BalancedCodes out;
  WHITTLE_ASSIGN(out.codes, Tensor::make(DType::kInt8, weight.shape()));
  const std::span<const float> w = weight.values<float>();
  const std::span<int8_t> codes = out.codes.mutable_values<int8_t>();
  std::vector<float> errors(w.size());
  std::vector<Candidate> candidates;
  const size_t channels = scales.size();
  const size_t run = static_cast<size_t>(inner);
  const size_t stride = channels * run;  // from one run of a channel to its next
  if (stride == 0 || w.size() % stride != 0)
    return internal_error("channels do not divide the weight");
  for (size_t channel = 0; channel < channels; ++channel) {
    const float scale = scales[channel];
    double sum = 0;
    for (size_t at = channel * run; at < w.size(); at += stride) {
      for (size_t i = at; i < at + run; ++i) {
        const float exact = w[i] / scale;
        const float code = std::clamp(round_to_even(exact), -127.0f, 127.0f);
        codes[i] = static_cast<int8_t>(code);
        errors[i] = exact - code;
        sum += static_cast<double>(errors[i]);
      }
    }
    const float sign = sum > 0 ? 1.0f : -1.0f;
    candidates.clear();
    for (size_t at = channel * run; at < w.size(); at += stride) {
      for (size_t i = at; i < at + run; ++i) {
        const float gain = errors[i] * sign;
        if (gain > 0) candidates.push_back({gain, static_cast<uint32_t>(i)});
      }
    }
    balance(candidates, sum, codes);
  }
  // In the order of the weights, not of the channels: sums of doubles depend on it.
  size_t i = 0;
  while (i < w.size()) {
    for (const float scale : scales) {
      for (size_t k = 0; k < run; ++k, ++i) {
        const double value = static_cast<double>(w[i]);
        const double error = value - static_cast<double>(static_cast<float>(codes[i]) * scale);
        out.signal += value * value;
        out.noise += error * error;
        out.max_error = std::max(out.max_error, std::fabs(error));
      }
    }
  }
  return out;
}

}  // namespace whittle
