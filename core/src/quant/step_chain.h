// step_chain.h: the steps of a TensorRef as a chain of kernels over pieces of elements.
//
//   stored elements -> step -> step -> ... -> elements of the result     at most kPiece at a time
//
// Reshapes fall away: they change no byte, and channels are addressed by element index. With
// statistics on, what the first lossy step is given is compared with what the last one decodes to.
// Errors  corrupt when the steps do not fit each other: descriptors come from outside.
#ifndef WHITTLE_QUANT_STEP_CHAIN_H_
#define WHITTLE_QUANT_STEP_CHAIN_H_

#include <memory>
#include <vector>

#include "channels.h"
#include "kernels.h"
#include "whittle/tensor_ref.h"

namespace whittle::quant {

class StepChain {
 public:
  static Result<StepChain> make(DType stored, uint64_t elements, const std::vector<Step>& steps);

  // No step changes a byte: run() would copy.
  bool empty() const { return stages_.empty(); }
  DType dtype() const { return dtype_; }
  uint32_t input_width() const { return input_width_; }
  uint32_t output_width() const { return output_width_; }

  // Elements first .. first + n - 1, n <= kPiece, from `in` to `out`, both aligned to their
  // elements. Statistics depend on how elements are cut: cut at multiples of kPiece.
  void run(const uint8_t* in, uint64_t first, size_t n, uint8_t* out, ErrorSums* sums = nullptr);

 private:
  struct Stage {
    StepKind kind = StepKind::kCast;
    DType dtype = DType::kInvalid;
    bool lossy = false;
    ChannelValues values;    // scales
    ChannelValues inverses;  // kInt8Channels
    Quint8Params quint8;
    Quint8Decoding quint8_decoding;
    RoundParams round;
    std::vector<float> out;  // a float result that another stage reads
  };

  static Result<Stage> make_stage(const Step& step, DType input);
  static void encode(Stage& stage, const float* x, uint64_t first, size_t n, void* out);
  const float* decode(Stage& stage, const void* codes, uint64_t first, size_t n);

  DType dtype_ = DType::kInvalid;
  uint32_t input_width_ = 0;
  uint32_t output_width_ = 0;
  std::vector<Stage> stages_;
  std::vector<float> decoded_;
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_STEP_CHAIN_H_
