// obfuscate_names: nodes get names as short as can be: 0, 1, … 9, a, … Z, 10, 11, …
//
// Keeps     names of endpoints, init nodes and what else others know by name: tables and variables
//           without a shared_name, and arguments and returns of functions.
// Follows   colocation hints (_class "loc:@name") are renamed, or dropped when their node is gone.
// Fidelity  exact. Source: graph-transforms.md §6.15; nodes of function bodies are done, too.
#include <algorithm>
#include <map>
#include <set>

#include "constants.h"
#include "whittle/text.h"

namespace whittle {
namespace {

std::string short_name(uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string out;
  do {
    out.insert(out.begin(), kDigits[number % kDigits.size()]);
    number /= kDigits.size();
  } while (number != 0);
  return out;
}

// Where shared_name is empty, the name of the node is what others find the resource by.
bool name_is_identity(MetaGraph& meta, const Node& node) {
  const OpSpec* spec = meta.registry->find(node.op);
  if (spec == nullptr || !spec->is_stateful) return false;
  return (spec->find_attr("shared_name") != nullptr && node.attrs.string_or("shared_name", "").empty()) ||
         node.op == "Variable" || node.op == "VariableV2";
}

void rename_nodes(MetaGraph& meta, const OwnedGraph& where) {
  Graph& g = *where.graph;
  const std::vector<bool> pinned = pinned_nodes(meta, g, where.owner);
  std::vector<NodeId> changing;
  std::map<std::string, std::string> names;
  std::set<std::string> kept;
  for (NodeId id : g.ids()) {
    const Node& node = g.node(id);
    if (pinned[index_of(id)] || node.op == "_Arg" || node.op == "_Retval" || name_is_identity(meta, node)) {
      kept.insert(node.name);
      names[node.name] = node.name;
    } else {
      changing.push_back(id);
    }
  }
  // Two steps, for a new name may be another node's old one.
  std::vector<std::string> old_names;
  for (NodeId id : changing) {
    old_names.push_back(g.node(id).name);
    g.rename(id, g.unique_name(cat("\n", index_of(id))));
  }
  uint64_t number = 0;
  for (size_t k = 0; k < changing.size(); ++k) {
    std::string name = short_name(number++);
    while (kept.count(name) != 0) name = short_name(number++);
    names[old_names[k]] = name;
    g.rename(changing[k], std::move(name));
  }
  for (NodeId id : g.ids()) {
    AttrMap& attrs = g.mutable_node(id).attrs;
    const AttrValue* hint = attrs.find("_class");
    if (hint == nullptr) continue;
    AttrList list;
    for (const std::string& s : hint->list().strings) {
      constexpr std::string_view kPrefix = "loc:@";
      if (s.compare(0, kPrefix.size(), kPrefix) != 0) {
        list.strings.push_back(s);
        continue;
      }
      const auto it = names.find(s.substr(kPrefix.size()));
      if (it != names.end()) list.strings.push_back(cat(kPrefix, it->second));
    }
    if (list.strings.empty()) attrs.erase("_class");
    else attrs.set("_class", AttrValue::list(std::move(list)));
  }
}

class ObfuscateNames final : public Pass {
 public:
  Status run(Model& model, PassContext&) override {
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) rename_nodes(model.meta, where);
    return {};
  }
};

}  // namespace

extern const PassInfo obfuscate_names_info;
const PassInfo obfuscate_names_info{
    .name = "obfuscate_names",
    .summary = "Give nodes names as short as can be",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<ObfuscateNames>(); },
};

}  // namespace whittle
