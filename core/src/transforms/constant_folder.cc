#include "constant_folder.h"

#include <algorithm>

#include "calls.h"
#include "whittle/costs.h"
#include "whittle/kernel.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kAlwaysFine = 1024;  // bytes of a result that small savings may pay for
constexpr uint64_t kConstFrame = 50;    // bytes of a Const besides its name and values
constexpr size_t kMostControls = 8;
constexpr size_t kMostCone = 4096;      // nodes looked at to find what goes with one

template <size_t N>
bool one_of(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

// Bytes that a Const of this value takes in a file, about.
uint64_t stored_bytes(const TensorRef& ref) {
  return ref.kind() == TensorRef::Kind::kSplat && ref.steps().empty() ? 16 : ref.byte_size();
}

}  // namespace

Status ConstantFolder::run() {
  framed_ = has_v1_control_flow(g_);
  pinned_ = pinned_nodes(meta_, g_, where_.owner);
  fed_ = fed_nodes(meta_, g_, where_.owner);
  kept_.assign(g_.capacity(), false);
  WHITTLE_ASSIGN(const std::vector<NodeId> order, g_.topological_order());
  mark_effects(order);
  WHITTLE_CHECK(forward(order));
  return backward(order);
}

void ConstantFolder::mark_effects(const std::vector<NodeId>& order) {
  effect_.assign(g_.capacity(), false);
  for (NodeId id : order) {
    const Node& node = g_.node(id);
    bool effect = node.op != "Placeholder" && node.op != "Const" && is_stateful(meta_, node);
    for (OutputId input : node.inputs()) effect = effect || effect_[index_of(input.node)];
    for (NodeId control : node.controls()) effect = effect || effect_[index_of(control)];
    effect_[index_of(id)] = effect;
  }
}

const TensorRef* ConstantFolder::known(OutputId value) const {
  const auto it = known_.find(index_of(value.node));
  if (it == known_.end() || static_cast<size_t>(value.slot) >= it->second.values.size()) return nullptr;
  const TensorRef& ref = it->second.values[static_cast<size_t>(value.slot)];
  return ref.empty() ? nullptr : &ref;
}

bool ConstantFolder::excluded(const Node& node) const {
  const auto has = [](const std::vector<std::string>& list, const std::string& s) {
    return std::find(list.begin(), list.end(), s) != list.end();
  };
  return has(limits_.exclude_ops, node.op) || has(limits_.exclude_nodes, node.name);
}

// Const(int8 or half) -> Cast -> Mul and Dequantize are how compressed weights are written.
bool ConstantFolder::keeps_codes(const Node& node) const {
  if (node.op == "Dequantize") return true;
  if (node.op != "Cast" || node.inputs().empty()) return false;
  const TensorRef* ref = known(node.inputs()[0]);
  if (ref == nullptr || !is_floating(node.attrs.type_or("DstT", DType::kInvalid))) return false;
  return byte_width(ref->dtype()) < byte_width(node.attrs.type_or("DstT", DType::kInvalid)) && ref->dtype() != DType::kBool;
}

bool ConstantFolder::foldable(NodeId id) {
  const Node& node = g_.node(id);
  constexpr std::string_view kNever[] = {"_Arg", "_Retval", "Placeholder", "PlaceholderV2", "FakeParam", "NoOp",
                                         "PlaceholderWithDefault", "_Send", "_Recv", "_HostSend", "_HostRecv"};
  if (one_of(node.op, kNever) || is_v1_control_flow(node.op) || fed_[index_of(id)]) return false;
  if (is_shape_op(node.op)) return !framed_;
  if (excluded(node) || keeps_codes(node) || node.inputs().empty()) return false;
  if (picks_sizes(node)) return !framed_;
  for (OutputId input : node.inputs()) {
    if (known(input) == nullptr) return false;
  }
  if (!is_view(node.op)) {
    const KernelInfo* kernel = find_kernel(node.op);
    if (kernel == nullptr || kernel->run == nullptr) return false;
  }
  return !is_stateful(meta_, node);
}

bool ConstantFolder::gather_controls(NodeId id, std::vector<NodeId>* controls) {
  const auto add = [&](NodeId c) {
    if (!framed_ && !effect_[index_of(c)]) return;
    if (std::find(controls->begin(), controls->end(), c) == controls->end()) controls->push_back(c);
  };
  for (NodeId c : g_.node(id).controls()) add(c);
  for (OutputId input : g_.node(id).inputs()) {
    const auto it = known_.find(index_of(input.node));
    if (it == known_.end()) continue;
    for (NodeId c : it->second.controls) add(c);
  }
  return controls->size() <= kMostControls;
}

Status ConstantFolder::forward(const std::vector<NodeId>& order) {
  for (NodeId id : order) {
    WHITTLE_CHECK(pc_.ctx.check_cancelled());
    WHITTLE_CHECK(look_at(id));
    // What is fed instead of this node may have any shape, unless it is a placeholder.
    const Node& node = g_.node(id);
    const auto it = known_.find(index_of(id));
    if (it != known_.end()) {
      for (size_t k = 0; k < it->second.values.size(); ++k) {
        shapes_.set({id, static_cast<int32_t>(k)}, it->second.values[k].shape());
      }
    } else if (!fed_[index_of(id)] || node.op.compare(0, 11, "Placeholder") == 0) {
      shapes_.visit(id);
    }
  }
  return std::move(missing_);
}

Status ConstantFolder::look_at(NodeId id) {
  const Node& node = g_.node(id);
  Known k;
  if (node.op == "Const") {
    const AttrValue* value = node.attrs.find("value");
    if (fed_[index_of(id)] || value == nullptr || value->tensor().empty()) return {};
    k.values.push_back(value->tensor());
    for (NodeId c : node.controls()) {
      if (framed_ || effect_[index_of(c)]) k.controls.push_back(c);
    }
    known_.emplace(index_of(id), std::move(k));
    return {};
  }
  if (!foldable(id) || !gather_controls(id, &k.controls)) return {};
  Result<std::vector<TensorRef>> values = compute(id);
  if (values.ok()) {
    k.values = std::move(values).value();
    if (!k.values.empty()) known_.emplace(index_of(id), std::move(k));
    return {};
  }
  // Any other error is a node that stays: TensorFlow may say why, when it runs.
  const Code code = values.error().code;
  if (code == Code::kNeedBytes) missing_ = values.take_error();
  else if (code == Code::kCancelled || code == Code::kCorrupt || code == Code::kIo) return values.take_error();
  return {};
}

// Somebody unknown, or known but not folded, reads it.
bool ConstantFolder::is_needed(NodeId id) const {
  if (pinned_[index_of(id)]) return true;
  for (const Use& use : g_.uses(id)) {
    const uint32_t user = index_of(use.user);
    if (known_.find(user) == known_.end() || kept_[user] || g_.node(use.user).op == "Const") return true;
  }
  return false;
}

// Bytes of the node and of what nothing else needs, directly or through known nodes.
uint64_t ConstantFolder::freed_with(NodeId id) const {
  std::map<uint32_t, bool> cone{{index_of(id), true}};
  std::vector<NodeId> stack{id};
  uint64_t freed = serialized_node_bytes(g_, id);
  while (!stack.empty() && cone.size() < kMostCone) {
    const NodeId n = stack.back();
    stack.pop_back();
    for (OutputId input : g_.node(n).inputs()) {
      const uint32_t k = index_of(input.node);
      if (cone.count(k) != 0 || known_.find(k) == known_.end() || pinned_[k]) continue;
      bool inside = true;
      for (const Use& use : g_.uses(input.node)) inside = inside && cone.count(index_of(use.user)) != 0;
      if (!inside) continue;
      cone.emplace(k, true);
      stack.push_back(input.node);
      freed += serialized_node_bytes(g_, input.node);
    }
  }
  return freed;
}

// Small results may cost more than they free as long as the graph as a whole does not grow.
bool ConstantFolder::grows(NodeId id) {
  uint64_t bytes = 0, values = 0;
  for (const TensorRef& ref : known_.at(index_of(id)).values) {
    values += stored_bytes(ref);
    bytes += stored_bytes(ref) + g_.node(id).name.size() + kConstFrame + 3 * static_cast<uint64_t>(ref.shape().rank());
  }
  const int64_t change = static_cast<int64_t>(freed_with(id)) - static_cast<int64_t>(bytes);
  if (change < 0 && (values > kAlwaysFine || saved_ + change < 0)) return true;
  saved_ += change;
  return false;
}

// Nobody has to wait for a constant; who waited for what it waited for still does.
void ConstantFolder::drop_control_uses() {
  for (const auto& [k, known] : known_) {
    const NodeId id = static_cast<NodeId>(k);
    std::vector<NodeId> users;
    for (const Use& use : g_.uses(id)) {
      if (use.index == kControlUse) users.push_back(use.user);
    }
    for (NodeId user : users) {
      g_.remove_control(user, id);
      g_.add_controls(user, known.controls);
    }
  }
}

Status ConstantFolder::backward(const std::vector<NodeId>& order) {
  if (!framed_) drop_control_uses();
  std::vector<NodeId> dead, small;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const NodeId id = *it;
    if (known_.find(index_of(id)) == known_.end() || g_.node(id).op == "Const") continue;
    if (!is_needed(id)) {
      dead.push_back(id);
    } else if (!fold(id, &dead)) {
      kept_[index_of(id)] = true;
      small.push_back(id);
    }
  }
  for (NodeId id : dead) sweep_unused(meta_, g_, pinned_, {id});
  // What was saved since may pay for them now.
  for (NodeId id : small) {
    if (!g_.alive(id) || !fold(id, &dead)) continue;
    for (NodeId d : dead) sweep_unused(meta_, g_, pinned_, {d});
    dead.clear();
  }
  return {};
}

bool ConstantFolder::fold(NodeId id, std::vector<NodeId>* dead) {
  const Node& node = g_.node(id);
  const std::vector<OutputId> inputs = node.inputs();
  // A value that only passes through is read where it comes from.
  const bool passes = is_view(node.op) && node.op != "Reshape" && node.op != "ExpandDims" && node.op != "Squeeze";
  if (passes && !pinned_[index_of(id)] && !framed_ && known_.at(index_of(id)).controls.empty()) {
    g_.replace_uses({id, 0}, inputs[0]);
    g_.replace_control_uses(id, inputs[0].node);
    dead->push_back(id);
    return true;
  }
  if ((known_.at(index_of(id)).values.size() != 1 && pinned_[index_of(id)]) || grows(id)) return false;
  materialize(id);
  for (OutputId input : inputs) dead->push_back(input.node);
  return true;
}

void ConstantFolder::materialize(NodeId id) {
  const Known& k = known_.at(index_of(id));
  if (k.values.size() == 1) {
    const std::string device = g_.node(id).device;
    g_.clear_inputs(id);
    g_.clear_controls(id);
    Node& node = g_.mutable_node(id);
    node.op = "Const";
    node.attrs = const_attrs_of(k.values[0]);
    node.unknown.clear();
    g_.add_controls(id, k.controls);
    return;
  }
  NodeId first = kNoNode;
  for (size_t slot = 0; slot < k.values.size(); ++slot) {
    const OutputId old{id, static_cast<int32_t>(slot)};
    if (g_.uses_of(old).empty() && !(first == kNoNode && slot + 1 == k.values.size())) continue;
    const NodeId made = g_.add(g_.unique_name(cat(g_.node(id).name, "/output_", slot)), "Const", {}, const_attrs_of(k.values[slot]));
    g_.mutable_node(made).device = g_.node(id).device;
    g_.add_controls(made, k.controls);
    g_.replace_uses(old, {made, 0});
    if (first == kNoNode) first = made;
  }
  g_.replace_control_uses(id, first);
  const std::vector<OutputId> inputs = g_.node(id).inputs();
  g_.clear_inputs(id);
  g_.clear_controls(id);
  g_.remove(id);
}

}  // namespace whittle
