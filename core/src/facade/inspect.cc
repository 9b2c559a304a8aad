#include "inspect.h"

#include <algorithm>
#include <map>

#include "accounts.h"
#include "whittle/costs.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kTopTensors = 50;

void by_number(std::vector<std::pair<std::string, uint64_t>>& list) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
}

}  // namespace

Inspection inspect_model(Model& model, const ModelReader& reader, const std::vector<FileEntry>& files,
                         uint64_t nodes, Context& ctx) {
  const MetaGraph& meta = model.meta;
  const std::string& root = reader.detected().root;
  Inspection out;
  switch (reader.detected().form) {
    case InputForm::kSavedModel: out.format = "saved_model"; break;
    case InputForm::kSavedModelText: out.format = "saved_model_text"; break;
    case InputForm::kGraphDef: out.format = "graph_def"; break;
    case InputForm::kGraphDefText: out.format = "graph_def_text"; break;
  }
  out.tags = meta.info.tags;
  out.tag_sets = reader.tag_sets();
  out.tensorflow_version = meta.info.tensorflow_version;
  out.nodes = nodes;
  const std::vector<std::string> functions = meta.library.names();
  out.functions = functions.size();
  for (const FileEntry& f : files) {
    out.bytes += f.size;
    out.files.emplace_back(f.path, f.size);
  }

  std::map<std::string, uint64_t> ops;
  std::map<std::string, int64_t> causes;
  const auto count = [&](const Graph& g) {
    for (NodeId id : g.ids()) {
      const Node& node = g.node(id);
      if (node.op == "_Arg" || node.op == "_Retval") continue;
      ++ops[node.op];
      const AttrValue* value = node.op == "Const" ? node.attrs.find("value") : nullptr;
      if (value == nullptr || value->tensor().empty()) continue;
      if (value->tensor().kind() == TensorRef::Kind::kSplat) continue;
      const uint64_t bytes = value->tensor().byte_size();
      causes["constants"] += static_cast<int64_t>(bytes);
      out.tensors.emplace_back(node.name, bytes);
    }
  };
  count(meta.graph);
  int64_t function_bytes = 0;
  for (const std::string& name : functions) {
    function_bytes += static_cast<int64_t>(meta.library.serialized_bytes(name));
    // A body that nobody can decode is counted by its bytes only.
    Result<const Function*> f = model.meta.library.get(name);
    if (f.ok()) count(f.value()->body);
  }
  int64_t graph_bytes = 0;
  for (NodeId id : meta.graph.ids()) graph_bytes += static_cast<int64_t>(serialized_node_bytes(meta.graph, id));
  causes["nodes of the main graph"] += std::max<int64_t>(0, graph_bytes - causes["constants"]);
  causes["functions"] += function_bytes;
  causes["object graph"] += static_cast<int64_t>(meta.remainder.object_graph_bytes);
  causes["debug info"] += static_cast<int64_t>(meta.remainder.debug_info_bytes);
  causes["op list of the producer"] += static_cast<int64_t>(meta.remainder.op_list_bytes);
  if (meta.checkpoint != nullptr) {
    for (const std::string& key : meta.checkpoint->keys()) {
      const uint64_t bytes = meta.checkpoint->entry_bytes(key);
      const std::string cause = checkpoint_cause(key);
      causes[cause == "variables that no signature reads" ? "variables" : cause] += static_cast<int64_t>(bytes);
      out.tensors.emplace_back(key, bytes);
    }
  }
  for (const FileEntry& f : files) {
    if (f.path.compare(0, root.size(), root) != 0) continue;
    const std::string path = f.path.substr(root.size());
    if (path.compare(0, 7, "assets/") == 0) causes["assets"] += static_cast<int64_t>(f.size);
    else if (path.compare(0, 13, "assets.extra/") == 0) causes["extra assets"] += static_cast<int64_t>(f.size);
  }
  std::vector<Saving> where;
  for (const auto& [cause, bytes] : causes) {
    if (bytes != 0) where.push_back({cause, bytes, 0});
  }
  out.causes = settle(std::move(where), static_cast<int64_t>(out.bytes), 0);
  for (auto& [op, n] : ops) out.ops.emplace_back(op, n);
  by_number(out.ops);
  by_number(out.tensors);
  if (out.tensors.size() > kTopTensors) out.tensors.resize(kTopTensors);
  out.signatures = describe_signatures(meta);
  for (const Asset& a : meta.assets) out.assets.push_back(a.filename);
  out.warnings = ctx.warnings();
  out.lost = meta.remainder.object_functions;
  out.opaque = opaque_ops(meta);
  return out;
}

}  // namespace whittle
