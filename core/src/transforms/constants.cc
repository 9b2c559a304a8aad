#include "constants.h"

#include "calls.h"
#include "whittle/costs.h"
#include "whittle/quant.h"

namespace whittle {
namespace {

constexpr int kMaxIdentities = 64;

}  // namespace

NodeId const_node(const Graph& g, OutputId value) {
  for (int k = 0; k < kMaxIdentities; ++k) {
    const Node& node = g.node(value.node);
    if (node.op == "Const") return value.node;
    if (node.op != "Identity" || node.inputs().size() != 1) return kNoNode;
    value = node.inputs()[0];
  }
  return kNoNode;
}

const TensorRef* const_ref(const Graph& g, OutputId value) {
  const NodeId id = const_node(g, value);
  const AttrValue* v = id == kNoNode ? nullptr : g.node(id).attrs.find("value");
  return v == nullptr || v->tensor().empty() ? nullptr : &v->tensor();
}

std::vector<bool> pinned_nodes(MetaGraph& meta, const Graph& g, const Function* owner) {
  std::vector<bool> pinned(g.capacity(), false);
  if (owner != nullptr) {
    for (const auto& [key, id] : owner->control_rets) pinned[index_of(id)] = true;
    return pinned;
  }
  for_each_endpoint(meta, [&](OutputId& v) { pinned[index_of(v.node)] = true; });
  for (NodeId id : meta.init) pinned[index_of(id)] = true;
  return pinned;
}

Result<Floats> small_floats(const Graph& g, OutputId value, PassContext& pc) {
  Floats out;
  const TensorRef* ref = const_ref(g, value);
  if (ref == nullptr || ref->dtype() != DType::kFloat || ref->byte_size() > kSmallBytes) return out;
  WHITTLE_ASSIGN_IN(const Tensor t, load(*ref, pc.ctx), g.node(value.node).name);
  out.found = true;
  out.shape = t.shape();
  out.values.assign(t.values<float>().begin(), t.values<float>().end());
  return out;
}

Status want_constants(const Graph& g, std::span<const std::string_view> ops, PassContext& pc) {
  Status missing;
  for (NodeId id : g.ids()) {
    bool wanted = false;
    for (std::string_view op : ops) wanted = wanted || g.node(id).op == op;
    if (!wanted) continue;
    for (OutputId input : g.node(id).inputs()) {
      const TensorRef* ref = const_ref(g, input);
      if (ref == nullptr || ref->kind() != TensorRef::Kind::kFile || ref->byte_size() > kSmallBytes) continue;
      Result<Tensor> t = load(*ref, pc.ctx);
      if (!t.ok() && t.error().code != Code::kNeedBytes) return t.take_error().in(g.node(input.node).name);
      if (!t.ok()) missing = t.take_error();
    }
  }
  return missing;
}

AttrMap const_attrs_of(const TensorRef& value) {
  AttrMap attrs;
  attrs.set("dtype", AttrValue::type(value.dtype()));
  attrs.set("value", AttrValue::tensor(value));
  return attrs;
}

Result<TensorRef> float_tensor(Shape shape, const std::vector<double>& values) {
  std::vector<float> floats;
  floats.reserve(values.size());
  for (double v : values) floats.push_back(static_cast<float>(v));
  WHITTLE_ASSIGN(Tensor t, Tensor::of<float>(DType::kFloat, std::move(shape), floats));
  return TensorRef::owned(std::move(t));
}

bool owns_const(const Graph& g, const std::vector<bool>& pinned, NodeId node, int index) {
  OutputId value = g.node(node).inputs()[static_cast<size_t>(index)];
  for (int k = 0; k < kMaxIdentities; ++k) {
    if (index_of(value.node) < pinned.size() && pinned[index_of(value.node)]) return false;
    int users = 0;
    for (const Use& use : g.uses(value.node)) users += use.index == kControlUse ? 0 : 1;
    if (users != 1) return false;
    if (g.node(value.node).op == "Const") return true;
    value = g.node(value.node).inputs()[0];
  }
  return false;
}

void set_const_input(Graph& g, const std::vector<bool>& pinned, NodeId node, int index,
                     const TensorRef& value, std::string_view name) {
  const OutputId old = g.node(node).inputs()[static_cast<size_t>(index)];
  const NodeId source = const_node(g, old);
  if (source != kNoNode && owns_const(g, pinned, node, index)) {
    g.mutable_node(source).attrs = const_attrs_of(value);
    return;
  }
  const NodeId made = g.add(g.unique_name(name), "Const", {}, const_attrs_of(value));
  if (source != kNoNode) {
    g.mutable_node(made).device = g.node(source).device;
    const std::vector<NodeId> controls = g.node(source).controls();
    g.add_controls(made, controls);
  }
  g.set_input(node, index, {made, 0});
}

Swept sweep_unused(MetaGraph& meta, Graph& g, const std::vector<bool>& pinned, std::vector<NodeId> ids) {
  Swept swept;
  while (!ids.empty()) {
    const NodeId id = ids.back();
    ids.pop_back();
    if (!g.alive(id) || !g.uses(id).empty()) continue;
    if (index_of(id) < pinned.size() && pinned[index_of(id)]) continue;
    const Node& node = g.node(id);
    if (node.op == "_Arg" || node.op == "_Retval" || node.op == "Placeholder" || is_stateful(meta, node)) continue;
    for (OutputId input : node.inputs()) ids.push_back(input.node);
    for (NodeId control : node.controls()) ids.push_back(control);
    ++swept.nodes;
    swept.bytes += static_cast<int64_t>(serialized_node_bytes(g, id));
    g.remove(id);
  }
  return swept;
}

std::vector<bool> fed_nodes(const MetaGraph& meta, const Graph& g, const Function* owner) {
  std::vector<bool> fed(g.capacity(), false);
  if (owner != nullptr) return fed;
  for (const Signature& s : meta.signatures) {
    for (const auto& [key, info] : s.inputs) {
      std::vector<const TensorInfo*> stack{&info};
      while (!stack.empty()) {
        const TensorInfo* t = stack.back();
        stack.pop_back();
        for (OutputId v : t->tensors) fed[index_of(v.node)] = true;
        for (const TensorInfo& part : t->components) stack.push_back(&part);
      }
    }
  }
  for (const Asset& a : meta.assets) fed[index_of(a.tensor.node)] = true;
  return fed;
}

Result<std::vector<OwnedGraph>> all_graphs(MetaGraph& meta) {
  std::vector<OwnedGraph> out{{"", &meta.graph, nullptr}};
  WHITTLE_ASSIGN(const std::vector<std::string> functions, reachable_functions(meta));
  for (const std::string& name : functions) {
    WHITTLE_ASSIGN(Function * f, meta.library.get_mutable(name));
    out.push_back({name, &f->body, f});
  }
  return out;
}

}  // namespace whittle
