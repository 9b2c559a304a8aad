#include "explain.h"

#include "whittle/text.h"

namespace whittle {
namespace {

const Graph& graph_of(const Model& model, const std::string& function) {
  const Function* f = function.empty() ? nullptr : model.meta.library.find_decoded(function);
  return f == nullptr ? model.meta.graph : f->body;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string value_name(const Graph& g, OutputId value) {
  const std::string& name = g.node(value.node).name;
  return printable(value.slot == 0 ? name : cat(name, ":", value.slot));
}

// "Conv2D of a, b": what a reader needs to recognise the node.
std::string shown(const Graph& g, NodeId id) {
  const Node& node = g.node(id);
  std::string out = node.op;
  const char* separator = " of ";
  for (const OutputId& value : node.inputs()) {
    out += cat(separator, value_name(g, value));
    separator = ", ";
    if (out.size() > 300) return out + ", …";
  }
  for (NodeId control : node.controls()) {
    out += cat(", after ", printable(g.node(control).name));
    if (out.size() > 300) return out + ", …";
  }
  return out;
}

// Who takes the place of a node that is gone, as its former users see it.
std::string successor(const Graph& before, NodeId id, const Graph& after) {
  const std::vector<Use>& uses = before.uses(id);
  if (uses.empty()) return "nothing used it";
  size_t alive = 0;
  for (const Use& use : uses) {
    const Node& user = before.node(use.user);
    const NodeId now = after.find(user.name);
    if (now == kNoNode) continue;
    ++alive;
    const std::vector<OutputId>& inputs = after.node(now).inputs();
    if (use.index < 0 || static_cast<size_t>(use.index) >= inputs.size()) continue;
    return cat(printable(user.name), " reads ", value_name(after, inputs[static_cast<size_t>(use.index)]), " instead");
  }
  return alive == 0 ? cat("its users went with it, among them ", printable(before.node(uses[0].user).name))
                    : std::string("its users do without");
}

}  // namespace

std::optional<FoundNode> find_node(const Model& model, const std::string& name) {
  const NodeId exact = model.meta.graph.find(name);
  if (exact != kNoNode) return FoundNode{"", exact};
  const std::string suffix = cat("/", name);
  for (NodeId id : model.meta.graph.ids()) {
    if (ends_with(model.meta.graph.node(id).name, suffix)) return FoundNode{"", id};
  }
  for (const std::string& function : model.meta.library.names()) {
    const Function* f = model.meta.library.find_decoded(function);
    const NodeId id = f == nullptr ? kNoNode : f->body.find(name);
    if (id != kNoNode) return FoundNode{function, id};
  }
  return std::nullopt;
}

std::string describe_change(const Model& before, const Model& after, const std::string& name) {
  const std::optional<FoundNode> was = find_node(before, name), is = find_node(after, name);
  if (!was && !is) return "";
  if (!was) {
    const Graph& g = graph_of(after, is->function);
    return cat("appears as ", printable(g.node(is->id).name), ": ", shown(g, is->id));
  }
  const Graph& old_graph = graph_of(before, was->function);
  if (!is) return cat("is removed: ", successor(old_graph, was->id, graph_of(after, was->function)));
  const Graph& new_graph = graph_of(after, is->function);
  const std::string old_text = shown(old_graph, was->id), new_text = shown(new_graph, is->id);
  const std::string &old_name = old_graph.node(was->id).name, &new_name = new_graph.node(is->id).name;
  if (was->function != is->function || old_name != new_name) {
    return cat("becomes ", printable(new_name), is->function.empty() ? "" : cat(" in function ", printable(is->function)), ": ", new_text);
  }
  return old_text == new_text ? "" : cat("was ", old_text, "; is ", new_text);
}

}  // namespace whittle
