#include "whittle/graph.h"

#include <algorithm>
#include <cassert>
#include <unordered_set>

#include "whittle/text.h"

namespace whittle {

const Graph::Names& Graph::names() const {
  static const Names kNone;
  return by_name_ == nullptr ? kNone : *by_name_;
}

Graph::Names& Graph::own_names() {
  if (by_name_ == nullptr) by_name_ = std::make_shared<Names>();
  else if (by_name_.use_count() > 1) by_name_ = std::make_shared<Names>(*by_name_);
  return *by_name_;
}

NodeId Graph::add(std::string name, std::string op) {
  assert(!name.empty() && names().find(name) == names().end());
  const NodeId id = static_cast<NodeId>(nodes_.size());
  own_names().emplace(name, id);
  Node node;
  node.name = std::move(name);
  node.op = std::move(op);
  node.alive_ = true;
  nodes_.push_back(std::move(node));
  ++alive_;
  return id;
}

NodeId Graph::add(std::string name, std::string op, const std::vector<OutputId>& inputs,
                  AttrMap attrs) {
  const NodeId id = add(std::move(name), std::move(op));
  nodes_[index_of(id)].attrs = std::move(attrs);
  for (OutputId input : inputs) add_input(id, input);
  return id;
}

std::string Graph::unique_name(std::string_view base) const {
  std::string name(base);
  for (uint64_t k = 1; names().find(name) != names().end(); ++k) name = cat(base, "_", k);
  return name;
}

NodeId Graph::find(std::string_view name) const {
  auto it = names().find(std::string(name));
  return it == names().end() ? kNoNode : it->second;
}

std::vector<NodeId> Graph::ids() const {
  std::vector<NodeId> out;
  out.reserve(alive_);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].alive_) out.push_back(static_cast<NodeId>(i));
  }
  return out;
}

bool Graph::has_data_uses(NodeId id) const {
  for (const Use& use : uses(id)) {
    if (use.index != kControlUse) return true;
  }
  return false;
}

std::vector<Use> Graph::uses_of(OutputId value) const {
  std::vector<Use> out;
  for (const Use& use : uses(value.node)) {
    if (use.index != kControlUse && use.slot == value.slot) out.push_back(use);
  }
  return out;
}

void Graph::link(NodeId user, int32_t index, OutputId value, uint32_t* use_pos) {
  assert(alive(value.node));
  std::vector<Use>& uses = nodes_[index_of(value.node)].uses_;
  *use_pos = static_cast<uint32_t>(uses.size());
  uses.push_back({user, index, value.slot});
}

// Swaps the last use into the hole and tells its user where it is now.
void Graph::unlink(NodeId producer, uint32_t use_pos) {
  std::vector<Use>& uses = nodes_[index_of(producer)].uses_;
  assert(use_pos < uses.size());
  const Use moved = uses.back();
  uses[use_pos] = moved;
  uses.pop_back();
  if (use_pos == uses.size()) return;
  Node& user = nodes_[index_of(moved.user)];
  if (moved.index != kControlUse) {
    user.input_use_[static_cast<size_t>(moved.index)] = use_pos;
    return;
  }
  for (size_t k = 0; k < user.controls_.size(); ++k) {
    if (user.controls_[k] == producer) user.control_use_[k] = use_pos;
  }
}

void Graph::rename(NodeId id, std::string name) {
  assert(!name.empty() && names().find(name) == names().end());
  Node& node = nodes_[index_of(id)];
  own_names().erase(node.name);
  own_names().emplace(name, id);
  node.name = std::move(name);
}

void Graph::add_input(NodeId id, OutputId value) {
  const auto index = static_cast<int32_t>(node(id).inputs_.size());
  uint32_t pos = 0;
  link(id, index, value, &pos);
  Node& node = nodes_[index_of(id)];
  node.inputs_.push_back(value);
  node.input_use_.push_back(pos);
}

void Graph::set_input(NodeId id, int index, OutputId value) {
  const auto k = static_cast<size_t>(index);
  assert(k < node(id).inputs_.size());
  unlink(node(id).inputs_[k].node, node(id).input_use_[k]);
  uint32_t pos = 0;
  link(id, index, value, &pos);
  nodes_[index_of(id)].inputs_[k] = value;
  nodes_[index_of(id)].input_use_[k] = pos;
}

void Graph::remove_input(NodeId id, int index) {
  const auto k = static_cast<size_t>(index);
  unlink(node(id).inputs_[k].node, node(id).input_use_[k]);
  Node& n = nodes_[index_of(id)];
  n.inputs_.erase(n.inputs_.begin() + index);
  n.input_use_.erase(n.input_use_.begin() + index);
  for (size_t j = k; j < n.inputs_.size(); ++j) {
    nodes_[index_of(n.inputs_[j].node)].uses_[n.input_use_[j]].index = static_cast<int32_t>(j);
  }
}

void Graph::clear_inputs(NodeId id) {
  while (!node(id).inputs_.empty()) {
    Node& n = nodes_[index_of(id)];
    const OutputId input = n.inputs_.back();
    const uint32_t pos = n.input_use_.back();
    unlink(input.node, pos);
    n.inputs_.pop_back();
    n.input_use_.pop_back();
  }
}

void Graph::add_control(NodeId id, NodeId before) {
  if (id == before) return;
  for (NodeId c : node(id).controls_) {
    if (c == before) return;
  }
  uint32_t pos = 0;
  link(id, kControlUse, {before, 0}, &pos);
  nodes_[index_of(id)].controls_.push_back(before);
  nodes_[index_of(id)].control_use_.push_back(pos);
}

void Graph::add_controls(NodeId id, const std::vector<NodeId>& before) {
  std::unordered_set<uint32_t> seen{index_of(id)};
  for (NodeId c : node(id).controls_) seen.insert(index_of(c));
  for (NodeId c : before) {
    if (!seen.insert(index_of(c)).second) continue;
    uint32_t pos = 0;
    link(id, kControlUse, {c, 0}, &pos);
    nodes_[index_of(id)].controls_.push_back(c);
    nodes_[index_of(id)].control_use_.push_back(pos);
  }
}

void Graph::remove_control(NodeId id, NodeId before) {
  for (size_t k = 0; k < node(id).controls_.size(); ++k) {
    if (node(id).controls_[k] != before) continue;
    unlink(before, node(id).control_use_[k]);
    Node& n = nodes_[index_of(id)];
    n.controls_.erase(n.controls_.begin() + static_cast<std::ptrdiff_t>(k));
    n.control_use_.erase(n.control_use_.begin() + static_cast<std::ptrdiff_t>(k));
    return;
  }
}

void Graph::clear_controls(NodeId id) {
  while (!node(id).controls_.empty()) {
    Node& n = nodes_[index_of(id)];
    unlink(n.controls_.back(), n.control_use_.back());
    n.controls_.pop_back();
    n.control_use_.pop_back();
  }
}

void Graph::replace_uses(OutputId from, OutputId to) {
  if (from == to) return;
  for (const Use& use : uses_of(from)) set_input(use.user, use.index, to);
}

void Graph::replace_control_uses(NodeId from, NodeId to) {
  std::vector<NodeId> users;
  for (const Use& use : uses(from)) {
    if (use.index == kControlUse) users.push_back(use.user);
  }
  for (NodeId user : users) {
    remove_control(user, from);
    if (to != kNoNode) add_control(user, to);
  }
}

void Graph::remove(NodeId id) {
  assert(alive(id) && uses(id).empty());
  clear_inputs(id);
  clear_controls(id);
  Node& node = nodes_[index_of(id)];
  own_names().erase(node.name);
  node = Node();
  --alive_;
}

Result<std::vector<NodeId>> Graph::topological_order() const {
  const auto back_edge = [this](NodeId from, NodeId to) {
    const std::string& a = node(from).op;
    const std::string& b = node(to).op;
    return (a == "NextIteration" || a == "RefNextIteration") && (b == "Merge" || b == "RefMerge");
  };
  std::vector<uint32_t> waiting(nodes_.size(), 0);
  for (NodeId id : ids()) {
    uint32_t count = 0;
    for (OutputId input : node(id).inputs()) count += back_edge(input.node, id) ? 0 : 1;
    waiting[index_of(id)] = count + static_cast<uint32_t>(node(id).controls().size());
  }
  // A min-heap of ready ids keeps the order of the file wherever the edges allow it.
  std::vector<uint32_t> ready;
  const auto later = [](uint32_t a, uint32_t b) { return a > b; };
  for (NodeId id : ids()) {
    if (waiting[index_of(id)] == 0) ready.push_back(index_of(id));
  }
  std::make_heap(ready.begin(), ready.end(), later);
  std::vector<NodeId> order;
  order.reserve(alive_);
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), later);
    const NodeId id = static_cast<NodeId>(ready.back());
    ready.pop_back();
    order.push_back(id);
    for (const Use& use : uses(id)) {
      if (use.index != kControlUse && back_edge(id, use.user)) continue;
      if (--waiting[index_of(use.user)] == 0) {
        ready.push_back(index_of(use.user));
        std::push_heap(ready.begin(), ready.end(), later);
      }
    }
  }
  if (order.size() == alive_) return order;
  // Walking backwards among the nodes that never became ready must close a loop: that is on it.
  NodeId at = kNoNode;
  for (NodeId id : ids()) {
    if (waiting[index_of(id)] != 0) { at = id; break; }
  }
  std::vector<bool> seen(nodes_.size(), false);
  while (!seen[index_of(at)]) {
    seen[index_of(at)] = true;
    NodeId previous = kNoNode;
    for (OutputId input : node(at).inputs()) {
      if (waiting[index_of(input.node)] != 0 && !back_edge(input.node, at)) previous = input.node;
    }
    for (NodeId control : node(at).controls()) {
      if (waiting[index_of(control)] != 0) previous = control;
    }
    at = previous;
  }
  return invalid_argument("the graph has a cycle").in(cat("node ", printable(node(at).name)));
}

Status Graph::check() const {
  size_t live = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& n = nodes_[i];
    if (!n.alive_) continue;
    ++live;
    const NodeId id = static_cast<NodeId>(i);
    const auto place = [&] { return cat("node ", printable(n.name)); };
    if (n.name.empty() || find(n.name) != id) return internal_error("name index is wrong").in(place());
    for (size_t k = 0; k < n.inputs_.size(); ++k) {
      const OutputId input = n.inputs_[k];
      if (!alive(input.node) || input.slot < 0) return internal_error("dangling input").in(place());
      const std::vector<Use>& back = uses(input.node);
      if (n.input_use_[k] >= back.size() || back[n.input_use_[k]].user != id ||
          back[n.input_use_[k]].index != static_cast<int32_t>(k) ||
          back[n.input_use_[k]].slot != input.slot) {
        return internal_error("use list is wrong").in(place());
      }
    }
    for (size_t k = 0; k < n.controls_.size(); ++k) {
      const NodeId control = n.controls_[k];
      if (!alive(control) || control == id) return internal_error("bad control edge").in(place());
      const std::vector<Use>& back = uses(control);
      if (n.control_use_[k] >= back.size() || back[n.control_use_[k]].user != id ||
          back[n.control_use_[k]].index != kControlUse) {
        return internal_error("use list is wrong").in(place());
      }
    }
  }
  if (live != alive_ || names().size() != alive_) return internal_error("node count is wrong");
  return {};
}

std::vector<bool> reachable_from(const Graph& g, const std::vector<NodeId>& roots) {
  std::vector<bool> seen(g.capacity(), false);
  std::vector<NodeId> stack;
  const auto visit = [&](NodeId id) {
    if (seen[index_of(id)]) return;
    seen[index_of(id)] = true;
    stack.push_back(id);
  };
  for (NodeId root : roots) visit(root);
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    for (OutputId input : g.node(id).inputs()) visit(input.node);
    for (NodeId control : g.node(id).controls()) visit(control);
  }
  return seen;
}

}  // namespace whittle
