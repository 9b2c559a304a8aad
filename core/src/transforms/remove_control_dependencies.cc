// remove_control_dependencies: drops control edges that order nothing.
//
// Keeps     edges from nodes with effects, and from those that wait for one: dropping them would
//           reorder reads and writes, or lose an Assert or the filling of a table; every edge of a
//           graph with v1 control flow, where they place nodes in branches and frames.
// Fidelity  exact. Source: graph-transforms.md §6.19, made safe; function bodies are done, too.
#include "calls.h"
#include "constants.h"

namespace whittle {
namespace {

class RemoveControlDependencies final : public Pass {
 public:
  Status run(Model& model, PassContext&) override {
    MetaGraph& meta = model.meta;
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(meta));
    for (const OwnedGraph& where : graphs) {
      Graph& g = *where.graph;
      if (has_v1_control_flow(g)) continue;
      WHITTLE_ASSIGN(const std::vector<NodeId> order, g.topological_order());
      std::vector<bool> effect(g.capacity(), false);
      for (NodeId id : order) {
        bool e = is_stateful(meta, g.node(id));
        for (OutputId input : g.node(id).inputs()) e = e || effect[index_of(input.node)];
        for (NodeId control : g.node(id).controls()) e = e || effect[index_of(control)];
        effect[index_of(id)] = e;
      }
      for (NodeId id : order) {
        const std::vector<NodeId> controls = g.node(id).controls();
        for (NodeId control : controls) {
          if (!effect[index_of(control)]) g.remove_control(id, control);
        }
      }
    }
    return {};
  }
};

}  // namespace

extern const PassInfo remove_control_dependencies_info;
const PassInfo remove_control_dependencies_info{
    .name = "remove_control_dependencies",
    .summary = "Drop control edges that order nothing",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveControlDependencies>(); },
};

}  // namespace whittle
