#include "variable_flow.h"

#include <algorithm>
#include <set>

#include "whittle/text.h"

namespace whittle {
namespace {

bool is_handle(std::string_view op) {
  return op == "VarHandleOp" || op == "VariableV2" || op == "Variable";
}

// What a use of the handle means.
enum class UseKind : uint8_t { kRead, kWrite, kPass, kUnknown };

UseKind use_kind(const MetaGraph& meta, const Node& node, int index, bool is_ref) {
  const std::string& op = node.op;
  if (is_ref) {
    // Only the Ref forms hand the reference on; every other op takes the value it has now.
    if (op == "RefIdentity" || (op.compare(0, 3, "Ref") == 0 && is_v1_control_flow(op))) {
      return index == 0 || op == "RefMerge" || op == "RefSelect" ? UseKind::kPass : UseKind::kRead;
    }
    if (op == "Identity" || is_v1_control_flow(op)) return UseKind::kRead;
  } else if (op == "Identity" || is_v1_control_flow(op)) {
    return UseKind::kPass;
  }
  if (op == "_Retval" || op == "IdentityN") return UseKind::kUnknown;  // handled by the caller
  constexpr std::string_view kReads[] = {
      "ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "DisableCopyOnRead",
      "VarIsInitializedOp", "IsVariableInitialized"};
  if (std::find(std::begin(kReads), std::end(kReads), op) != std::end(kReads)) return UseKind::kRead;
  const OpSpec* spec = meta.registry->find(op);
  if (spec == nullptr) return UseKind::kUnknown;
  if (!is_ref) {
    // Ops that take a variable's handle and are no reads: Assign*, Resource{Apply,Scatter,…}*.
    return UseKind::kWrite;
  }
  Result<std::vector<DType>> types = input_dtypes(*spec, node.attrs);
  if (!types.ok() || static_cast<size_t>(index) >= types.value().size()) return UseKind::kUnknown;
  // A reference that is taken by value is read.
  return (static_cast<int32_t>(types.value()[static_cast<size_t>(index)]) > kRefOffset) ? UseKind::kWrite : UseKind::kRead;
}

class Flow {
 public:
  Flow(MetaGraph& meta, Variable& variable) : meta_(meta), v_(variable) {}

  Status run(bool is_ref) {
    is_ref_ = is_ref;
    for (NodeId id : v_.handles) push({"", {id, 0}});
    while (!stack_.empty()) {
      const Place at = stack_.back();
      stack_.pop_back();
      v_.places.push_back(at);
      WHITTLE_ASSIGN(Graph * g, graph_of(meta_, at.function));
      const std::vector<Use> uses = g->uses_of(at.value);
      for (const Use& use : uses) WHITTLE_CHECK(visit(*g, at, use));
    }
    return {};
  }

 private:
  void push(Place place) {
    if (seen_.insert(place).second) stack_.push_back(std::move(place));
  }

  void unknown(const Graph& g, NodeId node) {
    if (!v_.unknown_use.empty()) return;
    v_.unknown_use = cat("op ", printable(g.node(node).op), " at node ", printable(g.node(node).name));
  }

  Status visit(const Graph& g, const Place& at, const Use& use) {
    const Node& node = g.node(use.user);
    const HandleUse here{at.function, use.user, use.index};
    const CallInfo call = call_info(meta_, node);
    if (call.kind != CallKind::kNone) return enter(at, use, call);
    if (node.op == "_Retval") {
      // A loop body hands the handle on to the next turn; enter() follows the loop's output.
      if (returns_same_arg(g, at, node)) {
        v_.passes.push_back(here);
      } else {
        unknown(g, use.user);
      }
      return {};
    }
    switch (use_kind(meta_, node, use.index, is_ref_)) {
      case UseKind::kRead: v_.reads.push_back(here); break;
      case UseKind::kWrite:
        v_.writes.push_back(here);
        // Assign and its kin hand the reference on.
        if (is_ref_) push({at.function, {use.user, 0}});
        break;
      case UseKind::kUnknown: unknown(g, use.user); break;
      case UseKind::kPass: {
        v_.passes.push_back(here);
        const bool two = node.op == "Switch" || node.op == "RefSwitch";
        push({at.function, {use.user, 0}});
        if (two) push({at.function, {use.user, 1}});
        if (node.op == "_SwitchN") {
          for (int k = 1; k < static_cast<int>(node.attrs.int_or("num_outs", 1)) && k < 1024; ++k) {
            push({at.function, {use.user, k}});
          }
        }
        break;
      }
    }
    return {};
  }

  Status enter(const Place& at, const Use& use, const CallInfo& call) {
    if (use.index < call.first_arg) {
      v_.unknown_use = "a control-flow predicate";
      return {};
    }
    v_.passes.push_back({at.function, use.user, use.index});
    const auto k = static_cast<size_t>(use.index - call.first_arg);
    for (const std::string& name : call.functions) {
      WHITTLE_ASSIGN(const Function* f, meta_.library.get(name));
      if (k >= f->args.size()) {
        return invalid_argument(cat("function ", printable(name), " has no argument ", k));
      }
      const NodeId arg = arg_nodes(*f)[k];
      if (arg != kNoNode) push({name, {arg, 0}});
    }
    if (call.kind == CallKind::kWhile) push({at.function, {use.user, static_cast<int32_t>(k)}});
    return {};
  }

  // `node` is the _Retval of argument `at` under the same index.
  static bool returns_same_arg(const Graph& g, const Place& at, const Node& node) {
    const Node& arg = g.node(at.value.node);
    return arg.op == "_Arg" && arg.attrs.int_or("index", -1) == node.attrs.int_or("index", -2);
  }

  MetaGraph& meta_;
  Variable& v_;
  bool is_ref_ = false;
  std::set<Place> seen_;
  std::vector<Place> stack_;
};

}  // namespace

Result<Graph*> graph_of(MetaGraph& meta, const std::string& function) {
  if (function.empty()) return &meta.graph;
  WHITTLE_ASSIGN(Function * f, meta.library.get_mutable(function));
  return &f->body;
}

Result<std::map<std::string, Variable>> variable_flow(MetaGraph& meta) {
  std::map<std::string, Variable> out;
  for (NodeId id : meta.graph.ids()) {
    const Node& node = meta.graph.node(id);
    if (!is_handle(node.op)) continue;
    Variable& v = out[variable_identity(node)];
    if (v.handles.empty()) {
      v.identity = variable_identity(node);
      v.name = node.name;
      v.dtype = node.attrs.type_or("dtype", DType::kInvalid);
      if (const AttrValue* shape = node.attrs.find("shape")) v.shape = shape->shape();
    }
    v.handles.push_back(id);
  }
  WHITTLE_ASSIGN(const std::vector<std::string> functions, reachable_functions(meta));
  for (const std::string& name : functions) {
    WHITTLE_ASSIGN(const Function* f, meta.library.get(name));
    for (NodeId id : f->body.ids()) {
      if (!is_handle(f->body.node(id).op)) continue;
      auto it = out.find(variable_identity(f->body.node(id)));
      if (it != out.end()) it->second.in_function = true;
    }
  }
  for (auto& [identity, v] : out) {
    const bool is_ref = meta.graph.node(v.handles[0]).op != "VarHandleOp";
    Flow flow(meta, v);
    WHITTLE_CHECK_IN(flow.run(is_ref), cat("variable ", printable(v.name)));
  }
  return out;
}

}  // namespace whittle
