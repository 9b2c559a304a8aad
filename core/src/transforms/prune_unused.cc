// prune_unused: keeps what the signatures and the init op need, and nothing else.
//
// Goes: nodes no signature, asset or init op reaches (training, savers, summaries, input
// pipelines), functions nobody calls, assets nobody reads, and in function bodies whatever neither
// a return nor a control output needs.
// Keeps  placeholders of the signatures, even when no output needs them: feeding them must work.
// Books  what went by cause, named for people.
#include <algorithm>

#include "calls.h"
#include "whittle/costs.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Why a node of the main graph was there, judged by its op and name.
std::string_view cause_of(const Node& node) {
  const std::string_view op = node.op;
  const std::string_view name = node.name;
  const auto has = [](std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (has(name, "gradients") || has(op, "Grad") || has(op, "Backprop") || op.substr(0, 5) == "Apply" ||
      op.substr(0, 13) == "ResourceApply") {
    return "training: gradients and optimizer";
  }
  if (has(op, "SaveV2") || has(op, "RestoreV2") || has(op, "ShardedFilename") || has(op, "MergeV2Checkpoints") ||
      name.substr(0, 5) == "save/" || name.substr(0, 5) == "save_" || name.substr(0, 6) == "saver_") {
    return "savers";
  }
  if (has(op, "Summary")) return "summaries";
  if (has(op, "Queue") || has(op, "Reader") || has(op, "Dataset") || has(op, "Iterator")) return "input pipelines";
  if (op == "VarHandleOp" || op == "VariableV2" || op == "Variable" || op == "ReadVariableOp" ||
      op == "Assign" || op == "AssignVariableOp" || op == "VarIsInitializedOp") {
    return "variables that no signature reads";
  }
  return "nodes that no signature needs";
}

class PruneUnused final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    MetaGraph& meta = model.meta;
    Graph& g = meta.graph;

    // An init op that does nothing is not needed to do it.
    std::vector<NodeId> init;
    for (NodeId id : meta.init) {
      const Node& node = g.node(id);
      if (node.op != "NoOp" || !node.controls().empty() || !node.inputs().empty()) init.push_back(id);
    }
    meta.init = std::move(init);

    // An asset counts only when something that stays reads its tensor.
    std::vector<Asset> assets;
    assets.swap(meta.assets);
    const std::vector<bool> needed = reachable_from(g, roots_of(meta));
    for (Asset& a : assets) {
      if (needed[index_of(a.tensor.node)]) {
        meta.assets.push_back(std::move(a));
      } else if (pc.ctx.bytes() != nullptr) {
        model.book("unused assets", static_cast<int64_t>(pc.ctx.bytes()->file_size(a.file)), 0);
      }
    }
    const std::vector<bool> keep = reachable_from(g, roots_of(meta));
    for (NodeId id : g.ids()) {
      if (keep[index_of(id)]) continue;
      const Node& node = g.node(id);
      model.book(std::string(cause_of(node)), static_cast<int64_t>(serialized_node_bytes(g, id)), 1);
    }
    remove_unreached(g, keep);

    WHITTLE_ASSIGN(const std::vector<std::string> reached, reachable_functions(meta));
    for (const std::string& name : reached) WHITTLE_CHECK(prune_body(model, name));
    // Pruned bodies may have lost calls.
    WHITTLE_ASSIGN(std::vector<std::string> left, reachable_functions(meta));
    std::sort(left.begin(), left.end());
    for (const std::string& name : meta.library.names()) {
      if (std::binary_search(left.begin(), left.end(), name)) continue;
      const Function* f = meta.library.find_decoded(name);
      model.book("functions that no signature calls", static_cast<int64_t>(meta.library.serialized_bytes(name)),
                 f == nullptr ? 0 : static_cast<int64_t>(f->body.size()));
      meta.library.erase(name);
    }
    return {};
  }

 private:
  static void remove_unreached(Graph& g, const std::vector<bool>& keep) {
    // Edges first: dead parts may hold loops.
    for (NodeId id : g.ids()) {
      if (keep[index_of(id)]) continue;
      g.clear_inputs(id);
      g.clear_controls(id);
    }
    for (NodeId id : g.ids()) {
      if (!keep[index_of(id)]) g.remove(id);
    }
  }

  static Status prune_body(Model& model, const std::string& name) {
    WHITTLE_ASSIGN(const Function* f, model.meta.library.get(name));
    std::vector<NodeId> roots;
    for (NodeId id : f->body.ids()) {
      if (f->body.node(id).op == "_Arg" || f->body.node(id).op == "_Retval") roots.push_back(id);
    }
    for (const auto& [key, id] : f->control_rets) roots.push_back(id);
    const std::vector<bool> keep = reachable_from(f->body, roots);
    size_t kept = 0;
    for (bool k : keep) kept += k ? 1 : 0;
    if (kept == f->body.size()) return {};
    WHITTLE_ASSIGN(Function * body, model.meta.library.get_mutable(name));
    int64_t bytes = 0, nodes = 0;
    for (NodeId id : body->body.ids()) {
      if (keep[index_of(id)]) continue;
      bytes += static_cast<int64_t>(serialized_node_bytes(body->body, id));
      ++nodes;
    }
    remove_unreached(body->body, keep);
    model.book("nodes that no signature needs", bytes, nodes);
    return {};
  }
};

}  // namespace

extern const PassInfo prune_unused_info;
const PassInfo prune_unused_info{
    .name = "prune_unused",
    .summary = "Keep only what the signatures and the init op need",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<PruneUnused>(); },
};

}  // namespace whittle
