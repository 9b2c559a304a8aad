// inline_functions: puts the bodies of called functions in the place of the calls.
//
//   y = StatefulPartitionedCall(x, f)      becomes      the nodes of f, named y/<node>
//
// Also in the bodies of If, While and Case, which stay functional (the TensorFlow runtime lowers
// them itself).
//
// Keeps     what a call promises: it starts after its control inputs, users that wait for it wait
//           for the body's control outputs, and a call that is fetched or run at load leaves a node
//           of its name behind. Inside v1 control flow the body's sources are tied to the call's
//           inputs, so they stay in its branch or frame.
// Declines  _noinline, jit-compiled (_XlaMustCompile) and gradient calls (SymbolicGradient).
// Errors    invalid_argument for recursion and for arity mismatch; limit above 250,000 nodes
//           (a chain of doublings in a 1 KB file would otherwise fill the memory).
// Source    formats.md §5; TensorFlow's function inliner, multi-device calls.
#include <algorithm>

#include "calls.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kMaxNodes = 250'000;

bool may_inline(const Node& call, const Function& f) {
  const auto flag = [&](std::string_view name) {
    return call.attrs.bool_or(name, false) || f.attrs.bool_or(name, false);
  };
  return !flag("_noinline") && !flag("_XlaMustCompile") &&
         call.attrs.string_or("_xla_compile_id", "").empty();
}

// Attributes that are placeholders ("T") take the value the call instantiates the function with.
Status substitute(AttrMap& attrs, const AttrMap& given, const AttrMap& defaults, int depth = 0) {
  if (depth > 16) return over_limit("attributes are nested more than 16 deep");
  for (Attr& a : attrs) {
    if (a.value.kind() == AttrValue::Kind::kPlaceholder) {
      const AttrValue* v = given.find(a.value.s());
      if (v == nullptr) v = defaults.find(a.value.s());
      if (v == nullptr) {
        return invalid_argument(cat("attribute ", printable(a.name), " has no value for its placeholder ",
                                    printable(a.value.s())));
      }
      a.value = AttrValue(*v);
    } else if (a.value.kind() == AttrValue::Kind::kFunc && !a.value.func().attrs.empty()) {
      WHITTLE_CHECK(substitute(a.value.mutable_func().attrs, given, defaults, depth + 1));
    }
  }
  return {};
}

class Inliner {
 public:
  Inliner(Model& model, Context& ctx) : meta_(model.meta), ctx_(ctx) {}

  // Inlines every inlinable call in `g`, the main graph or the body of `owner`.
  Status run(Graph& g, Function* owner) {
    owner_ = owner;
    framed_ = has_v1_control_flow(g);
    const bool main = owner == nullptr;
    std::vector<NodeId> pending = g.ids();
    std::reverse(pending.begin(), pending.end());
    while (!pending.empty()) {
      WHITTLE_CHECK(ctx_.check_cancelled());
      const NodeId id = pending.back();
      pending.pop_back();
      if (!g.alive(id)) continue;
      const CallInfo info = call_info(meta_, g.node(id));
      if (info.kind != CallKind::kCall && info.kind != CallKind::kDirect) continue;
      WHITTLE_ASSIGN_IN(const Function* f, meta_.library.get(info.functions[0]),
                        cat("node ", printable(g.node(id).name)));
      if (!may_inline(g.node(id), *f)) continue;
      WHITTLE_CHECK_IN(inline_call(g, main, id, info, *f, pending),
                       cat("node ", printable(g.node(id).name)));
    }
    return {};
  }

  size_t inlined() const { return inlined_; }

 private:
  Status inline_call(Graph& g, bool main, NodeId call, const CallInfo& info, const Function& f,
                     std::vector<NodeId>& pending) {
    const Graph& body = f.body;
    if (g.node(call).inputs().size() != f.args.size()) {
      return invalid_argument(cat("the call has ", g.node(call).inputs().size(), " inputs, function ",
                                  printable(f.name), " takes ", f.args.size()));
    }
    if (g.size() + body.size() > kMaxNodes) {
      return over_limit(cat("inlining functions makes more than ", kMaxNodes, " nodes"));
    }
    ++inlined_;
    const std::string name = g.node(call).name;
    const AttrMap& given = info.kind == CallKind::kDirect ? g.node(call).attrs
                                                          : g.node(call).attrs.find("f")->func().attrs;
    const AttrMap call_attrs = given;
    const std::vector<OutputId> inputs = g.node(call).inputs();
    const std::vector<NodeId> controls = g.node(call).controls();

    // Sources of the body wait for the call's control inputs, and in v1 control flow for its data.
    NodeId start = kNoNode;
    const bool framed = framed_ && !inputs.empty();
    if (!controls.empty() || framed) {
      start = g.add(g.unique_name(cat(name, "/input_control_node")), "NoOp");
      for (NodeId c : controls) g.add_control(start, c);
      if (framed) {
        for (OutputId input : inputs) g.add_control(start, input.node);
      }
    }

    // Arguments: the caller's values, behind an Identity where the call waits for something.
    std::vector<OutputId> args = inputs;
    if (!controls.empty()) {
      for (size_t k = 0; k < args.size(); ++k) {
        AttrMap attrs;
        attrs.set("T", AttrValue::type(f.args[k].dtype));
        const NodeId identity =
            g.add(g.unique_name(cat(name, "/", f.args[k].name)), "Identity", {args[k]}, attrs);
        g.add_control(identity, start);
        args[k] = {identity, 0};
      }
    }

    std::vector<NodeId> copy(body.capacity(), kNoNode);
    const auto value = [&](OutputId v) -> OutputId {
      const Node& producer = body.node(v.node);
      if (producer.op == "_Arg") return args[static_cast<size_t>(producer.attrs.int_or("index", 0))];
      return {copy[index_of(v.node)], v.slot};
    };
    std::vector<NodeId> made;
    for (NodeId id : body.ids()) {
      const Node& node = body.node(id);
      if (node.op == "_Arg" || node.op == "_Retval") continue;
      const NodeId n = g.add(g.unique_name(cat(name, "/", node.name)), node.op);
      copy[index_of(id)] = n;
      Node& fresh = g.mutable_node(n);
      fresh.device = node.device.empty() ? g.node(call).device : node.device;
      fresh.unknown = node.unknown;
      fresh.attrs = node.attrs;
      fresh.attrs.erase("_class");
      framed_ = framed_ || is_v1_control_flow(node.op);
      WHITTLE_CHECK_IN(substitute(fresh.attrs, call_attrs, f.attrs), cat("node ", printable(node.name)));
      if (const AttrValue* frame = fresh.attrs.find("frame_name")) {
        fresh.attrs.set("frame_name", AttrValue::string(cat(name, "/", frame->s())));
      }
      made.push_back(n);
    }
    std::vector<OutputId> rets(f.rets.size());
    for (NodeId id : body.ids()) {
      const Node& node = body.node(id);
      if (node.op == "_Retval") {
        rets[static_cast<size_t>(node.attrs.int_or("index", 0))] = value(node.inputs()[0]);
        continue;
      }
      if (node.op == "_Arg") continue;
      const NodeId n = copy[index_of(id)];
      for (OutputId input : node.inputs()) g.add_input(n, value(input));
      for (NodeId c : node.controls()) {
        const Node& before = body.node(c);
        g.add_control(n, before.op == "_Arg" ? value({c, 0}).node : copy[index_of(c)]);
      }
      if (start != kNoNode && node.inputs().empty() && node.controls().empty()) g.add_control(n, start);
    }

    // Whoever waits for the call waits for its side effects.
    bool fetched = false, must_run = false;
    if (main) {
      for_each_endpoint(meta_, [&](OutputId& v) { fetched = fetched || v.node == call; });
      must_run = std::find(meta_.init.begin(), meta_.init.end(), call) != meta_.init.end();
    }
    if (owner_ != nullptr) {
      for (const auto& [key, id] : owner_->control_rets) must_run = must_run || id == call;
    }
    std::vector<NodeId> effects;
    for (const auto& [key, id] : f.control_rets) {
      if (copy[index_of(id)] != kNoNode) effects.push_back(copy[index_of(id)]);
    }
    if (info.kind == CallKind::kDirect) {
      for (NodeId n : made) {
        if (is_stateful(meta_, g.node(n))) effects.push_back(n);
      }
    }
    bool awaited = must_run || (fetched && !effects.empty());
    for (const Use& use : g.uses(call)) awaited = awaited || use.index == kControlUse;
    NodeId done = kNoNode;
    if (awaited) {
      done = g.add(g.unique_name(cat(name, "/output_control_node")), "NoOp");
      for (NodeId n : effects) g.add_control(done, n);
      if (effects.empty()) {
        for (OutputId r : rets) g.add_control(done, r.node);
      }
      if (g.node(done).controls().empty() && start != kNoNode) g.add_control(done, start);
      g.replace_control_uses(call, done);
    }
    for (size_t k = 0; k < rets.size(); ++k) g.replace_uses({call, static_cast<int32_t>(k)}, rets[k]);
    if (fetched) keep_fetched(g, call, f, rets, effects.empty() ? kNoNode : done);
    if (must_run) {
      for (NodeId& n : meta_.init) {
        if (main && n == call) n = done;
      }
      if (owner_ != nullptr) {
        for (auto& [key, id] : owner_->control_rets) {
          if (id == call) id = done;
        }
      }
    }
    g.remove(call);
    if (fetched) {
      g.rename(fetched_, name);
    } else if (must_run) {
      g.rename(done, name);
    }
    pending.insert(pending.end(), made.rbegin(), made.rend());
    return {};
  }

  // Endpoints `call:k` move to an Identity(N) that will get the call's name.
  void keep_fetched(Graph& g, NodeId call, const Function& f, const std::vector<OutputId>& rets,
                    NodeId done) {
    std::vector<DType> types;
    for (const FunctionArg& r : f.rets) types.push_back(r.dtype);
    AttrMap attrs;
    attrs.set("T", rets.size() == 1 ? AttrValue::type(types[0]) : AttrValue::types(types));
    fetched_ = g.add(g.unique_name(cat(g.node(call).name, "/fetch")),
                     rets.size() == 1 ? "Identity" : "IdentityN", rets, attrs);
    if (done != kNoNode) g.add_control(fetched_, done);
    for_each_endpoint(meta_, [&](OutputId& v) { if (v.node == call) v.node = fetched_; });
  }

  MetaGraph& meta_;
  Context& ctx_;
  Function* owner_ = nullptr;   // null for the main graph
  bool framed_ = false;         // the graph has v1 control flow
  NodeId fetched_ = kNoNode;
  size_t inlined_ = 0;
};

class InlineFunctions final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    MetaGraph& meta = model.meta;
    // Callees first, so that a body is copied with its own calls already in place. This also finds
    // recursion before any copying starts.
    WHITTLE_ASSIGN(std::vector<std::string> functions, reachable_functions(meta));
    Inliner inliner(model, pc.ctx);
    for (const std::string& name : functions) {
      WHITTLE_ASSIGN(const Function* f, meta.library.get(name));
      bool calls = false;
      for (NodeId id : f->body.ids()) {
        const CallKind kind = call_info(meta, f->body.node(id)).kind;
        calls = calls || kind == CallKind::kCall || kind == CallKind::kDirect;
      }
      if (!calls) continue;
      WHITTLE_ASSIGN(Function * body, meta.library.get_mutable(name));
      WHITTLE_CHECK_IN(inliner.run(body->body, body), cat("function ", printable(name)));
    }
    return inliner.run(meta.graph, nullptr);
  }
};

}  // namespace

extern const PassInfo inline_functions_info;
const PassInfo inline_functions_info{
    .name = "inline_functions",
    .summary = "Put the bodies of called functions in the place of the calls",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<InlineFunctions>(); },
};

}  // namespace whittle
