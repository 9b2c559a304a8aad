// fold_constants: computes what depends on constants only.
//
//   c = Rsqrt(Add(variance, epsilon))     becomes   c = Const(…)
//   s = Shape(x), x: float[2,3]           becomes   s = Const(2, 3)
//
// Folded    nodes whose inputs are all constant and whose op has a kernel; Shape, ShapeN, Size and
//           Rank of values whose shape is known. Identity, Reshape, ExpandDims and Squeeze of a
//           constant stay lazy: no byte of a weight is read for them.
// Names     a node with one output becomes a Const of its own name, endpoints too; of the others,
//           outputs in use become Consts NAME/output_K.
// Growth    a result must not be larger than the nodes and constants that go with it; up to 1 KiB it
//           may, while other folds have saved as much. One element repeated counts as one. What is
//           too large stays, and what it needs is folded.
// Declines  node by node: stateful nodes, v1 control flow, what is fed (placeholders, signature inputs,
//           assets), ops of exclude_op, nodes of exclude_node, results above
//           max_constant_size_in_bytes, and a node whose kernel refuses. Codes stay codes:
//           Dequantize and casts of half, int8 and other narrow constants to floats are left alone.
// Control   edges from nodes with effects go on to the new Const, others are dropped (in graphs with
//           v1 control flow none is: they say in which branch or frame a constant lies).
// Dead      nodes of the main graph that no signature needs are removed.
// Fidelity  rounding: transcendental kernels differ from TensorFlow's in the last places (kernel.h).
// Source    graph-transforms.md §6.6.
#include <algorithm>
#include <map>

#include "calls.h"
#include "constant_folder.h"
#include "whittle/pass.h"

namespace whittle {
namespace {

void clear_output_shapes(Graph& g) {
  for (NodeId id : g.ids()) g.mutable_node(id).attrs.erase("_output_shapes");
}

// What no output needs is not worth folding; as in the classic tool it goes.
void drop_unreachable(MetaGraph& meta) {
  bool any_output = false;
  for (const Signature& s : meta.signatures) any_output = any_output || !s.outputs.empty();
  if (!any_output) return;
  Graph& g = meta.graph;
  const std::vector<bool> keep = reachable_from(g, roots_of(meta));
  for (NodeId id : g.ids()) {
    if (keep[index_of(id)]) continue;
    g.clear_inputs(id);
    g.clear_controls(id);
  }
  for (NodeId id : g.ids()) {
    if (!keep[index_of(id)]) g.remove(id);
  }
}

class FoldConstants final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    FoldLimits limits;
    limits.exclude_ops = pc.options.texts("exclude_op");
    limits.exclude_nodes = pc.options.texts("exclude_node");
    // Negative sizes refuse everything, as in the classic tool.
    limits.max_bytes = static_cast<uint64_t>(std::max<int64_t>(0, pc.options.integer("max_constant_size_in_bytes")));
    drop_unreachable(model.meta);
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    Status missing;
    for (const OwnedGraph& where : graphs) {
      if (pc.options.flag("clear_output_shapes")) clear_output_shapes(*where.graph);
      ConstantFolder folder(model.meta, where, limits, pc);
      Status s = folder.run();
      if (!s.ok() && s.error().code != Code::kNeedBytes) return s;
      if (!s.ok()) missing = std::move(s);
    }
    return missing;
  }
};

constexpr OptionSpec kOptions[] = {
    {"clear_output_shapes", OptionType::kBool, "true", "drop the hints _output_shapes from every node"},
    {"exclude_node", OptionType::kStrings, "", "names of nodes that are not folded"},
    {"exclude_op", OptionType::kStrings, "", "ops that are not folded"},
    {"max_constant_size_in_bytes", OptionType::kInt, "10485760", "larger results are not folded"},
};
constexpr std::string_view kAfter[] = {"freeze_variables"};

}  // namespace

extern const PassInfo fold_constants_info;
const PassInfo fold_constants_info{
    .name = "fold_constants",
    .summary = "Compute what depends on constants only",
    .fidelity = Fidelity::kRounding,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FoldConstants>(); },
};

}  // namespace whittle
