// freeze_variables: turns variables into constants, and makes what stays alive load by itself.
//
//   VarHandleOp v; ReadVariableOp(v)       becomes   Const v; Identity(v)
//   ResourceGather(v, ids)                           GatherV2(v, ids, axis)
//   ResourceGatherNd, VariableShape                  GatherNd, Shape
//   If/While/Case/calls taking v                     the same, argument type resource -> dtype
//   VariableV2 v; RefSwitch(v)                       Const v; Switch(v)
//
// A variable that the init op assigns once from a constant gets that constant, for the init op runs
// after the restore. A variable that a signature writes, or whose handle goes somewhere unknown,
// stays a variable; its restored value becomes a constant that the init op assigns. A mutable table
// that the restore fills is imported from two constants by the init op.
//
// Weights   file-backed TensorRefs: nothing is read here but string tensors.
// Errors    corrupt when graph and checkpoint disagree about dtype or shape; not_found when a
//           variable that a signature reads has no value.
// Source    formats.md §4.2–§4.6; graph-transforms.md §10.
#include <algorithm>
#include <set>

#include "constants.h"
#include "variable_flow.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

struct Plan {
  bool freeze = false;
  TensorRef value;               // when frozen, or restored into a kept variable
  std::string key;               // checkpoint key of value, "" when from the init op
  NodeId init_write = kNoNode;   // the Assign that froze with it
};

// The constant that a node's data input `k` is, through Identity; empty when it is none.
TensorRef constant_input(const Graph& g, const Node& node, size_t k) {
  OutputId at = node.inputs()[k];
  for (int steps = 0; steps < 100; ++steps) {
    const Node& n = g.node(at.node);
    if (n.op == "Identity" && n.inputs().size() == 1) {
      at = n.inputs()[0];
      continue;
    }
    const AttrValue* value = n.op == "Const" ? n.attrs.find("value") : nullptr;
    return value == nullptr ? TensorRef() : value->tensor();
  }
  return {};
}

class Freezer {
 public:
  Freezer(Model& model, PassContext& pc) : meta_(model.meta), pc_(pc) {}

  Status run() {
    WHITTLE_ASSIGN(variables_, variable_flow(meta_));
    find_signature_reach();
    for (auto& [identity, v] : variables_) {
      WHITTLE_ASSIGN_IN(plans_[identity], plan(v), cat("variable ", printable(v.name)));
    }
    WHITTLE_CHECK(settle_function_arguments());
    for (auto& [identity, v] : variables_) {
      WHITTLE_CHECK(pc_.ctx.check_cancelled());
      const Plan& p = plans_[identity];
      WHITTLE_CHECK_IN(p.freeze ? freeze(v, p) : keep(v, p), cat("variable ", printable(v.name)));
    }
    return import_tables();
  }

 private:
  void find_signature_reach() {
    std::vector<NodeId> roots;
    MetaGraph& meta = meta_;
    for_each_endpoint(meta, [&](OutputId& v) { roots.push_back(v.node); });
    signature_reach_ = reachable_from(meta.graph, roots);
    std::vector<std::string> pending;
    for (NodeId id : meta.graph.ids()) {
      if (!signature_reach_[index_of(id)]) continue;
      for (std::string& name : called_functions(meta, meta.graph.node(id))) pending.push_back(std::move(name));
    }
    while (!pending.empty()) {
      const std::string name = std::move(pending.back());
      pending.pop_back();
      if (!signature_functions_.insert(name).second) continue;
      const Function* f = meta.library.find_decoded(name);
      if (f == nullptr) continue;
      for (NodeId id : f->body.ids()) {
        for (std::string& inner : called_functions(meta, f->body.node(id))) pending.push_back(std::move(inner));
      }
    }
  }

  bool in_signature(const HandleUse& use) const {
    return use.function.empty() ? signature_reach_[index_of(use.node)]
                                : signature_functions_.count(use.function) != 0;
  }

  Result<Plan> plan(const Variable& v) {
    Plan p;
    const std::vector<HandleUse>& writes = v.writes;
    // The init op's single assignment of a constant.
    if (writes.size() == 1 && writes[0].function.empty() && !in_signature(writes[0])) {
      const Node& node = meta_.graph.node(writes[0].node);
      if ((node.op == "Assign" || node.op == "AssignVariableOp") && node.inputs().size() == 2 &&
          writes[0].index == 0) {
        const TensorRef value = constant_input(meta_.graph, node, 1);
        if (!value.empty() && value.dtype() == v.dtype && !feeds_asset(node.inputs()[1])) {
          p.value = value;
          p.init_write = writes[0].node;
        }
      }
    }
    if (p.value.empty()) {
      auto it = meta_.restores.find(v.identity);
      if (it != meta_.restores.end() && meta_.checkpoint == nullptr) {
        return not_found("variables/variables.index is missing, the variable's value is in it");
      }
      if (it != meta_.restores.end()) {
        WHITTLE_ASSIGN(p.value, meta_.checkpoint->find(it->second, pc_.ctx));
        p.key = it->second.key;
      }
    }
    if (!p.value.empty()) WHITTLE_CHECK(same_type(v, p.value));
    const bool written = p.init_write == kNoNode && !v.writes.empty();
    p.freeze = !p.value.empty() && !written && v.unknown_use.empty() && !v.in_function;
    if (p.value.empty() && v.writes.empty()) {
      for (const HandleUse& r : v.reads) {
        if (!in_signature(r) || is_query(r)) continue;
        return not_found("the variable has no value: no checkpoint entry is restored into it, and the init op does not assign it");
      }
    }
    if (!p.freeze && p.init_write != kNoNode) p.value = TensorRef();  // the init op still assigns it
    return p;
  }

  // An asset's path constant is fed by the loaders; its own value is a dead path.
  bool feeds_asset(OutputId value) const {
    OutputId at = value;
    for (int steps = 0; steps < 100; ++steps) {
      for (const Asset& a : meta_.assets) {
        if (a.tensor == at) return true;
      }
      const Node& n = meta_.graph.node(at.node);
      if (n.op != "Identity" || n.inputs().empty()) return false;
      at = n.inputs()[0];
    }
    return false;
  }

  bool is_query(const HandleUse& use) {
    const Function* f = use.function.empty() ? nullptr : meta_.library.find_decoded(use.function);
    const std::string& op = (f == nullptr ? meta_.graph : f->body).node(use.node).op;
    return op == "VarIsInitializedOp" || op == "IsVariableInitialized" || op == "DisableCopyOnRead" ||
           op == "VariableShape";
  }

  static Status same_type(const Variable& v, const TensorRef& value) {
    if (v.dtype != DType::kInvalid && value.dtype() != v.dtype) {
      return corrupt(cat("the variable is ", dtype_name(v.dtype), " in the graph and ",
                         dtype_name(value.dtype()), " in the checkpoint"));
    }
    if (!v.shape.compatible(value.shape())) {
      return corrupt(cat("the variable is ", v.shape.to_string(), " in the graph and ",
                         value.shape().to_string(), " in the checkpoint"));
    }
    return {};
  }

  // An argument of a function is either a handle at all its call sites or a value at all of them.
  // Variables that would make it both stay variables.
  Status settle_function_arguments() {
    WHITTLE_ASSIGN(const std::vector<std::string> functions, reachable_functions(meta_));
    std::vector<std::string> graphs{""};
    graphs.insert(graphs.end(), functions.begin(), functions.end());
    for (bool changed = true; changed;) {
      changed = false;
      std::set<Place> frozen;
      for (const auto& [identity, v] : variables_) {
        if (plans_[identity].freeze) frozen.insert(v.places.begin(), v.places.end());
      }
      // (function, argument) that some call site passes a real handle or another resource to.
      std::set<std::pair<std::string, size_t>> handles;
      for (const std::string& name : graphs) {
        WHITTLE_ASSIGN(Graph * g, graph_of(meta_, name));
        for (NodeId id : g->ids()) {
          const CallInfo call = call_info(meta_, g->node(id));
          const std::vector<OutputId>& in = g->node(id).inputs();
          for (size_t k = static_cast<size_t>(call.first_arg); call.kind != CallKind::kNone && k < in.size(); ++k) {
            if (frozen.count({name, in[k]}) != 0) continue;
            for (const std::string& f : call.functions) handles.insert({f, k - static_cast<size_t>(call.first_arg)});
          }
        }
      }
      for (auto& [identity, v] : variables_) {
        Plan& p = plans_[identity];
        if (!p.freeze) continue;
        for (const Place& place : v.places) {
          if (place.function.empty()) continue;
          const Function* f = meta_.library.find_decoded(place.function);
          const Node& node = f->body.node(place.value.node);
          if (node.op != "_Arg") continue;
          if (handles.count({place.function, static_cast<size_t>(node.attrs.int_or("index", 0))}) == 0) continue;
          p.freeze = false;
          changed = true;
          break;
        }
      }
    }
    return {};
  }

  Status freeze(const Variable& v, const Plan& p) {
    if (!p.key.empty()) meta_.used_keys.push_back(p.key);
    for (const HandleUse& use : v.reads) WHITTLE_CHECK(rewrite_read(v, use));
    for (const HandleUse& use : v.passes) WHITTLE_CHECK(rewrite_pass(v, p, use));
    if (p.init_write != kNoNode) drop_init_write(p.init_write);
    Graph& g = meta_.graph;
    for (NodeId id : v.handles) {
      if (!g.alive(id)) continue;
      Node& node = g.mutable_node(id);
      node.op = "Const";
      node.attrs = const_attrs_of(p.value);
      node.unknown.clear();
      g.clear_controls(id);
    }
    return {};
  }

  Status rewrite_read(const Variable& v, const HandleUse& use) {
    WHITTLE_ASSIGN(Graph * g, graph_of(meta_, use.function));
    Node& node = g->mutable_node(use.node);
    const std::string op = node.op;
    AttrMap attrs;
    if (op == "ReadVariableOp") {
      attrs.set("T", AttrValue::type(v.dtype));
      node.op = "Identity";
    } else if (op == "ResourceGather") {
      const DType indices = node.attrs.type_or("Tindices", DType::kInt32);
      const int64_t batch_dims = node.attrs.int_or("batch_dims", 0);
      attrs.set("Tparams", AttrValue::type(v.dtype));
      attrs.set("Tindices", AttrValue::type(indices));
      attrs.set("Taxis", AttrValue::type(indices));
      if (batch_dims != 0) attrs.set("batch_dims", AttrValue::integer(batch_dims));
      WHITTLE_ASSIGN(Tensor axis, Tensor::make(indices, Shape{}));
      if (indices == DType::kInt64) {
        axis.mutable_values<int64_t>()[0] = batch_dims;
      } else {
        axis.mutable_values<int32_t>()[0] = static_cast<int32_t>(batch_dims);
      }
      const NodeId axis_node = g->add(g->unique_name(cat(node.name, "/axis")), "Const", {},
                                      const_attrs_of(TensorRef::owned(std::move(axis))));
      // In a branch or loop of v1 control flow a constant must be tied to it.
      if (has_v1_control_flow(*g)) g->add_control(axis_node, g->node(use.node).inputs()[1].node);
      g->add_input(use.node, {axis_node, 0});
      g->mutable_node(use.node).op = "GatherV2";
    } else if (op == "ResourceGatherNd") {
      attrs.set("Tparams", AttrValue::type(v.dtype));
      attrs.set("Tindices", AttrValue::type(node.attrs.type_or("Tindices", DType::kInt32)));
      node.op = "GatherNd";
    } else if (op == "VariableShape") {
      attrs.set("T", AttrValue::type(v.dtype));
      attrs.set("out_type", AttrValue::type(node.attrs.type_or("out_type", DType::kInt32)));
      node.op = "Shape";
    } else if (op == "DisableCopyOnRead") {
      node.op = "NoOp";
      g->clear_inputs(use.node);
    } else if (op == "VarIsInitializedOp" || op == "IsVariableInitialized") {
      WHITTLE_ASSIGN(Tensor yes, Tensor::make(DType::kBool, Shape{}));
      yes.mutable_bytes()[0] = 1;
      attrs = const_attrs_of(TensorRef::owned(std::move(yes)));
      node.op = "Const";
      const NodeId handle = node.inputs()[0].node;
      const bool framed = has_v1_control_flow(*g);
      g->clear_inputs(use.node);
      if (framed) g->add_control(use.node, handle);
    } else {
      return {};  // an op that takes a reference by value
    }
    g->mutable_node(use.node).attrs = std::move(attrs);
    return {};
  }

  Status rewrite_pass(const Variable& v, const Plan& p, const HandleUse& use) {
    WHITTLE_ASSIGN(Graph * g, graph_of(meta_, use.function));
    Node& node = g->mutable_node(use.node);
    if (node.op == "_Retval") return {};  // done with the function it belongs to
    const CallInfo call = call_info(meta_, node);
    if (call.kind == CallKind::kNone) {
      if (node.op.compare(0, 3, "Ref") == 0) node.op = node.op.substr(3);
      if (node.op != "LoopCond") node.attrs.set("T", AttrValue::type(v.dtype));
      node.attrs.erase("_output_shapes");
      return {};
    }
    const auto k = static_cast<size_t>(use.index - call.first_arg);
    if (AttrValue* types = node.attrs.find(call.types_attr); types != nullptr && k < types->list().types.size()) {
      types->mutable_list().types[k] = v.dtype;
    }
    if (call.kind == CallKind::kWhile) {
      AttrValue* shapes = node.attrs.find("output_shapes");
      if (shapes != nullptr && k < shapes->list().shapes.size()) {
        shapes->mutable_list().shapes[k] = p.value.shape();
      }
    }
    node.attrs.erase("_output_shapes");
    for (size_t i = 0; i < call.functions.size(); ++i) {
      WHITTLE_ASSIGN(Function * f, meta_.library.get_mutable(call.functions[i]));
      f->args[k].dtype = v.dtype;
      f->args[k].attrs = AttrMap();
      f->attrs.erase("_input_shapes");
      if (const NodeId arg = arg_nodes(*f)[k]; arg != kNoNode) {
        f->body.mutable_node(arg).attrs.set("T", AttrValue::type(v.dtype));
      }
      if (call.kind == CallKind::kWhile && i == 1 && k < f->rets.size()) {
        f->rets[k].dtype = v.dtype;
        if (const NodeId ret = ret_nodes(*f)[k]; ret != kNoNode) {
          f->body.mutable_node(ret).attrs.set("T", AttrValue::type(v.dtype));
        }
      }
    }
    return {};
  }

  // Whoever waited for the assignment waits for what it waited for.
  void drop_init_write(NodeId write) {
    Graph& g = meta_.graph;
    std::vector<NodeId> before = g.node(write).controls();
    std::vector<NodeId> users;
    for (const Use& use : g.uses(write)) users.push_back(use.user);
    for (NodeId user : users) {
      for (NodeId b : before) g.add_control(user, b);
    }
    // Assign hands its reference on: users read the variable itself.
    if (g.has_data_uses(write)) g.replace_uses({write, 0}, g.node(write).inputs()[0]);
    g.replace_control_uses(write, kNoNode);
    for (size_t k = 0; k < meta_.init.size(); ++k) {
      if (meta_.init[k] != write) continue;
      meta_.init.erase(meta_.init.begin() + static_cast<std::ptrdiff_t>(k));
      break;
    }
    g.remove(write);
  }

  // The variable lives on. What the restore gave it is assigned before the model's own init op.
  Status keep(const Variable& v, const Plan& p) {
    if (p.value.empty()) return {};
    Graph& g = meta_.graph;
    const NodeId handle = v.handles[0];
    meta_.used_keys.push_back(p.key);
    const NodeId value = g.add(g.unique_name(cat(v.name, "/restored_value")), "Const", {},
                               const_attrs_of(p.value));
    AttrMap attrs;
    const bool resource = g.node(handle).op == "VarHandleOp";
    attrs.set(resource ? "dtype" : "T", AttrValue::type(v.dtype));
    const NodeId assign = g.add(g.unique_name(cat(v.name, "/restore")),
                                resource ? "AssignVariableOp" : "Assign",
                                {{handle, 0}, {value, 0}}, attrs);
    run_before_init(assign);
    pc_.ctx.warn(cat("variable ", printable(v.name), " stays a variable: ",
                     !v.unknown_use.empty() ? cat("its handle goes to ", v.unknown_use)
                     : v.in_function        ? std::string("a function makes its handle")
                     : v.writes.empty()     ? std::string("a function takes it together with one that is written")
                                            : std::string("the model writes it")));
    return {};
  }

  void run_before_init(NodeId node) {
    for (NodeId init : meta_.init) {
      if (std::find(added_.begin(), added_.end(), init) == added_.end()) order_after(init, node);
    }
    meta_.init.insert(meta_.init.begin() + static_cast<std::ptrdiff_t>(added_.size()), node);
    added_.push_back(node);
  }

  // Everything that only the init op reaches and that touches variables or tables starts after
  // `first`: sources of that subgraph get a control edge.
  void order_after(NodeId init, NodeId first) {
    Graph& g = meta_.graph;
    const std::vector<bool> reached = reachable_from(g, {init});
    const std::vector<bool> own = reachable_from(g, {first});
    for (NodeId id : g.ids()) {
      if (!reached[index_of(id)] || own[index_of(id)] || reached_by_signature(id)) continue;
      const OpSpec* spec = meta_.registry->find(g.node(id).op);
      const bool effect = spec == nullptr || spec->is_stateful || call_info(meta_, g.node(id)).kind != CallKind::kNone;
      if (effect && !g.node(id).inputs().empty()) g.add_control(id, first);
    }
  }
  bool reached_by_signature(NodeId id) const {
    return index_of(id) < signature_reach_.size() && signature_reach_[index_of(id)];
  }

  NodeId of_unknown_shape(NodeId value, DType dtype) {
    AttrMap attrs;
    attrs.set("dtype", AttrValue::type(dtype));
    attrs.set("shape", AttrValue::shape(Shape::unknown()));
    const std::string name = cat(meta_.graph.node(value).name, "/buckets");
    return meta_.graph.add(meta_.graph.unique_name(name), "PlaceholderWithDefault", {{value, 0}}, attrs);
  }

  Status import_tables() {
    Graph& g = meta_.graph;
    for (const TableRestore& restore : meta_.table_restores) {
      NodeId table = kNoNode;
      for (NodeId id : g.ids()) {
        const std::string& op = g.node(id).op;
        const bool is_table = op.find("HashTable") != std::string::npos && op.find("Mutable") == 0;
        if (is_table && variable_identity(g.node(id)) == restore.table) { table = id; break; }
      }
      if (table == kNoNode) continue;  // no signature reaches it
      const std::string name = g.node(table).name;
      if (meta_.checkpoint == nullptr) return not_found("the model has no checkpoint to fill the table from").in(cat("table ", printable(name)));
      WHITTLE_ASSIGN_IN(TensorRef keys, meta_.checkpoint->find(restore.keys, pc_.ctx), cat("table ", printable(name)));
      WHITTLE_ASSIGN_IN(TensorRef values, meta_.checkpoint->find(restore.values, pc_.ctx), cat("table ", printable(name)));
      meta_.used_keys.push_back(restore.keys.key);
      meta_.used_keys.push_back(restore.values.key);
      AttrMap attrs;
      attrs.set("Tin", AttrValue::type(keys.dtype()));
      attrs.set("Tout", AttrValue::type(values.dtype()));
      NodeId k = g.add(g.unique_name(cat(name, "/keys")), "Const", {}, const_attrs_of(keys));
      NodeId v = g.add(g.unique_name(cat(name, "/values")), "Const", {}, const_attrs_of(values));
      // A dense table's buckets come as [buckets, 1], which the op takes but its shape function does not.
      if (g.node(table).op.find("Dense") != std::string::npos) {
        k = of_unknown_shape(k, keys.dtype());
        v = of_unknown_shape(v, values.dtype());
      }
      const NodeId import = g.add(g.unique_name(cat(name, "/import")), "LookupTableImportV2",
                                  {{table, 0}, {k, 0}, {v, 0}}, attrs);
      run_before_init(import);
    }
    meta_.table_restores.clear();
    return {};
  }

  MetaGraph& meta_;
  PassContext& pc_;
  std::map<std::string, Variable> variables_;
  std::map<std::string, Plan> plans_;
  std::vector<bool> signature_reach_;
  std::set<std::string> signature_functions_;
  std::vector<NodeId> added_;
};

class FreezeVariables final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override { return Freezer(model, pc).run(); }
};

constexpr std::string_view kAfter[] = {"bind_variables", "inline_functions", "prune_unused"};

}  // namespace

extern const PassInfo freeze_variables_info;
const PassInfo freeze_variables_info{
    .name = "freeze_variables",
    .summary = "Turn variables into constants; make tables and written variables load by themselves",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FreezeVariables>(); },
};

}  // namespace whittle
