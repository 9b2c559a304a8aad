// int8_weights, half_weights: float32 weights become codes that stock ops decode.
//
//   int8_weights   one int8 code a weight, one float scale an output channel (quantization.md R2)
//   half_weights   one half a weight (R1)
//
// A weight whose elements are all equal becomes a splat constant instead (lossless, any size).
// Declines  fewer than minimum_size elements; NaN or infinity; half: above 65504; int8: when the
//           scales would eat the gain. Each is listed in the report with its reason.
// Lossy     per weight: int8 |error| <= scale / 2, below scale where errors of a channel were
//           balanced (balanced_codes.h); half relative 2^-11; the report has the SQNR.
// Stable    a second run finds no float weights left.
#include <cmath>

#include "balanced_codes.h"
#include "constants.h"
#include "variable_flow.h"
#include "weight_lowering.h"
#include "whittle/pass.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Nodes of a decode chain cost about this much in the file (quantization.md §3.2).
constexpr uint64_t kChainBytes = 300;
constexpr float kMaxHalf = 65504.0f;

class EncodeWeights : public Pass {
 public:
  explicit EncodeWeights(bool int8) : int8_(int8) {}

  Status run(Model& model, PassContext& pc) override {
    const auto minimum = static_cast<uint64_t>(std::max<int64_t>(0, pc.options.integer("minimum_size")));
    WHITTLE_ASSIGN(const std::vector<Weight> weights, find_weights(model.meta, minimum));
    for (const Weight& w : weights) {
      WHITTLE_ASSIGN(const Graph* g, graph_of(model.meta, w.function));
      pc.scans.want(w.value, channels(w), w.layout.inner, g->node(w.node).name);
      if (int8_ && may_balance(w)) want_stored(w.value, pc.ctx);
    }
    balanced_bytes_ = 0;
    WeightLowering lowering(model, pc.ctx);
    for (const Weight& w : weights) {
      WHITTLE_CHECK(pc.ctx.check_cancelled());
      WHITTLE_ASSIGN(Graph * g, graph_of(model.meta, w.function));
      WeightRecord record;
      record.name = g->node(w.node).name;
      record.shape = w.value.shape();
      record.bytes_before = w.value.byte_size();
      WHITTLE_ASSIGN_IN(const ScanResult* scan,
                        pc.scans.scan(w.value, channels(w), w.layout.inner, record.name),
                        cat("weight ", printable(record.name)));
      WHITTLE_CHECK_IN(encode(model, pc, lowering, *g, w, *scan, record),
                       cat("weight ", printable(record.name)));
      model.weights.push_back(std::move(record));
    }
    return {};
  }

 private:
  uint64_t channels(const Weight& w) const { return int8_ ? w.layout.channels : 0; }

  Status encode(Model& model, PassContext& pc, WeightLowering& lowering, Graph& g, const Weight& w,
                const ScanResult& scan, WeightRecord& record) {
    record.scheme = "none";
    record.bytes_after = record.bytes_before;
    if (!scan.finite) {
      record.reason = "it holds NaN or infinity";
      pc.ctx.warn(cat("weight ", printable(record.name), " is left as it is: ", record.reason));
      return {};
    }
    if (scan.all_equal) {
      const TensorRef splat = TensorRef::splat(DType::kFloat, w.value.shape(), scan.first);
      g.mutable_node(w.node).attrs = const_attrs_of(splat);
      record.scheme = "splat";
      record.bytes_after = 4;
      model.book("constants whose elements are all equal", static_cast<int64_t>(record.bytes_before - 4), 0);
      return {};
    }
    Encoding e;
    const uint64_t scale_bytes = int8_ ? 4 * w.layout.channels : 0;
    const uint64_t code_bytes = w.value.elements() * (int8_ ? 1 : 2);
    if (record.bytes_before < code_bytes + scale_bytes + 2 * kChainBytes) {
      record.reason = "the codes, their scales and the decoding nodes would not be smaller";
      return {};
    }
    if (int8_) {
      e = {StepKind::kInt8Channels, DType::kInt8, int8_scales(scan.absmax), {}};
      if (may_balance(w)) WHITTLE_CHECK(balance(pc, w, e, record));
    } else {
      if (std::fabs(scan.min) > kMaxHalf || std::fabs(scan.max) > kMaxHalf) {
        record.reason = "half cannot hold values above 65504";
        pc.ctx.warn(cat("weight ", printable(record.name), " stays float32: ", record.reason));
        return {};
      }
      e = {StepKind::kCast, DType::kHalf, {}, {}};
    }
    record.scheme = int8_ ? "int8" : "half";
    record.bytes_after = 0;
    WHITTLE_CHECK(lowering.lower(w, e, record));
    model.book(int8_ ? "weights as int8 codes" : "weights as half",
               static_cast<int64_t>(record.bytes_before) - static_cast<int64_t>(record.bytes_after), 0);
    return {};
  }

  // Rows that are gathered are never summed up: nothing to balance there.
  bool may_balance(const Weight& w) const {
    return !w.any_gather && w.value.elements() * 4 <= kBalancedBytes &&
           balanced_bytes_ + w.value.elements() * 4 <= kBalancedTotal;
  }

  Status balance(PassContext& pc, const Weight& w, Encoding& e, WeightRecord& record) {
    WHITTLE_ASSIGN(const Tensor weight, load(w.value, pc.ctx));
    WHITTLE_ASSIGN(BalancedCodes codes, balanced_int8(weight, e.scales, w.layout.inner));
    balanced_bytes_ += weight.byte_size();
    e.codes = TensorRef::owned(std::move(codes.codes));
    record.measured = true;
    record.signal = codes.signal;
    record.noise = codes.noise;
    record.max_error = codes.max_error;
    return {};
  }

  bool int8_;
  uint64_t balanced_bytes_ = 0;
};

constexpr OptionSpec kOptions[] = {
    {"minimum_size", OptionType::kInt, "1024", "weights with fewer elements stay float32"},
};
constexpr std::string_view kAfter[] = {"fold_batch_norms", "fold_old_batch_norms", "fold_constants",
                                       "merge_duplicate_nodes"};

}  // namespace

extern const PassInfo int8_weights_info;
const PassInfo int8_weights_info{
    .name = "int8_weights",
    .summary = "Store weights as int8 codes with one scale per output channel",
    .fidelity = Fidelity::kLossy,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<EncodeWeights>(true); },
};

extern const PassInfo half_weights_info;
const PassInfo half_weights_info{
    .name = "half_weights",
    .summary = "Store weights as half (float16)",
    .fidelity = Fidelity::kLossy,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<EncodeWeights>(false); },
};

}  // namespace whittle
