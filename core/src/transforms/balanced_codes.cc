#include "balanced_codes.h"

#include <algorithm>
#include <cmath>

namespace whittle {
namespace {

constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding and taking it away rounds to even

float round_to_even(float x) { return (x + kMagic) - kMagic; }

struct Candidate {
  float gain;      // how far the weight lies towards the other neighbour, 0 to 0.5
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

Result<BalancedCodes> balanced_int8(const Tensor& weight, std::span<const float> scales, uint64_t inner) {
  BalancedCodes out;
  WHITTLE_ASSIGN(out.codes, Tensor::make(DType::kInt8, weight.shape()));
  const std::span<const float> w = weight.values<float>();
  const std::span<int8_t> codes = out.codes.mutable_values<int8_t>();
  std::vector<double> sums(scales.size(), 0.0);
  std::vector<float> errors(w.size());
  std::vector<std::vector<uint32_t>> members(scales.size());
  for (size_t i = 0; i < w.size(); ++i) {
    const size_t channel = static_cast<size_t>(i / inner) % scales.size();
    const float exact = w[i] / scales[channel];
    const float code = std::clamp(round_to_even(exact), -127.0f, 127.0f);
    codes[i] = static_cast<int8_t>(code);
    errors[i] = exact - code;
    sums[channel] += static_cast<double>(errors[i]);
    members[channel].push_back(static_cast<uint32_t>(i));
  }
  std::vector<Candidate> candidates;
  for (size_t channel = 0; channel < scales.size(); ++channel) {
    const float sign = sums[channel] > 0 ? 1.0f : -1.0f;
    candidates.clear();
    for (uint32_t i : members[channel]) {
      const float gain = errors[i] * sign;
      if (gain > 0) candidates.push_back({gain, i});
    }
    balance(candidates, sums[channel], codes);
  }
  for (size_t i = 0; i < w.size(); ++i) {
    const float decoded = static_cast<float>(codes[i]) * scales[static_cast<size_t>(i / inner) % scales.size()];
    const double error = static_cast<double>(w[i]) - static_cast<double>(decoded);
    out.signal += static_cast<double>(w[i]) * static_cast<double>(w[i]);
    out.noise += error * error;
    out.max_error = std::max(out.max_error, std::fabs(error));
  }
  return out;
}

}  // namespace whittle
