// sort_by_execution_order: nodes are written inputs first, in the order of the classic tool.
//
// The order is that of a stack: nodes without inputs are pushed in file order, the last pushed is
// taken first, and pushes those of its users that wait for nothing else. A Merge waits for one data
// input, so loops can be sorted. The writer keeps any such order.
// Errors    invalid_argument when nodes lie in a cycle.
// Fidelity  exact. Source: graph-transforms.md §4.1, §6.27; function bodies are done, too.
#include "constants.h"
#include "whittle/text.h"

namespace whittle {
namespace {

Result<std::vector<NodeId>> execution_order(const Graph& g) {
  std::vector<uint32_t> waiting(g.capacity(), 0);
  std::vector<std::vector<uint32_t>> users(g.capacity());
  std::vector<NodeId> ready, order;
  for (NodeId id : g.ids()) {
    const Node& node = g.node(id);
    for (OutputId input : node.inputs()) users[index_of(input.node)].push_back(index_of(id));
    for (NodeId control : node.controls()) users[index_of(control)].push_back(index_of(id));
    const bool merges = node.op == "Merge" || node.op == "RefMerge" || node.op == "_XlaMerge";
    waiting[index_of(id)] = static_cast<uint32_t>((merges ? 1 : node.inputs().size()) + node.controls().size());
    if (node.inputs().empty() && node.controls().empty()) ready.push_back(id);
  }
  while (!ready.empty()) {
    const NodeId id = ready.back();
    ready.pop_back();
    order.push_back(id);
    for (uint32_t user : users[index_of(id)]) {
      if (--waiting[user] == 0) ready.push_back(static_cast<NodeId>(user));
    }
  }
  if (order.size() != g.size()) return invalid_argument(cat(g.size() - order.size(), " nodes in a cycle"));
  return order;
}

// The same graph with ids in this order.
Graph renumbered(const Graph& g, const std::vector<NodeId>& order, std::vector<NodeId>* now) {
  Graph out;
  now->assign(g.capacity(), kNoNode);
  for (NodeId id : order) {
    const Node& node = g.node(id);
    const NodeId made = out.add(node.name, node.op);
    (*now)[index_of(id)] = made;
    out.mutable_node(made).device = node.device;
    out.mutable_node(made).attrs = node.attrs;
    out.mutable_node(made).unknown = node.unknown;
  }
  for (NodeId id : order) {
    const NodeId made = (*now)[index_of(id)];
    for (OutputId input : g.node(id).inputs()) out.add_input(made, {(*now)[index_of(input.node)], input.slot});
    std::vector<NodeId> controls;
    for (NodeId control : g.node(id).controls()) controls.push_back((*now)[index_of(control)]);
    out.add_controls(made, controls);
  }
  return out;
}

class SortByExecutionOrder final : public Pass {
 public:
  Status run(Model& model, PassContext&) override {
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) {
      const Graph old = *where.graph;
      WHITTLE_ASSIGN(const std::vector<NodeId> order, execution_order(old));
      std::vector<NodeId> now;
      *where.graph = renumbered(old, order, &now);
      if (where.owner != nullptr) {
        for (auto& [key, id] : where.owner->control_rets) id = now[index_of(id)];
        continue;
      }
      for_each_endpoint(model.meta, [&](OutputId& v) { v.node = now[index_of(v.node)]; });
      for (NodeId& id : model.meta.init) id = now[index_of(id)];
    }
    return {};
  }
};

}  // namespace

extern const PassInfo sort_by_execution_order_info;
const PassInfo sort_by_execution_order_info{
    .name = "sort_by_execution_order",
    .summary = "Write nodes in the order in which they can run",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<SortByExecutionOrder>(); },
};

}  // namespace whittle
