// weight_lowering.h: puts the decode chain of a scheme in the place of a float weight.
//
//   R1  n/h = Const(half);  n = Cast(n/h)
//   R2  n/q = Const(int8);  n/f = Cast(n/q);  n = Mul(n/f, n/s)
//   rows     g = Mul(Cast(Gather(n/q, ids)), Gather(n/s, ids))         the table stays small
//   split    m = ConcatV2(MatMul(x, piece 0), MatMul(x, piece 1), …)   every piece folds at load
//   post     m = Mul(MatMul(x, Cast(n/q)), n/s)                        scales after the product
//
// TensorFlow folds a decoded weight once when it has at most 10 MiB and decodes it on every call
// otherwise (quantization.md §2.5); split and post are for those.
// Names  whoever replaces a node takes its name, so users, signatures and functions still resolve.
#ifndef WHITTLE_TRANSFORMS_WEIGHT_LOWERING_H_
#define WHITTLE_TRANSFORMS_WEIGHT_LOWERING_H_

#include <string>
#include <vector>

#include "weights.h"
#include "whittle/pass.h"

namespace whittle {

// 10 MiB of float32: what TensorFlow's runtime still folds.
constexpr uint64_t kFoldedElements = (10u << 20) / 4;
// A product split into more pieces costs more than it saves.
constexpr uint64_t kMaxSplitPieces = 16;

// codes: the weight with its encode step. scales: one per channel (int8), or empty (half).
struct Encoding {
  StepKind kind = StepKind::kCast;
  DType dtype = DType::kHalf;
  std::vector<float> scales;
  TensorRef codes;  // chosen already; empty when the step chooses them while the bytes stream
};

class WeightLowering {
 public:
  WeightLowering(Model& model, Context& ctx) : model_(model), ctx_(ctx) {}
  // Rewrites the uses of `w`; fills record.bytes_after and record.nodes.
  Status lower(const Weight& w, const Encoding& e, WeightRecord& record);

 private:
  enum class Form : uint8_t { kDecode, kRows, kSplit, kPost };
  Form choose(const Graph& g, const Weight& w, const Encoding& e, uint64_t* pieces) const;
  Status decode(Graph& g, const Weight& w, const Encoding& e, WeightRecord& record);
  Status rows(Graph& g, const Weight& w, const Encoding& e, WeightRecord& record);
  Status split(Graph& g, const Weight& w, const Encoding& e, uint64_t pieces, WeightRecord& record);
  Status post(Graph& g, const Weight& w, const Encoding& e, WeightRecord& record);
  Result<OutputId> scales_const(Graph& g, const std::string& name, Shape shape,
                                std::vector<float> scales, const std::vector<NodeId>& controls,
                                WeightRecord& record);
  // `by` takes the name and the endpoints of `old`, which is renamed.
  void take_name(Graph& g, bool main, NodeId old, NodeId by, const std::string& old_suffix);

  Model& model_;
  Context& ctx_;
};

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_WEIGHT_LOWERING_H_
