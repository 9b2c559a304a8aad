// fit.h: an array that somebody gave → probes that an input takes.
#ifndef WHITTLE_VERIFY_FIT_H_
#define WHITTLE_VERIFY_FIT_H_

#include <string>
#include <string_view>
#include <vector>

#include "whittle/model.h"
#include "whittle/samples.h"
#include "whittle/tensor.h"

namespace whittle::verify {

struct NamedArray {
  std::string name;
  Tensor tensor;
};
using NamedArrays = std::vector<NamedArray>;

// What one call may still decode.
class Allowance {
 public:
  Status take(uint64_t bytes);
  uint64_t left() const { return left_; }

 private:
  uint64_t left_ = kMostSampleBytes;
};

constexpr uint64_t kStringCost = 32;  // memory of a string besides its bytes

// Splits and converts as samples.h tells. `only`: the signature has no other input.
Result<std::vector<Tensor>> probes_of(const Tensor& array, const TensorInfo& input, bool only,
                                      Allowance& allowance);

inline std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_FIT_H_
