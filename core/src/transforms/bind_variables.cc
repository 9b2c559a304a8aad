// bind_variables: finds out what every variable and mutable table is restored from.
//
// Interprets the restore, never names: from the saver's restore op backwards over its control and
// data inputs (TF1: NoOps and Assigns; TF2: a call of the restore function, entered with its
// arguments), each  Assign*(handle, … Identity|Cast|Reshape … RestoreV2:i)  binds the variable to
// tensor_names[i], shape_and_slices[i], and each LookupTableImportV2 of two restored tensors binds
// a table. Only a model without a saver (a TF-Hub module) is matched by shared_name or node name.
//
// Where that leaves a variable of a signature without a value, the object graph is asked: the
// restore function of tf.saved_model.save fills copies of Keras 3 variables, and only the captures of
// concrete functions, which are the last inputs of their calls, tie the originals to objects and so
// to the checkpoint. Such a model runs in tf.saved_model.load alone, which restores through the
// object graph; therefore its word counts where both say something. (Tables have no copies.)
//
// Changes nothing in the graph; fills MetaGraph::restores and ::table_restores.
// Errors  corrupt when a RestoreV2 has fewer names than outputs, when an object graph is broken, or
//         pairs one variable with two entries.
// Source  formats.md §4.2, §4.3 (names are ambiguous in 7 of 10 real TF2 models).
#include "calls.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr int kMaxDepth = 32;

// A graph entered through calls: argument k of `g` is `args[k]` of the graph before it.
struct Frame {
  const Graph* g = nullptr;
  const Frame* caller = nullptr;
  std::vector<OutputId> args;
};

struct Located {
  const Frame* scope = nullptr;
  OutputId value;
};

bool passes_through(std::string_view op) {
  return op == "Identity" || op == "Cast" || op == "Reshape" || op == "IdentityN";
}

// Follows a value back through pass-through ops and arguments to the node that makes it.
Located origin(const Frame* scope, OutputId value) {
  for (int steps = 0; steps < 1000; ++steps) {
    const Node& node = scope->g->node(value.node);
    if (node.op == "_Arg") {
      const auto k = static_cast<size_t>(node.attrs.int_or("index", 0));
      if (scope->caller == nullptr || k >= scope->args.size()) break;
      value = scope->args[k];
      scope = scope->caller;
    } else if (passes_through(node.op) && !node.inputs().empty()) {
      const size_t k = node.op == "IdentityN" ? static_cast<size_t>(value.slot) : 0;
      if (k >= node.inputs().size()) break;
      value = node.inputs()[k];
    } else {
      break;
    }
  }
  return {scope, value};
}

// A Const string tensor; null for anything else.
const TensorRef* constant_strings(const Located& at) {
  const Node& node = at.scope->g->node(at.value.node);
  const AttrValue* value = node.op == "Const" ? node.attrs.find("value") : nullptr;
  if (value == nullptr || value->tensor().empty() || value->tensor().dtype() != DType::kString) return nullptr;
  return &value->tensor();
}

const std::string& string_at(const TensorRef& t, size_t k) {
  return t.kind() == TensorRef::Kind::kSplat ? t.splat_text() : t.tensor().strings()[k];
}

class Binder {
 public:
  explicit Binder(MetaGraph& meta) : meta_(meta) {}

  Status walk(const Frame& scope, const std::vector<NodeId>& roots, int depth) {
    if (depth > kMaxDepth) return over_limit("the restore function calls functions more than 32 deep");
    const std::vector<bool> reached = reachable_from(*scope.g, roots);
    for (NodeId id : scope.g->ids()) {
      if (!reached[index_of(id)]) continue;
      const Node& node = scope.g->node(id);
      WHITTLE_CHECK_IN(visit(scope, node, depth), cat("node ", printable(node.name)));
    }
    return {};
  }

 private:
  Status visit(const Frame& scope, const Node& node, int depth) {
    const std::vector<OutputId>& in = node.inputs();
    if ((node.op == "Assign" || node.op == "AssignVariableOp") && in.size() == 2) {
      WHITTLE_ASSIGN(const auto slice, restored_from(origin(&scope, in[1])));
      if (!slice) return Status();
      const Located handle = origin(&scope, in[0]);
      meta_.restores.emplace(variable_identity(handle.scope->g->node(handle.value.node)), *slice);
      return {};
    }
    if ((node.op == "LookupTableImportV2" || node.op == "LookupTableImport") && in.size() == 3) {
      WHITTLE_ASSIGN(const auto keys, restored_from(origin(&scope, in[1])));
      WHITTLE_ASSIGN(const auto values, restored_from(origin(&scope, in[2])));
      if (!keys || !values) return Status();
      const Located handle = origin(&scope, in[0]);
      meta_.table_restores.push_back(
          {variable_identity(handle.scope->g->node(handle.value.node)), *keys, *values});
      return {};
    }
    const CallInfo call = call_info(meta_, node);
    if (call.kind != CallKind::kCall && call.kind != CallKind::kDirect) return {};
    WHITTLE_ASSIGN(const Function* f, meta_.library.get(call.functions[0]));
    Frame inner{&f->body, &scope, in};
    return walk(inner, f->body.ids(), depth + 1);
  }

  // The checkpoint slice that `at` is, when it is an output of RestoreV2.
  Result<std::optional<CheckpointSlice>> restored_from(const Located& at) {
    const Node& node = at.scope->g->node(at.value.node);
    if (node.op != "RestoreV2" || node.inputs().size() != 3) return std::optional<CheckpointSlice>();
    // One op restores thousands of variables: only the one name is copied.
    const TensorRef* names = constant_strings(origin(at.scope, node.inputs()[1]));
    const TensorRef* slices = constant_strings(origin(at.scope, node.inputs()[2]));
    if (names == nullptr || slices == nullptr) return std::optional<CheckpointSlice>();
    const auto k = static_cast<size_t>(at.value.slot);
    if (k >= names->elements() || k >= slices->elements()) {
      return corrupt(cat("RestoreV2 has ", names->elements(), " tensor names, output ", k, " is used"))
          .in(cat("node ", printable(node.name)));
    }
    return std::optional<CheckpointSlice>(CheckpointSlice{string_at(*names, k), string_at(*slices, k)});
  }

  MetaGraph& meta_;
};

// The binding through the object graph.
class ObjectBinder {
 public:
  explicit ObjectBinder(MetaGraph& meta) : meta_(meta) {
    std::vector<NodeId> roots;
    for_each_endpoint(meta_, [&](OutputId& v) { roots.push_back(v.node); });
    reached_ = reachable_from(meta_.graph, roots);
  }

  bool needed() const {
    for (NodeId id : meta_.graph.ids()) {
      if (!reached_[index_of(id)] || meta_.graph.node(id).op != "VarHandleOp") continue;
      if (meta_.restores.count(variable_identity(meta_.graph.node(id))) == 0 && !assigned(id)) return true;
    }
    return false;
  }

  Status bind(Context& ctx) {
    const CheckpointSlice entry{std::string(kCheckpointObjects), ""};
    if (meta_.checkpoint->entry_bytes(entry.key) == 0) return {};
    WHITTLE_ASSIGN(const TensorRef text, meta_.checkpoint->find(entry, ctx));
    if (text.dtype() != DType::kString || text.elements() != 1) return corrupt("it is not one string");
    ObjectPairs pairs;
    for (NodeId id : meta_.graph.ids()) {
      if (reached_[index_of(id)]) pairs.captures.emplace(function_of(meta_.graph.node(id)), std::vector<uint32_t>());
    }
    WHITTLE_CHECK(meta_.objects->pair(text.tensor().strings()[0], &pairs));
    for (NodeId id : meta_.graph.ids()) {
      if (reached_[index_of(id)]) WHITTLE_CHECK(bind_call(meta_.graph.node(id), pairs));
    }
    for (auto& [identity, key] : found_) meta_.restores[identity] = {*key, ""};
    return {};
  }

 private:
  // By the init op: a variable of the graph that is in no checkpoint, as the path of an asset.
  bool assigned(NodeId handle) const {
    for (const Use& use : meta_.graph.uses(handle)) {
      if (meta_.graph.node(use.user).op == "AssignVariableOp") return true;
    }
    return false;
  }

  std::string function_of(const Node& node) const {
    CallInfo call = call_info(meta_, node);
    const bool plain = call.kind == CallKind::kCall || call.kind == CallKind::kDirect;
    return plain ? std::move(call.functions[0]) : std::string();
  }

  Status bind_call(const Node& call, const ObjectPairs& pairs) {
    const std::string function = function_of(call);
    if (function.empty()) return {};
    const std::vector<uint32_t>& objects = pairs.captures.find(function)->second;
    const std::vector<OutputId>& in = call.inputs();
    for (size_t k = 0; in.size() >= objects.size() && k < objects.size(); ++k) {
      const Node& handle = meta_.graph.node(in[in.size() - objects.size() + k].node);
      const auto key = pairs.keys.find(objects[k]);
      if (handle.op != "VarHandleOp" || key == pairs.keys.end()) continue;
      auto [it, fresh] = found_.emplace(variable_identity(handle), &key->second);
      if (fresh || *it->second == key->second) continue;
      return corrupt(cat("it pairs variable ", printable(handle.name), " with two checkpoint entries, ",
                         printable(*it->second), " and ", printable(key->second)));
    }
    return {};
  }

  MetaGraph& meta_;
  std::vector<bool> reached_;  // by signatures
  std::map<std::string, const std::string*> found_;
};

class BindVariables final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    MetaGraph& meta = model.meta;
    meta.restores.clear();
    meta.table_restores.clear();
    WHITTLE_CHECK(interpret(meta));
    if (meta.objects == nullptr || meta.checkpoint == nullptr) return {};
    ObjectBinder binder(meta);
    if (binder.needed()) WHITTLE_CHECK_IN(binder.bind(pc.ctx), "the object graph");
    return {};
  }

 private:
  static Status interpret(MetaGraph& meta) {
    if (meta.saver && !meta.saver->restore_op.empty()) {
      const NodeId restore = meta.graph.find(meta.saver->restore_op);
      if (restore == kNoNode) {
        return corrupt(cat("the saver's restore op ", printable(meta.saver->restore_op),
                           " is not in the graph"));
      }
      Binder binder(meta);
      return binder.walk(Frame{&meta.graph, nullptr, {}}, {restore}, 0);
    }
    if (meta.checkpoint == nullptr) return {};
    for (NodeId id : meta.graph.ids()) {
      const Node& node = meta.graph.node(id);
      if (node.op != "VarHandleOp" && node.op != "VariableV2" && node.op != "Variable") continue;
      for (std::string_view name : {node.attrs.string_or("shared_name", ""), std::string_view(node.name)}) {
        const CheckpointSlice slice{std::string(name), ""};
        if (name.empty() || meta.checkpoint->entry_bytes(slice.key) == 0) continue;
        meta.restores.emplace(variable_identity(node), slice);
        break;
      }
    }
    return {};
  }
};

}  // namespace

extern const PassInfo bind_variables_info;
const PassInfo bind_variables_info{
    .name = "bind_variables",
    .summary = "Find the checkpoint entry of every variable by interpreting the restore",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<BindVariables>(); },
};

}  // namespace whittle
