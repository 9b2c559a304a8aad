// prune_branches: branches that are never taken, where a constant says which one is.
//
//   x -> Switch(true) -> :1 -> f -> Merge -> y          x -> f -> y
//                        :0 -> g ---^                   (g is gone)
//   If(true, x), Case(1, x)                             the body of the branch, inlined
//   While(x), whose condition is false at once          x
//
// Constants  Const, also through Identity; so run it after fold_constants too. Option `defaults` makes
//            placeholders with a default that no signature feeds (Keras' learning phase) their default;
//            option `input` fixes a scalar input to a value, "is_training=false": it leaves the
//            signatures.
// Dead       a node is dead when any input is (data or control); a Merge when all its data inputs are.
//            Merge's value_index becomes the constant that it would be.
// Keeps      names of endpoints; what ran before still runs in the same order.
// Declines   a graph in which something named from outside would be dead; reference Switches; a Merge
//            that loses only some inputs while its value_index is read; conditions with effects.
// Errors     invalid_argument for an `input` that is no placeholder, or whose value does not fit.
// Fidelity   exact. Source: graph-transforms.md §14, 7 and 8; TensorFlow's executor on dead tensors.
#include <algorithm>
#include <map>

#include "calls.h"
#include "constants.h"
#include "whittle/kernel.h"
#include "whittle/pass.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kMostConditionNodes = 256;
constexpr size_t kMostEvaluated = 1 << 16;       // nodes of conditions, all loops together
constexpr uint64_t kMostConditionBytes = 4096;   // of one value of a condition

// "true", "false", or a decimal number.
bool parse_value(std::string_view text, double* value) {
  *value = text == "true" ? 1 : 0;
  if (text == "true" || text == "false") return true;
  const bool negative = !text.empty() && text[0] == '-';
  double whole = 0, scale = 0;
  bool digits = false;
  for (char c : text.substr(negative ? 1 : 0)) {
    if (c == '.' && scale == 0) {
      scale = 1;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      whole = whole * 10 + (c - '0');
      scale *= 10;
    } else {
      return false;
    }
  }
  *value = (negative ? -whole : whole) / (scale > 0 ? scale : 1);
  return digits && whole < 1e15;
}

Result<Tensor> scalar_of(DType dtype, double value) {
  const auto make = [&](auto typed) -> Result<Tensor> {
    using T = decltype(typed);
    const T v = static_cast<T>(value);
    return Tensor::of<T>(dtype, Shape{}, std::span<const T>(&v, 1));
  };
  const auto whole = static_cast<double>(static_cast<int64_t>(value)) == value;
  switch (dtype) {
    case DType::kBool: if (value == 0 || value == 1) return make(uint8_t{}); break;
    case DType::kFloat: return make(float{});
    case DType::kDouble: return make(double{});
    case DType::kInt32: if (whole && value >= INT32_MIN && value <= INT32_MAX) return make(int32_t{}); break;
    case DType::kInt64: if (whole) return make(int64_t{}); break;
    default: break;
  }
  return invalid_argument("the value does not fit the dtype of the input");
}

// The one element of a scalar, as TensorFlow's conditions read it.
std::optional<int64_t> scalar_int(const Tensor& t) {
  if (t.shape().rank() != 0) return std::nullopt;
  switch (t.dtype()) {
    case DType::kBool: return t.values<uint8_t>()[0] != 0 ? 1 : 0;
    case DType::kInt32: return t.values<int32_t>()[0];
    case DType::kInt64: return t.values<int64_t>()[0];
    default: return std::nullopt;
  }
}

// Ops of conditions whose results are small and the same everywhere.
bool decides(std::string_view op) {
  constexpr std::string_view kOps[] = {"Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr", "LogicalNot",
                                       "Add", "AddV2", "Sub", "Mul", "Minimum", "Maximum", "Identity", "Cast", "All", "Any", "Squeeze"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

class Branches {
 public:
  Branches(Model& model, PassContext& pc) : model_(model), meta_(model.meta), pc_(pc) {}

  Status run() {
    WHITTLE_CHECK(fix_inputs());
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(meta_));
    for (const OwnedGraph& where : graphs) {
      g_ = where.graph;
      owner_ = where.owner;
      fed_ = fed_nodes(meta_, *g_, owner_);
      if (owner_ == nullptr && pc_.options.flag("defaults")) take_defaults();
      if (has_v1_control_flow(*g_)) WHITTLE_CHECK(prune_switches());
      for (NodeId id : g_->ids()) WHITTLE_CHECK(choose(id));
    }
    if (!missing_.ok()) return std::move(missing_);
    // The calls that If and Case became.
    if (calls_) return find_pass("inline_functions")->make()->run(model_, pc_);
    return {};
  }

 private:
  Status fix_inputs() {
    for (const std::string& given : pc_.options.texts("input")) {
      const size_t equals = given.find('=');
      const std::string name = given.substr(0, equals);
      double value = 0;
      if (equals == std::string::npos || !parse_value(std::string_view(given).substr(equals + 1), &value)) {
        return invalid_argument(cat("input should be name=value, found ", printable(given)));
      }
      Graph& g = meta_.graph;
      NodeId id = g.find(name);
      // Else by its key in a signature.
      for (const Signature& s : meta_.signatures) {
        const auto it = s.inputs.find(name);
        if (id == kNoNode && it != s.inputs.end() && it->second.tensors.size() == 1) id = it->second.tensors[0].node;
      }
      if (id == kNoNode || g.node(id).op.compare(0, 11, "Placeholder") != 0) {
        return invalid_argument(cat("there is no placeholder named ", printable(name)));
      }
      WHITTLE_ASSIGN_IN(Tensor t, scalar_of(g.node(id).attrs.type_or("dtype", DType::kInvalid), value), cat("input ", printable(name)));
      for (Signature& s : meta_.signatures) {
        for (auto it = s.inputs.begin(); it != s.inputs.end();) {
          const bool fixed = it->second.tensors.size() == 1 && it->second.tensors[0].node == id;
          if (fixed) it = s.inputs.erase(it);
          else ++it;
        }
      }
      g.clear_inputs(id);
      g.mutable_node(id).op = "Const";
      g.mutable_node(id).attrs = const_attrs_of(TensorRef::owned(std::move(t)));
    }
    return {};
  }

  void take_defaults() {
    bool outputs = false;   // without a signature anything may be fed
    for (const Signature& s : meta_.signatures) outputs = outputs || !s.outputs.empty();
    if (!outputs) return;
    for (NodeId id : g_->ids()) {
      if (g_->node(id).op != "PlaceholderWithDefault" || g_->node(id).inputs().size() != 1 || is_fed(id) || hides_a_shape(id)) continue;
      AttrMap attrs;
      attrs.set("T", AttrValue::type(g_->node(id).attrs.type_or("dtype", DType::kInvalid)));
      g_->mutable_node(id).op = "Identity";
      g_->mutable_node(id).attrs = std::move(attrs);
    }
  }

  // What a table is filled with at load: shape inference of the import must not see its rank (freeze_variables).
  bool hides_a_shape(NodeId id) const {
    for (const Use& use : g_->uses(id)) {
      if (g_->node(use.user).op.compare(0, 17, "LookupTableImport") == 0) return true;
    }
    return false;
  }

  bool is_fed(NodeId id) const { return index_of(id) < fed_.size() && fed_[index_of(id)]; }

  const TensorRef* constant(OutputId v) const {
    while (g_->node(v.node).op == "Identity" && !is_fed(v.node) && g_->node(v.node).inputs().size() == 1) v = g_->node(v.node).inputs()[0];
    return is_fed(v.node) || g_->node(v.node).op != "Const" ? nullptr : const_ref(*g_, v);
  }

  // What a predicate or index surely is.
  std::optional<int64_t> known(OutputId v) {
    const TensorRef* ref = constant(v);
    if (ref == nullptr || ref->elements() != 1 || ref->byte_size() > 8) return std::nullopt;
    Result<Tensor> t = load(*ref, pc_.ctx);
    if (t.ok()) return scalar_int(t.value());
    if (t.error().code == Code::kNeedBytes) missing_ = t.take_error();
    return std::nullopt;
  }

  // Deadness as the executor would have it; edges from NextIteration come later and do not count.
  Status prune_switches() {
    WHITTLE_ASSIGN(const std::vector<NodeId> order, g_->topological_order());
    std::vector<int8_t> dead_slot(g_->capacity(), -1);
    std::vector<bool> dead(g_->capacity(), false);
    const auto is_dead = [&](OutputId v) { return dead[index_of(v.node)] || dead_slot[index_of(v.node)] == v.slot; };
    bool any = false;
    for (NodeId id : order) {
      const Node& node = g_->node(id);
      const bool merge = node.op == "Merge" || node.op == "RefMerge";
      bool gone = merge && !node.inputs().empty();
      for (OutputId v : node.inputs()) {
        if (merge) gone = gone && (is_dead(v) || g_->node(v.node).op == "NextIteration");
        else gone = gone || is_dead(v);
      }
      for (NodeId c : node.controls()) gone = gone || (!merge && dead[index_of(c)]);
      dead[index_of(id)] = gone;
      if (gone || node.op != "Switch" || node.inputs().size() != 2) continue;
      const std::optional<int64_t> taken = known(node.inputs()[1]);
      if (!taken) continue;
      dead_slot[index_of(id)] = *taken != 0 ? 0 : 1;
      any = true;
    }
    if (any && missing_.ok() && may_prune(order, dead, dead_slot)) prune(order, dead, dead_slot);
    return {};
  }

  bool may_prune(const std::vector<NodeId>& order, const std::vector<bool>& dead, const std::vector<int8_t>& dead_slot) {
    bool fine = true;
    if (owner_ == nullptr) {
      for_each_endpoint(meta_, [&](OutputId& v) {
        const std::string& op = g_->node(v.node).op;
        fine = fine && !dead[index_of(v.node)] && dead_slot[index_of(v.node)] != v.slot && (v.slot == 0 || (op != "Switch" && op != "Merge"));
      });
      for (NodeId id : meta_.init) fine = fine && !dead[index_of(id)];
    } else {
      for (const auto& [key, id] : owner_->control_rets) fine = fine && !dead[index_of(id)];
    }
    for (NodeId id : order) {
      const Node& node = g_->node(id);
      if (dead[index_of(id)]) {
        fine = fine && node.op != "_Retval" && node.op != "_Arg";
        continue;
      }
      if (node.op != "Merge" && node.op != "RefMerge") continue;
      size_t lost = 0;
      for (OutputId v : node.inputs()) {
        const bool gone = dead[index_of(v.node)] || dead_slot[index_of(v.node)] == v.slot;
        lost += gone ? 1 : 0;
        fine = fine && !(gone && g_->node(v.node).op == "NextIteration");
      }
      if (lost == 0) continue;
      // Nothing that is dead keeps a Merge from being live, not even what it waits for.
      for (NodeId c : node.controls()) fine = fine && dead[index_of(c)];
      fine = fine && node.op == "Merge" && (lost + 1 == node.inputs().size() || g_->uses_of({id, 1}).empty());
    }
    return fine;
  }

  void prune(const std::vector<NodeId>& order, const std::vector<bool>& dead, const std::vector<int8_t>& dead_slot) {
    for (NodeId id : order) {
      if (!dead[index_of(id)] && g_->node(id).op == "Merge") merge_live(id, dead, dead_slot);
    }
    for (NodeId id : order) {
      if (dead[index_of(id)] || dead_slot[index_of(id)] < 0) continue;
      const int32_t taken = 1 - dead_slot[index_of(id)];
      become_identity(id, g_->node(id).inputs()[0]);
      // The dead output has no users but dead ones.
      if (taken == 1) g_->replace_uses({id, 1}, {id, 0});
    }
    std::vector<NodeId> before;   // what only dead nodes read
    for (NodeId id : order) {
      if (!dead[index_of(id)]) continue;
      for (OutputId v : g_->node(id).inputs()) before.push_back(v.node);
      g_->clear_inputs(id);
      g_->clear_controls(id);
    }
    for (NodeId id : order) {
      if (!dead[index_of(id)]) continue;
      g_->replace_control_uses(id, kNoNode);   // a Merge need not wait for it
      g_->remove(id);
    }
    sweep_unused(meta_, *g_, pinned_nodes(meta_, *g_, owner_), std::move(before));
  }

  void merge_live(NodeId id, const std::vector<bool>& dead, const std::vector<int8_t>& dead_slot) {
    std::vector<OutputId> live;
    int32_t index = -1, at = 0;
    for (OutputId v : g_->node(id).inputs()) {
      // Switches of this walk still have both outputs.
      const bool gone = index_of(v.node) < dead.size() && (dead[index_of(v.node)] || dead_slot[index_of(v.node)] == v.slot);
      if (!gone) {
        live.push_back(v);
        index = at;
      }
      ++at;
    }
    if (live.size() == g_->node(id).inputs().size()) return;
    if (live.size() == 1) {
      if (!g_->uses_of({id, 1}).empty()) {
        Result<Tensor> t = scalar_i32(index);
        if (t.ok()) {
          // Dead when the value is.
          const NodeId made = g_->add(g_->unique_name(cat(g_->node(id).name, "/value_index")), "Const", {}, const_attrs_of(TensorRef::owned(std::move(t).value())));
          g_->add_control(made, live[0].node);
          g_->replace_uses({id, 1}, {made, 0});
        }
      }
      become_identity(id, live[0]);
      return;
    }
    g_->clear_inputs(id);
    for (OutputId v : live) g_->add_input(id, v);
    g_->mutable_node(id).attrs.set("N", AttrValue::integer(static_cast<int64_t>(live.size())));
  }

  void become_identity(NodeId id, OutputId value) {
    AttrMap attrs;
    attrs.set("T", AttrValue::type(g_->node(id).attrs.type_or("T", DType::kInvalid)));
    g_->clear_inputs(id);
    g_->add_input(id, value);
    g_->mutable_node(id).op = "Identity";
    g_->mutable_node(id).attrs = std::move(attrs);
  }

  // If, Case and While.
  Status choose(NodeId id) {
    const CallInfo info = call_info(meta_, g_->node(id));
    if (info.kind == CallKind::kWhile) return skip_loop(id, info);
    if ((info.kind != CallKind::kIf && info.kind != CallKind::kCase) || g_->node(id).inputs().empty()) return {};
    const std::optional<int64_t> value = known(g_->node(id).inputs()[0]);
    const auto count = static_cast<int64_t>(info.functions.size());
    if (!value || count == 0) return {};
    int64_t branch = *value;
    if (info.kind == CallKind::kIf) branch = *value != 0 ? 0 : 1;
    else if (branch < 0 || branch >= count) branch = count - 1;
    const AttrMap& old = g_->node(id).attrs;
    const AttrValue* f = old.find(info.kind == CallKind::kIf ? (branch == 0 ? "then_branch" : "else_branch") : "branches");
    AttrMap attrs;
    attrs.set("f", info.kind == CallKind::kIf ? *f : AttrValue::func(f->list().funcs[static_cast<size_t>(branch)]));
    for (std::string_view name : {"Tin", "Tout"}) {
      if (const AttrValue* v = old.find(name)) attrs.set(name, *v);
    }
    const bool stateless = g_->node(id).op.compare(0, 9, "Stateless") == 0;
    g_->remove_input(id, 0);
    g_->mutable_node(id).op = stateless ? "PartitionedCall" : "StatefulPartitionedCall";
    g_->mutable_node(id).attrs = std::move(attrs);
    calls_ = true;
    return {};
  }

  // A loop whose condition is false before the first turn hands its values through.
  Status skip_loop(NodeId id, const CallInfo& info) {
    WHITTLE_ASSIGN(const Function* cond, meta_.library.get(info.functions[0]));
    WHITTLE_ASSIGN(const bool never, is_false(*cond, g_->node(id).inputs()));
    if (!never) return {};
    const AttrValue* types = g_->node(id).attrs.find("T");
    const size_t count = g_->node(id).inputs().size();
    if (types == nullptr || types->list().types.size() != count || count == 0) return {};
    AttrMap attrs;
    attrs.set("T", count == 1 ? AttrValue::type(types->list().types[0]) : *types);
    g_->mutable_node(id).op = count == 1 ? "Identity" : "IdentityN";
    g_->mutable_node(id).attrs = std::move(attrs);
    return {};
  }

  Result<bool> is_false(const Function& cond, const std::vector<OutputId>& inputs) {
    const Graph& body = cond.body;
    if (body.size() > kMostConditionNodes || has_v1_control_flow(body)) return false;
    WHITTLE_ASSIGN(const std::vector<NodeId> order, body.topological_order());
    std::map<OutputId, Tensor> values;
    bool never = false;
    for (NodeId id : order) {
      const Node& node = body.node(id);
      if (node.op == "_Arg") {
        const auto k = static_cast<size_t>(node.attrs.int_or("index", 0));
        if (k < inputs.size()) WHITTLE_CHECK(note(constant(inputs[k]), {id, 0}, values));
      } else if (node.op == "Const") {
        WHITTLE_CHECK(note(const_ref(body, {id, 0}), {id, 0}, values));
      } else if (node.op == "_Retval") {
        const auto it = node.inputs().empty() ? values.end() : values.find(node.inputs()[0]);
        never = it != values.end() && scalar_int(it->second) == int64_t{0};
      } else {
        if (is_stateful(meta_, node)) return false;   // it has effects, whatever it says
        if (++evaluated_ > kMostEvaluated) return false;
        std::vector<Tensor> args;
        for (OutputId v : node.inputs()) {
          const auto it = values.find(v);
          if (it != values.end()) args.push_back(it->second);
        }
        if (!decides(node.op) || args.size() != node.inputs().size() || args.empty()) continue;
        Result<std::vector<Tensor>> results = evaluate_node(node, args, pc_.ctx);
        if (!results.ok()) continue;
        for (size_t k = 0; k < results.value().size(); ++k) {
          if (results.value()[k].byte_size() <= kMostConditionBytes) values.emplace(OutputId{id, static_cast<int32_t>(k)}, results.value()[k]);
        }
      }
    }
    return never;
  }

  Status note(const TensorRef* ref, OutputId v, std::map<OutputId, Tensor>& values) {
    if (ref == nullptr || ref->byte_size() > kMostConditionBytes) return {};
    Result<Tensor> t = load(*ref, pc_.ctx);
    if (!t.ok() && t.error().code != Code::kNeedBytes) return t.take_error();
    if (!t.ok()) missing_ = t.take_error();
    else values.emplace(v, std::move(t).value());
    return {};
  }

  Model& model_;
  MetaGraph& meta_;
  PassContext& pc_;
  Graph* g_ = nullptr;
  const Function* owner_ = nullptr;
  std::vector<bool> fed_;
  bool calls_ = false;
  size_t evaluated_ = 0;
  Status missing_;
};

class PruneBranches final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override { return Branches(model, pc).run(); }
};

constexpr OptionSpec kOptions[] = {
    {"defaults", OptionType::kBool, "false", "placeholders with a default that no signature feeds are their default"},
    {"input", OptionType::kStrings, "", "name=value: a scalar input, by its node or its key, that is always this; it leaves the signatures"},
};
constexpr std::string_view kAfter[] = {"freeze_variables"};

}  // namespace

extern const PassInfo prune_branches_info;
const PassInfo prune_branches_info{
    .name = "prune_branches",
    .summary = "Take out branches that are never taken",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<PruneBranches>(); },
};

}  // namespace whittle
