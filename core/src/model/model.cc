#include "whittle/model.h"

#include <algorithm>

#include "whittle/text.h"

namespace whittle {

void Model::book(std::string cause, int64_t bytes, int64_t nodes) {
  if (bytes == 0 && nodes == 0) return;
  for (Saving& s : savings) {
    if (s.cause != cause) continue;
    s.bytes += bytes;
    s.nodes += nodes;
    return;
  }
  savings.push_back({std::move(cause), bytes, nodes});
}

namespace {

void visit_info(TensorInfo& info, const std::function<void(OutputId&)>& visit) {
  for (OutputId& id : info.tensors) visit(id);
  for (TensorInfo& part : info.components) visit_info(part, visit);
}

void collect_info(const TensorInfo& info, std::vector<NodeId>& out) {
  for (OutputId id : info.tensors) out.push_back(id.node);
  for (const TensorInfo& part : info.components) collect_info(part, out);
}

// Calls that take functions as attributes; their statefulness is that of the functions.
bool is_call_like(std::string_view op) {
  constexpr std::string_view kOps[] = {"PartitionedCall", "StatefulPartitionedCall", "If",
                                       "StatelessIf", "While", "StatelessWhile", "Case",
                                       "StatelessCase"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

void collect_funcs(const AttrMap& attrs, std::vector<std::string>& out, int depth);

void collect_func(const FuncRef& f, std::vector<std::string>& out, int depth) {
  if (!f.name.empty()) out.push_back(f.name);
  collect_funcs(f.attrs, out, depth + 1);
}

void collect_funcs(const AttrMap& attrs, std::vector<std::string>& out, int depth) {
  if (depth > 16) return;  // nested NameAttrLists are one deep in practice
  for (const Attr& a : attrs) {
    if (a.value.kind() == AttrValue::Kind::kFunc) collect_func(a.value.func(), out, depth);
    if (a.value.kind() == AttrValue::Kind::kList) {
      for (const FuncRef& f : a.value.list().funcs) collect_func(f, out, depth);
    }
  }
}

// Statefulness of everything that is called from `names`, transitively.
bool any_stateful(MetaGraph& meta, std::vector<std::string> names) {
  std::vector<std::string> seen;
  while (!names.empty()) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    seen.push_back(name);
    Result<const Function*> f = meta.library.get(name);
    if (!f.ok()) return true;
    const Graph& body = f.value()->body;
    for (NodeId id : body.ids()) {
      const Node& node = body.node(id);
      if (node.op == "_Arg" || node.op == "_Retval") continue;
      const std::vector<std::string> inner = called_functions(meta, node);
      names.insert(names.end(), inner.begin(), inner.end());
      if (is_call_like(node.op) || meta.library.has(node.op)) continue;
      const OpSpec* spec = meta.registry->find(node.op);
      if (spec == nullptr || spec->is_stateful) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<NodeId> roots_of(const MetaGraph& meta) {
  std::vector<NodeId> out;
  for (const Signature& s : meta.signatures) {
    for (const auto& [key, info] : s.inputs) collect_info(info, out);
    for (const auto& [key, info] : s.outputs) collect_info(info, out);
  }
  for (const Asset& a : meta.assets) out.push_back(a.tensor.node);
  out.insert(out.end(), meta.init.begin(), meta.init.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void for_each_endpoint(MetaGraph& meta, const std::function<void(OutputId&)>& visit) {
  for (Signature& s : meta.signatures) {
    for (auto& [key, info] : s.inputs) visit_info(info, visit);
    for (auto& [key, info] : s.outputs) visit_info(info, visit);
  }
  for (Asset& a : meta.assets) visit(a.tensor);
}

std::string variable_identity(const Node& node) {
  const std::string_view shared = node.attrs.string_or("shared_name", "");
  return cat(node.attrs.string_or("container", ""), "|", shared.empty() ? node.name : shared);
}

DType value_dtype(const MetaGraph& meta, const Graph& g, OutputId value) {
  const Node& node = g.node(value.node);
  if (node.op == "_Arg") return node.attrs.type_or("T", DType::kInvalid);
  if (const Function* f = meta.library.find_decoded(node.op)) {
    const auto slot = static_cast<size_t>(value.slot);
    return slot < f->rets.size() ? f->rets[slot].dtype : DType::kInvalid;
  }
  const OpSpec* spec = meta.registry->find(node.op);
  if (spec == nullptr) return DType::kInvalid;
  Result<std::vector<DType>> types = output_dtypes(*spec, node.attrs);
  if (!types.ok() || value.slot < 0) return DType::kInvalid;
  const auto slot = static_cast<size_t>(value.slot);
  return slot < types.value().size() ? types.value()[slot] : DType::kInvalid;
}

int output_count(const MetaGraph& meta, const Node& node) {
  if (node.op == "_Arg") return 1;
  if (node.op == "_Retval") return 0;
  if (const Function* f = meta.library.find_decoded(node.op)) return static_cast<int>(f->rets.size());
  const OpSpec* spec = meta.registry->find(node.op);
  if (spec == nullptr) return -1;
  Result<std::vector<DType>> types = output_dtypes(*spec, node.attrs);
  return types.ok() ? static_cast<int>(types.value().size()) : -1;
}

bool is_stateful(MetaGraph& meta, const Node& node) {
  if (node.op == "_Arg" || node.op == "_Retval") return false;
  if (is_call_like(node.op) || meta.library.has(node.op)) {
    return any_stateful(meta, called_functions(meta, node));
  }
  const OpSpec* spec = meta.registry->find(node.op);
  return spec == nullptr || spec->is_stateful;
}

std::vector<std::string> called_functions(const MetaGraph& meta, const Node& node) {
  std::vector<std::string> out;
  if (meta.library.has(node.op)) out.push_back(node.op);
  collect_funcs(node.attrs, out, 0);
  return out;
}

}  // namespace whittle
