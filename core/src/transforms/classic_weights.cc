// quantize_weights, round_weights: the classic tool's transforms by their names, bit for bit where
// it was right.
//
//   quantize_weights   n = Dequantize(n_quantized_const, n_quantized_min, n_quantized_max),
//                      MIN_FIRST, every float Const of at least minimum_size elements
//   round_weights      every float Const of at least 16 elements onto num_steps levels; the file
//                      shrinks only when it is compressed
//
// Corrected  the range of all-negative and all-zero tensors (the tool started its maximum at the
//            smallest positive float, which makes NaN of zeros); NaN and infinity are left alone;
//            constant tensors stay, for they cost nothing. Kept as it is: the highest value of
//            round_weights lands half a step above the range.
// Source     graph-transforms.md §6.17, §6.25; gtt-findings.md 5, 6, 25.
#include <cmath>

#include "constants.h"
#include "variable_flow.h"
#include "whittle/pass.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kRoundMinimum = 16;

class ClassicWeights : public Pass {
 public:
  explicit ClassicWeights(bool quantize) : quantize_(quantize) {}

  Status run(Model& model, PassContext& pc) override {
    uint64_t minimum = kRoundMinimum;
    if (quantize_) {
      // The tool compares unsigned: a negative minimum means never.
      minimum = static_cast<uint64_t>(pc.options.integer("minimum_size"));
    } else if (pc.options.integer("num_steps") < 1 || pc.options.integer("num_steps") > (1 << 24)) {
      return invalid_argument(cat("num_steps must be between 1 and 16777216, but is ", pc.options.integer("num_steps")));
    }
    Graph& g = model.meta.graph;
    std::vector<NodeId> weights;
    for (NodeId id : g.ids()) {
      const AttrValue* value = g.node(id).op == "Const" ? g.node(id).attrs.find("value") : nullptr;
      if (value == nullptr || value->tensor().empty()) continue;
      const TensorRef& t = value->tensor();
      if (t.dtype() != DType::kFloat || t.kind() == TensorRef::Kind::kSplat || t.elements() < minimum || t.elements() == 0) continue;
      weights.push_back(id);
      pc.scans.want(t, 0, 1, g.node(id).name);
    }
    for (NodeId id : weights) {
      const TensorRef value = g.node(id).attrs.find("value")->tensor();
      WeightRecord record;
      record.name = g.node(id).name;
      record.shape = value.shape();
      record.bytes_before = record.bytes_after = value.byte_size();
      record.scheme = "none";
      WHITTLE_ASSIGN(const ScanResult* scan, pc.scans.scan(value, 0, 1, record.name));
      if (!scan->finite || !std::isfinite(static_cast<float>(scan->max) - static_cast<float>(scan->min))) {
        record.reason = "it holds NaN or infinity, or its range overflows";
      } else if (scan->all_equal) {
        record.reason = "its elements are all equal";
      } else if (quantize_) {
        WHITTLE_CHECK_IN(quantize(model, g, id, value, *scan, record), cat("node ", printable(record.name)));
      } else {
        round(g, id, value, *scan, static_cast<float>(pc.options.integer("num_steps")), record);
      }
      model.weights.push_back(std::move(record));
    }
    return {};
  }

 private:
  static Status quantize(Model& model, Graph& g, NodeId id, const TensorRef& value,
                         const ScanResult& scan, WeightRecord& record) {
    const std::string name = g.node(id).name;
    const QuantizeRange range = quantize_weights_range(scan.min, scan.max);
    Step step;
    step.kind = StepKind::kQuantizeWeights;
    step.dtype = DType::kQuint8;
    step.shape = value.shape();
    step.values = std::make_shared<const std::vector<float>>(std::vector<float>{range.min, range.max});
    const TensorRef codes = value.with_step(std::move(step));
    WHITTLE_ASSIGN(Tensor low, scalar_f32(range.min));
    WHITTLE_ASSIGN(Tensor high, scalar_f32(range.max));
    const NodeId lo = g.add(g.unique_name(cat(name, "_quantized_min")), "Const", {}, const_attrs_of(TensorRef::owned(low)));
    const NodeId hi = g.add(g.unique_name(cat(name, "_quantized_max")), "Const", {}, const_attrs_of(TensorRef::owned(high)));
    for (NodeId c : g.node(id).controls()) {
      g.add_control(lo, c);
      g.add_control(hi, c);
    }
    AttrMap attrs;
    attrs.set("T", AttrValue::type(DType::kQuint8));
    attrs.set("mode", AttrValue::string("MIN_FIRST"));
    const NodeId dequantize = g.add(g.unique_name(cat(name, "/dequantize")), "Dequantize", {}, attrs);
    g.mutable_node(dequantize).device = g.node(id).device;
    g.replace_uses({id, 0}, {dequantize, 0});
    for (OutputId input : {OutputId{id, 0}, OutputId{lo, 0}, OutputId{hi, 0}}) g.add_input(dequantize, input);
    g.mutable_node(id).attrs = const_attrs_of(codes);
    g.rename(id, g.unique_name(cat(name, "_quantized_const")));
    g.rename(dequantize, name);
    for_each_endpoint(model.meta, [&](OutputId& v) { if (v.node == id) v.node = dequantize; });
    record.scheme = "quantize_weights";
    record.bytes_after = codes.byte_size() + 8;
    record.nodes.push_back(g.node(id).name);
    model.book("weights as quint8 codes", static_cast<int64_t>(record.bytes_before) - static_cast<int64_t>(record.bytes_after), -3);
    return {};
  }

  static void round(Graph& g, NodeId id, const TensorRef& value, const ScanResult& scan,
                    float num_steps, WeightRecord& record) {
    const QuantizeRange range = round_weights_range(scan.min, scan.max);
    Step step;
    step.kind = StepKind::kRoundWeights;
    step.dtype = DType::kFloat;
    step.shape = value.shape();
    step.values = std::make_shared<const std::vector<float>>(
        std::vector<float>{range.min, range.max, num_steps});
    g.mutable_node(id).attrs = const_attrs_of(value.with_step(std::move(step)));
    record.scheme = "round_weights";
    record.nodes.push_back(g.node(id).name);
  }

  bool quantize_;
};

constexpr OptionSpec kQuantizeOptions[] = {
    {"minimum_size", OptionType::kInt, "1024", "constants with fewer elements stay float32"},
};
constexpr OptionSpec kRoundOptions[] = {
    {"num_steps", OptionType::kInt, "256", "number of levels between the smallest and largest value"},
};

}  // namespace

extern const PassInfo quantize_weights_info;
const PassInfo quantize_weights_info{
    .name = "quantize_weights",
    .summary = "Store float constants as quint8 codes and a range, as the classic tool does",
    .fidelity = Fidelity::kLossy,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = kQuantizeOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<ClassicWeights>(true); },
};

extern const PassInfo round_weights_info;
const PassInfo round_weights_info{
    .name = "round_weights",
    .summary = "Round float constants to a few levels, so that they compress better",
    .fidelity = Fidelity::kLossy,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = kRoundOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<ClassicWeights>(false); },
};

}  // namespace whittle
