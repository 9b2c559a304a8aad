#include "constant_folder.h"

#include <algorithm>

#include "calls.h"
#include "whittle/costs.h"
#include "whittle/kernel.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kAlwaysFine = 1024;            // bytes of a result that need no justification
constexpr uint64_t kMostHeld = uint64_t{64} << 20;  // computed values in memory at once
constexpr uint64_t kMostProducts = 1 << 24;       // bytes of the inputs of convolutions and products
constexpr uint64_t kConstFrame = 50;              // bytes of a Const besides its name and values
constexpr size_t kMostControls = 8;
constexpr size_t kMostCone = 4096;                // nodes looked at to find what goes with one

template <size_t N>
bool one_of(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

bool is_view(std::string_view op) {
  constexpr std::string_view kOps[] = {"Identity", "StopGradient", "PreventGradient", "Snapshot",
                                       "Reshape", "ExpandDims", "Squeeze"};
  return one_of(op, kOps);
}

bool is_shape_op(std::string_view op) {
  constexpr std::string_view kOps[] = {"Shape", "ShapeN", "Size", "Rank"};
  return one_of(op, kOps);
}

// One element repeated is stored as one.
TensorRef compact(Tensor t) {
  const uint32_t width = byte_width(t.dtype());
  const std::span<const uint8_t> bytes = t.bytes();
  if (width == 0 || t.elements() < 2 || bytes.size() != t.elements() * width) return TensorRef::owned(std::move(t));
  for (size_t k = width; k < bytes.size(); ++k) {
    if (bytes[k] != bytes[k - width]) return TensorRef::owned(std::move(t));
  }
  std::vector<uint8_t> element(bytes.begin(), bytes.begin() + width);
  return TensorRef::splat(t.dtype(), t.shape(), std::move(element));
}

// The repeated element under another shape is still one element.
TensorRef viewed(const TensorRef& ref, Shape shape) {
  if (ref.kind() == TensorRef::Kind::kSplat && ref.steps().empty() && ref.dtype() != DType::kString) {
    return TensorRef::splat(ref.dtype(), std::move(shape), ref.splat_element());
  }
  return ref.reshaped(std::move(shape));
}

// Bytes that a Const of this value takes in a file, about.
uint64_t stored_bytes(const TensorRef& ref) {
  return ref.kind() == TensorRef::Kind::kSplat && ref.steps().empty() ? 16 : ref.byte_size();
}

}  // namespace

Status ConstantFolder::run() {
  framed_ = has_v1_control_flow(g_);
  pinned_ = pinned_nodes(meta_, g_, where_.owner);
  fed_.assign(g_.capacity(), false);
  kept_.assign(g_.capacity(), false);
  if (where_.owner == nullptr) {
    for (const Signature& s : meta_.signatures) {
      for (const auto& [key, info] : s.inputs) {
        std::vector<const TensorInfo*> stack{&info};
        while (!stack.empty()) {
          const TensorInfo* t = stack.back();
          stack.pop_back();
          for (OutputId v : t->tensors) fed_[index_of(v.node)] = true;
          for (const TensorInfo& part : t->components) stack.push_back(&part);
        }
      }
    }
    for (const Asset& a : meta_.assets) fed_[index_of(a.tensor.node)] = true;
  }
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

Result<std::vector<TensorRef>> ConstantFolder::compute(NodeId id) {
  const std::string& op = g_.node(id).op;
  std::vector<TensorRef> out;
  if (is_shape_op(op)) {
    WHITTLE_ASSIGN(out, shape_values(id));
  } else if (is_view(op)) {
    WHITTLE_ASSIGN(out, lazy_view(id));
  } else if (known(g_.node(id).inputs()[0]) == nullptr) {
    WHITTLE_ASSIGN(out, picked_sizes(id));
  } else {
    WHITTLE_ASSIGN(out, evaluate(id));
  }
  for (const TensorRef& ref : out) {
    // A view of a weight is no result; nothing is made.
    if (!is_view(op) && ref.byte_size() > limits_.max_bytes) return std::vector<TensorRef>();
  }
  return out;
}

// The same bytes under the shape that the op gives them.
Result<std::vector<TensorRef>> ConstantFolder::lazy_view(NodeId id) {
  const Node& node = g_.node(id);
  const TensorRef& ref = *known(node.inputs()[0]);
  if (node.op == "Squeeze") {
    std::vector<int64_t> dims;
    if (const AttrValue* v = node.attrs.find("squeeze_dims")) dims = v->list().ints;
    const int rank = ref.shape().rank();
    std::vector<bool> gone(ref.shape().dims.size(), dims.empty());
    for (int64_t d : dims) {
      if (d < -rank || d >= rank) return std::vector<TensorRef>();
      gone[static_cast<size_t>(d < 0 ? d + rank : d)] = true;
    }
    Shape shape;
    for (size_t k = 0; k < gone.size(); ++k) {
      const int64_t size = ref.shape().dims[k];
      if (!gone[k] || (dims.empty() && size != 1)) shape.dims.push_back(size);
      else if (size != 1) return std::vector<TensorRef>();
    }
    return std::vector<TensorRef>{viewed(ref, std::move(shape))};
  }
  if (node.op != "Reshape" && node.op != "ExpandDims") return std::vector<TensorRef>{ref};
  if (node.inputs().size() != 2 || known(node.inputs()[1])->elements() > static_cast<uint64_t>(kMaxRank)) return std::vector<TensorRef>();
  WHITTLE_ASSIGN(const Tensor second, load(*known(node.inputs()[1]), pc_.ctx));
  WHITTLE_ASSIGN(const std::vector<int64_t> numbers, as_int64s(second));
  if (node.op == "ExpandDims") {
    const int64_t rank = ref.shape().rank();
    if (numbers.size() != 1 || numbers[0] < -rank - 1 || numbers[0] > rank || rank >= kMaxRank) return std::vector<TensorRef>();
    Shape shape = ref.shape();
    shape.dims.insert(shape.dims.begin() + (numbers[0] < 0 ? numbers[0] + rank + 1 : numbers[0]), 1);
    return std::vector<TensorRef>{viewed(ref, std::move(shape))};
  }
  Shape shape(numbers);
  uint64_t others = 1;
  int unknown = -1;
  for (size_t k = 0; k < numbers.size(); ++k) {
    if (numbers[k] == -1 && unknown < 0) unknown = static_cast<int>(k);
    else if (numbers[k] < 0 || __builtin_mul_overflow(others, static_cast<uint64_t>(numbers[k]), &others)) return std::vector<TensorRef>();
  }
  if (unknown >= 0) {
    if (others == 0 || ref.elements() % others != 0) return std::vector<TensorRef>();
    shape.dims[static_cast<size_t>(unknown)] = static_cast<int64_t>(ref.elements() / others);
    others = ref.elements();
  }
  if (others != ref.elements()) return std::vector<TensorRef>();
  return std::vector<TensorRef>{viewed(ref, std::move(shape))};
}

Result<std::vector<TensorRef>> ConstantFolder::evaluate(NodeId id) {
  const Node& node = g_.node(id);
  uint64_t bytes = 0;
  for (OutputId input : node.inputs()) bytes += known(input)->byte_size();
  const KernelInfo* kernel = find_kernel(node.op);
  const uint64_t most = kernel->cost == Cost::kProduct ? std::min(limits_.max_bytes, kMostProducts) : limits_.max_bytes;
  if (bytes > std::max(most, kAlwaysFine) || held_ > kMostHeld) return std::vector<TensorRef>();
  std::vector<Tensor> inputs;
  Status missing;
  for (OutputId input : node.inputs()) {
    Result<Tensor> t = load(*known(input), pc_.ctx);
    if (!t.ok() && t.error().code != Code::kNeedBytes) return t.take_error();
    if (!t.ok()) missing = t.take_error();
    else inputs.push_back(std::move(t).value());
  }
  WHITTLE_CHECK(std::move(missing));
  WHITTLE_ASSIGN(std::vector<Tensor> results, evaluate_node(node, inputs, pc_.ctx));
  std::vector<TensorRef> out;
  for (Tensor& t : results) {
    held_ += t.byte_size();
    out.push_back(compact(std::move(t)));
  }
  return out;
}

Result<std::vector<TensorRef>> ConstantFolder::shape_values(NodeId id) {
  const Node& node = g_.node(id);
  std::vector<TensorRef> out;
  for (OutputId input : node.inputs()) {
    const Shape& size = shapes_.of(input);
    // Of a shape with holes only the rank is known.
    if (size.unknown_rank || (node.op != "Rank" && !size.fully_defined())) return std::vector<TensorRef>();
    const bool wide = node.attrs.type_or("out_type", DType::kInt32) == DType::kInt64;
    std::vector<int64_t> values = size.dims;
    Shape shape{static_cast<int64_t>(values.size())};
    if (node.op == "Rank" || node.op == "Size") {
      WHITTLE_ASSIGN(const uint64_t elements, node.op == "Size" ? size.elements() : Result<uint64_t>(0));
      values = {node.op == "Rank" ? static_cast<int64_t>(values.size()) : static_cast<int64_t>(elements)};
      shape = Shape{};
    }
    if (wide && node.op != "Rank") {
      WHITTLE_ASSIGN(Tensor t, Tensor::of<int64_t>(DType::kInt64, std::move(shape), values));
      out.push_back(TensorRef::owned(std::move(t)));
      continue;
    }
    std::vector<int32_t> narrow;
    for (int64_t v : values) {
      if (v > INT32_MAX) return std::vector<TensorRef>();
      narrow.push_back(static_cast<int32_t>(v));
    }
    WHITTLE_ASSIGN(Tensor t, Tensor::of<int32_t>(DType::kInt32, std::move(shape), narrow));
    out.push_back(TensorRef::owned(std::move(t)));
  }
  return out;
}

// Shape(x)[1:3] may be known where the whole shape is not.
bool ConstantFolder::picks_sizes(const Node& node) const {
  constexpr std::string_view kOps[] = {"StridedSlice", "Slice", "Gather", "GatherV2"};
  if (!one_of(node.op, kOps) || known(node.inputs()[0]) != nullptr) return false;
  const Node& shape = g_.node(node.inputs()[0].node);
  if (shape.op != "Shape" || shape.inputs().size() != 1 || shapes_.of(shape.inputs()[0]).unknown_rank) return false;
  for (size_t k = 1; k < node.inputs().size(); ++k) {
    if (known(node.inputs()[k]) == nullptr) return false;
  }
  const KernelInfo* kernel = find_kernel(node.op);
  return kernel != nullptr && kernel->run != nullptr;
}

// Whatever stands in the holes, the result must be the same: these ops only move elements.
Result<std::vector<TensorRef>> ConstantFolder::picked_sizes(NodeId id) {
  const Node& node = g_.node(id);
  const Node& shape = g_.node(node.inputs()[0].node);
  std::vector<Tensor> inputs(1);
  for (size_t k = 1; k < node.inputs().size(); ++k) {
    if (known(node.inputs()[k])->byte_size() > kAlwaysFine) return std::vector<TensorRef>();
    WHITTLE_ASSIGN(Tensor t, load(*known(node.inputs()[k]), pc_.ctx));
    inputs.push_back(std::move(t));
  }
  std::vector<Tensor> results[2];
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::vector<int64_t> dims = shapes_.of(shape.inputs()[0]).dims;
    for (int64_t& d : dims) d = d < 0 ? 1000003 + attempt : d;
    Shape vector{static_cast<int64_t>(dims.size())};
    if (shape.attrs.type_or("out_type", DType::kInt32) == DType::kInt64) {
      WHITTLE_ASSIGN(inputs[0], Tensor::of<int64_t>(DType::kInt64, vector, dims));
    } else {
      std::vector<int32_t> narrow;
      for (int64_t d : dims) {
        if (d > INT32_MAX) return std::vector<TensorRef>();
        narrow.push_back(static_cast<int32_t>(d));
      }
      WHITTLE_ASSIGN(inputs[0], Tensor::of<int32_t>(DType::kInt32, vector, narrow));
    }
    WHITTLE_ASSIGN(results[attempt], evaluate_node(node, inputs, pc_.ctx));
  }
  std::vector<TensorRef> out;
  for (size_t k = 0; k < results[0].size(); ++k) {
    if (!results[0][k].identical(results[1][k])) return std::vector<TensorRef>();
    out.push_back(TensorRef::owned(results[0][k]));
  }
  return out;
}

std::optional<std::vector<int64_t>> ConstantFolder::known_ints(OutputId value) {
  constexpr uint64_t kMost = 1024;
  const TensorRef* ref = known(value);
  if (ref == nullptr || ref->elements() > kMost || (ref->dtype() != DType::kInt32 && ref->dtype() != DType::kInt64)) return std::nullopt;
  Result<Tensor> t = load(*ref, pc_.ctx);
  if (!t.ok()) {
    if (t.error().code == Code::kNeedBytes) missing_ = t.take_error();
    return std::nullopt;
  }
  Result<std::vector<int64_t>> values = as_int64s(t.value());
  if (!values.ok()) return std::nullopt;
  return std::move(values).value();
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
