// remove_identities: takes out nodes that compute nothing, and control edges that order nothing.
//
//   x -> Identity -> users                      x -> users
//   ^ReadVariableOp-turned-Identity -> y        (no edge: nothing there has an effect)
//   Assert, CheckNumerics, Print                gone, with option checks=true; listed as warnings
//
// Pass-through ops: Identity, IdentityN, StopGradient, PreventGradient, Snapshot.
// Declines  endpoints of signatures and assets; in graphs with v1 control flow nodes with control
//           edges (an Identity of a Switch may be the pivot of its branch); reads of reference variables;
//           bypassing that would add edges (many control inputs times many users).
// Control   an edge from a node without effects is replaced by edges from the nodes with effects
//           it waited for, when those are at most four; graphs with v1 control flow keep theirs.
// Source    decisions.md "Loaders and versions"; graph-transforms.md §6.21.
#include <algorithm>

#include "calls.h"
#include "constants.h"
#include "whittle/costs.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kMaxEffects = 4;

template <size_t N>
bool one_of(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

bool is_pass_through(std::string_view op) {
  constexpr std::string_view kOps[] = {"Identity", "StopGradient", "PreventGradient", "Snapshot"};
  return one_of(op, kOps);
}

// Making a handle has no effect that an order could matter for.
bool is_handle_maker(std::string_view op) {
  constexpr std::string_view kOps[] = {
      "VarHandleOp", "HashTableV2", "HashTable", "MutableHashTableV2", "MutableHashTable",
      "MutableHashTableOfTensorsV2", "MutableDenseHashTableV2", "AnonymousHashTable",
      "Placeholder", "PlaceholderV2"};
  return one_of(op, kOps);
}

class Cleaner {
 public:
  Cleaner(Model& model, PassContext& pc) : meta_(model.meta), pc_(pc) {}

  Status run(Graph& g, Function* owner) {
    g_ = &g;

    pinned_ = pinned_nodes(meta_, g, owner);
    framed_ = has_v1_control_flow(g);
    if (pc_.options.flag("checks")) drop_checks();
    if (!framed_) WHITTLE_CHECK(simplify_control());
    WHITTLE_ASSIGN(const std::vector<NodeId> order, g.topological_order());
    for (NodeId id : order) {
      if (!g.alive(id)) continue;
      const std::string& op = g.node(id).op;
      if (is_pass_through(op) && g.node(id).inputs().size() == 1) bypass(id);
      else if (op == "IdentityN") bypass_n(id);
    }
    return {};
  }

  int64_t nodes = 0, bytes = 0, check_nodes = 0, check_bytes = 0;

 private:
  void count(NodeId id) {
    ++nodes;
    bytes += static_cast<int64_t>(serialized_node_bytes(*g_, id));
  }

  void drop_checks() {
    for (NodeId id : g_->ids()) {
      const Node& node = g_->node(id);
      if (node.op == "Assert") {
        if (pinned_[index_of(id)]) continue;
        pc_.ctx.warn(cat("Assert ", printable(node.name), " is removed"));
        ++check_nodes;
        check_bytes += static_cast<int64_t>(serialized_node_bytes(*g_, id));
        g_->clear_inputs(id);
        g_->mutable_node(id).op = "NoOp";
        g_->mutable_node(id).attrs = AttrMap();
      } else if ((node.op == "CheckNumerics" || node.op == "CheckNumericsV2" || node.op == "Print") &&
                 !node.inputs().empty()) {
        pc_.ctx.warn(cat(node.op, " ", printable(node.name), " is removed"));
        ++check_nodes;
        while (g_->node(id).inputs().size() > 1) {
          g_->remove_input(id, static_cast<int>(g_->node(id).inputs().size()) - 1);
        }
        AttrMap attrs;
        attrs.set("T", AttrValue::type(g_->node(id).attrs.type_or("T", DType::kFloat)));
        g_->mutable_node(id).op = "Identity";
        g_->mutable_node(id).attrs = std::move(attrs);
      }
    }
  }

  // Nodes whose completion somebody may wait for.
  bool has_effect(NodeId id) {
    const Node& node = g_->node(id);
    if (is_handle_maker(node.op)) return false;
    return is_stateful(meta_, node);
  }

  // For every node without effects: the nodes with effects it waits for, when few.
  Status simplify_control() {
    WHITTLE_ASSIGN(const std::vector<NodeId> order, g_->topological_order());
    struct Info { bool effect = false; bool many = false; std::vector<NodeId> effects; };
    std::vector<Info> info(g_->capacity());
    for (NodeId id : order) {
      Info& me = info[index_of(id)];
      me.effect = has_effect(id);
      const auto merge = [&](NodeId before) {
        const Info& other = info[index_of(before)];
        if (other.effect || other.many) {
          if (std::find(me.effects.begin(), me.effects.end(), before) == me.effects.end()) me.effects.push_back(before);
          return;
        }
        for (NodeId e : other.effects) {
          if (std::find(me.effects.begin(), me.effects.end(), e) == me.effects.end()) me.effects.push_back(e);
        }
      };
      for (OutputId input : g_->node(id).inputs()) merge(input.node);
      for (NodeId control : g_->node(id).controls()) merge(control);
      if (me.effects.size() > kMaxEffects) {
        me.many = true;
        me.effects.clear();
      }
    }
    for (NodeId id : order) {
      const std::vector<NodeId> controls = g_->node(id).controls();
      for (NodeId before : controls) {
        const Info& b = info[index_of(before)];
        if (b.effect || b.many) continue;
        g_->remove_control(id, before);
        for (NodeId e : b.effects) g_->add_control(id, e);
      }
    }
    return {};
  }

  bool near_v1_control_flow(NodeId id) const {
    if (!framed_) return false;
    const Node& node = g_->node(id);
    // Without control edges it is dead when its input is, and nothing else hangs on it.
    if (!node.controls().empty()) return true;
    for (const Use& use : g_->uses(id)) {
      if (use.index == kControlUse) return true;
    }
    return false;
  }

  bool reads_reference(NodeId id) const {
    for (OutputId input : g_->node(id).inputs()) {
      if (is_ref(value_dtype(meta_, *g_, input))) return true;
      const std::string& op = g_->node(input.node).op;
      if (op == "VariableV2" || op == "Variable") return true;
    }
    return false;
  }

  bool declines(NodeId id) const {
    if (pinned_[index_of(id)] || near_v1_control_flow(id) || reads_reference(id)) return true;
    const size_t controls = g_->node(id).controls().size();
    const size_t users = g_->uses(id).size();
    return controls * users > controls + users;
  }

  void move_controls(NodeId id) {
    const std::vector<NodeId> controls = g_->node(id).controls();
    if (controls.empty()) return;
    std::vector<NodeId> users;
    for (const Use& use : g_->uses(id)) users.push_back(use.user);
    for (NodeId user : users) {
      for (NodeId c : controls) g_->add_control(user, c);
    }
  }

  void bypass(NodeId id) {
    if (declines(id)) return;
    const OutputId input = g_->node(id).inputs()[0];
    move_controls(id);
    count(id);
    g_->replace_uses({id, 0}, input);
    g_->replace_control_uses(id, input.node);
    g_->remove(id);
  }

  void bypass_n(NodeId id) {
    if (declines(id) || g_->node(id).inputs().empty()) return;
    const std::vector<OutputId> inputs = g_->node(id).inputs();
    move_controls(id);
    count(id);
    for (size_t k = 0; k < inputs.size(); ++k) g_->replace_uses({id, static_cast<int32_t>(k)}, inputs[k]);
    // One edge stands for waiting on all of them only when there is one; otherwise keep the node.
    bool awaited = false;
    for (const Use& use : g_->uses(id)) awaited = awaited || use.index == kControlUse;
    if (awaited) return;
    g_->remove(id);
  }


  MetaGraph& meta_;
  PassContext& pc_;
  Graph* g_ = nullptr;
  bool framed_ = false;
  std::vector<bool> pinned_;
};

class RemoveIdentities final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    Cleaner cleaner(model, pc);
    WHITTLE_CHECK(cleaner.run(model.meta.graph, nullptr));
    WHITTLE_ASSIGN(const std::vector<std::string> functions, reachable_functions(model.meta));
    for (const std::string& name : functions) {
      WHITTLE_ASSIGN(Function * f, model.meta.library.get_mutable(name));
      WHITTLE_CHECK_IN(cleaner.run(f->body, f), cat("function ", printable(name)));
    }
    model.book("Identity and other nodes that compute nothing", cleaner.bytes, cleaner.nodes);
    model.book("Assert, CheckNumerics and Print", cleaner.check_bytes, cleaner.check_nodes);
    return {};
  }
};

constexpr OptionSpec kOptions[] = {
    {"checks", OptionType::kBool, "false", "also remove Assert, CheckNumerics and Print"},
};
constexpr std::string_view kAfter[] = {"inline_functions", "freeze_variables"};

}  // namespace

extern const PassInfo remove_identities_info;
const PassInfo remove_identities_info{
    .name = "remove_identities",
    .summary = "Take out nodes that compute nothing and control edges that order nothing",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveIdentities>(); },
};

}  // namespace whittle
