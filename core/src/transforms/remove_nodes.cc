// remove_nodes: takes out nodes of the named ops; what read them reads their first input.
//
//   x -> Identity -> users                    becomes   x -> users
//   FakeQuant(x, min, max) -> users           becomes   x -> users, with max_inputs=3
//
// Options   op: a name, "*" for all, or "A|B"; may be given several times, and the order counts.
//           max_inputs: nodes with one data input, two, … up to this many.
// Control   inputs of the removed node go on to its users; inputs nobody else reads go, too.
// Declines  endpoints; nodes whose second output is in use; a change of dtype (Cast); calls and other
//           nodes with effects, except checks and prints; reads of reference variables; what v1
//           control flow stands on: its own nodes, a node behind a Switch, before a Merge or with a
//           control edge in such a graph; many control inputs times many users.
// Fidelity  as the op: exact for Identity, StopGradient and the like.
// Source    graph-transforms.md §6.21.
#include <algorithm>

#include "calls.h"
#include "constants.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr std::string_view kEffectsThatMayGo[] = {"Assert", "CheckNumerics", "CheckNumericsV2", "Print", "PrintV2"};

bool matches(std::string_view pattern, std::string_view op) {
  if (pattern == "*") return true;
  for (std::string_view name : split(pattern, '|')) {
    if (name == op) return true;
  }
  return false;
}

class Remover {
 public:
  Remover(MetaGraph& meta, const OwnedGraph& where)
      : meta_(meta), g_(*where.graph), pinned_(pinned_nodes(meta, *where.graph, where.owner)),
        framed_(has_v1_control_flow(*where.graph)) {}

  Status run(std::string_view pattern, size_t inputs, Context& ctx) {
    for (bool changed = true; changed;) {
      changed = false;
      for (NodeId id : g_.ids()) {
        WHITTLE_CHECK(ctx.check_cancelled());
        if (!g_.alive(id) || g_.node(id).inputs().size() != inputs || !matches(pattern, g_.node(id).op)) continue;
        if (declines(id)) continue;
        remove(id);
        changed = true;
      }
    }
    return {};
  }

 private:
  bool declines(NodeId id) {
    const Node& node = g_.node(id);
    if (node.op == "_Arg" || node.op == "_Retval" || is_v1_control_flow(node.op)) return true;
    if (pinned_[index_of(id)] || call_info(meta_, node).kind != CallKind::kNone) return true;
    const bool may_go = std::find(std::begin(kEffectsThatMayGo), std::end(kEffectsThatMayGo), node.op) != std::end(kEffectsThatMayGo);
    if (!may_go && meta_.registry->find(node.op) != nullptr && is_stateful(meta_, node)) return true;
    const OutputId input = node.inputs()[0];
    const DType before = value_dtype(meta_, g_, input), after = value_dtype(meta_, g_, {id, 0});
    if (is_ref(before) || (before != DType::kInvalid && after != DType::kInvalid && before != after)) return true;
    for (const Use& use : g_.uses(id)) {
      if (use.index != kControlUse && use.slot != 0) return true;
      if (framed_ && (use.index == kControlUse || is_v1_control_flow(g_.node(use.user).op))) return true;
    }
    if (framed_ && (!node.controls().empty() || is_v1_control_flow(g_.node(input.node).op))) return true;
    return node.controls().size() * g_.uses(id).size() > node.controls().size() + g_.uses(id).size();
  }

  void remove(NodeId id) {
    const std::vector<OutputId> inputs = g_.node(id).inputs();
    const std::vector<NodeId> controls = g_.node(id).controls();
    std::vector<NodeId> users;
    for (const Use& use : g_.uses(id)) users.push_back(use.user);
    for (NodeId user : users) g_.add_controls(user, controls);
    g_.replace_uses({id, 0}, inputs[0]);
    g_.replace_control_uses(id, inputs[0].node);
    g_.remove(id);
    for (size_t k = 1; k < inputs.size(); ++k) sweep_unused(meta_, g_, pinned_, {inputs[k].node});
  }

  MetaGraph& meta_;
  Graph& g_;
  std::vector<bool> pinned_;
  bool framed_;
};

class RemoveNodes final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    const std::vector<std::string>& ops = pc.options.texts("op");
    if (ops.empty()) {
      return invalid_argument("remove_nodes expects at least one 'op'argument, e.g. remove_nodes(op=Identity)");
    }
    const auto most = static_cast<size_t>(std::clamp<int64_t>(pc.options.integer("max_inputs"), 0, kMaxPorts));
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) {
      Remover remover(model.meta, where);
      size_t widest = 0;
      for (NodeId id : where.graph->ids()) widest = std::max(widest, where.graph->node(id).inputs().size());
      for (const std::string& op : ops) {
        for (size_t k = 1; k <= std::min(most, widest); ++k) WHITTLE_CHECK(remover.run(op, k, pc.ctx));
      }
    }
    return {};
  }
};

constexpr OptionSpec kOptions[] = {
    {"op", OptionType::kStrings, "", "op to remove, '*' or 'A|B'; at least one"},
    {"max_inputs", OptionType::kInt, "1", "also nodes with up to this many data inputs"},
};

}  // namespace

extern const PassInfo remove_nodes_info;
const PassInfo remove_nodes_info{
    .name = "remove_nodes",
    .summary = "Take out nodes of the named ops; their users read the first input",
    .fidelity = Fidelity::kLossy,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveNodes>(); },
};

}  // namespace whittle
