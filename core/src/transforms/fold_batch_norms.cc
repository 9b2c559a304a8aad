// fold_batch_norms: multiplies a constant factor per channel into the weights before it.
//
//   Mul(Conv(v, W), m)                 becomes   Conv(v, W * m)
//   Mul(BiasAdd(Conv(v, W), b), m)     becomes   BiasAdd(Conv(v, W * m), b * m)
//   RealDiv(Conv(v, W), m)             becomes   Conv(v, W * (1 / m))
//   Add(BiasAdd(Conv(v, W), b), c)     becomes   BiasAdd(Conv(v, W), b + c)
//
// The decomposed form of a batch norm, (x - mean) * rsqrt(variance + epsilon) * gamma + beta in any
// order, comes out of fold_constants as such steps: all of it ends in weights and one bias.
// Constants may stand on either side and have the shapes [], [1], [C], [1,..,C], for channels-first
// layouts [C,1,1] and [1,C,1,1]. Makers, chains, precision and refusals: channel_fold.h.
// Declines  a constant that is no vector over channels, or would widen the result.
// Source    graph-transforms.md §6.5 with its list of fixes; the node that stays takes the last name.
#include "channel_fold.h"

namespace whittle {
namespace {

constexpr std::string_view kSteps[] = {"Mul", "RealDiv", "Add", "AddV2", "Sub", "BiasAdd"};

class FoldBatchNorms final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) WHITTLE_CHECK(want_constants(*where.graph, kSteps, pc));
    for (const OwnedGraph& where : graphs) {
      ChannelFold fold(model, pc, where);
      for (bool changed = true; changed;) {
        changed = false;
        WHITTLE_ASSIGN(const std::vector<NodeId> order, where.graph->topological_order());
        for (NodeId id : order) {
          WHITTLE_CHECK(pc.ctx.check_cancelled());
          if (!where.graph->alive(id)) continue;
          WHITTLE_ASSIGN(const bool folded, visit(*where.graph, id, fold, pc));
          changed = changed || folded;
        }
      }
    }
    return {};
  }

 private:
  static Result<bool> visit(const Graph& g, NodeId id, ChannelFold& fold, PassContext& pc) {
    const Node& node = g.node(id);
    const std::vector<OutputId> in = node.inputs();
    if (in.size() != 2 || node.attrs.type_or("T", DType::kInvalid) != DType::kFloat) return false;
    const bool multiplies = node.op == "Mul" || node.op == "RealDiv";
    const bool adds = node.op == "Add" || node.op == "AddV2" || node.op == "BiasAdd" || node.op == "Sub";
    if (!multiplies && !adds) return false;
    const bool commutes = node.op == "Mul" || node.op == "Add" || node.op == "AddV2";
    const int c = const_ref(g, in[1]) != nullptr ? 1 : 0;
    const OutputId value = in[static_cast<size_t>(1 - c)];
    if ((c == 0 && !commutes) || const_ref(g, value) != nullptr) return false;
    const std::optional<Channels> channels = fold.channels(value);
    if (!channels) return false;
    WHITTLE_ASSIGN(const Floats constant, small_floats(g, in[static_cast<size_t>(c)], pc));
    if (!constant.found) return false;
    if (node.op == "BiasAdd" && !fold.channels({id, 0})) return false;
    std::optional<std::vector<double>> values =
        node.op == "BiasAdd" ? std::optional(constant.values) : ChannelFold::per_channel(constant, *channels);
    if (!values || values->size() != static_cast<size_t>(channels->count)) return false;
    if (multiplies) {
      if (node.op == "RealDiv") {
        for (double& v : *values) v = 1 / v;
      }
      return fold.fold(id, value, *values, {}, "");
    }
    if (node.op == "Sub") {
      for (double& v : *values) v = -v;
    }
    const std::vector<double> ones(values->size(), 1.0);
    return fold.fold(id, value, ones, *values, "", true);
  }
};

constexpr std::string_view kAfter[] = {"freeze_variables", "fold_constants"};

}  // namespace

extern const PassInfo fold_batch_norms_info;
const PassInfo fold_batch_norms_info{
    .name = "fold_batch_norms",
    .summary = "Multiply constant factors per channel into the weights before them",
    .fidelity = Fidelity::kRounding,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FoldBatchNorms>(); },
};

}  // namespace whittle
