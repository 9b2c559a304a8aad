#include "channel_fold.h"

#include <algorithm>
#include <cmath>

#include "chain_ops.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr int kMaxDepth = 32;

// Factors as the weights will see them.
bool round_to_float(std::vector<double>& values) {
  for (double& v : values) {
    if (!(std::fabs(v) <= 3.4e38)) return false;
    v = static_cast<double>(static_cast<float>(v));
  }
  return true;
}

bool all_ones(const std::vector<double>& scale) {
  return std::all_of(scale.begin(), scale.end(), [](double v) { return v == 1; });
}

}  // namespace

ChannelFold::ChannelFold(Model& model, PassContext& pc, const OwnedGraph& where)
    : model_(model), pc_(pc), where_(where), g_(*where.graph),
      pinned_(pinned_nodes(model.meta, *where.graph, where.owner)) {}

std::optional<Channels> ChannelFold::channels(OutputId value) const { return channels(value, 0); }

std::optional<Channels> ChannelFold::made_by(const Node& node) const {
  const ChannelMaker maker = channel_maker(node);
  if (maker.weight_index < 0) return std::nullopt;
  const TensorRef* w = const_ref(g_, node.inputs()[static_cast<size_t>(maker.weight_index)]);
  const std::optional<WeightChannels> layout = w == nullptr ? std::nullopt : weight_channels(node, w->shape());
  if (!layout || w->dtype() != DType::kFloat) return std::nullopt;
  return Channels{static_cast<int64_t>(layout->channels), maker.from_end, maker.rank};
}

std::optional<Channels> ChannelFold::channels(OutputId value, int depth) const {
  if (depth > kMaxDepth || value.slot != 0) return std::nullopt;
  const Node& node = g_.node(value.node);
  if (std::optional<Channels> made = made_by(node)) return made;
  const ChainLink link = chain_link(g_, node);
  if (link.kind == ChainKind::kNone) return std::nullopt;
  std::optional<Channels> c = channels(node.inputs()[static_cast<size_t>(link.data_index)], depth + 1);
  if (!c) return std::nullopt;
  switch (link.kind) {
    case ChainKind::kNone: return std::nullopt;
    case ChainKind::kPass: return c;
    case ChainKind::kBias: {
      const TensorRef* b = const_ref(g_, node.inputs()[static_cast<size_t>(link.const_index)]);
      if (b == nullptr || !bias_fits(node, b->shape(), c->count, c->from_end, c->rank)) return std::nullopt;
      return c;
    }
    case ChainKind::kSqueeze: {
      // Sizes of one go away; the channels must not be among them.
      if (c->rank < 0) return std::nullopt;
      const int axis = c->rank - 1 - c->from_end;
      int gone_after = 0;
      for (int64_t d : link.axes) {
        const int64_t a = d < 0 ? d + c->rank : d;
        if (a < 0 || a >= c->rank || a == axis) return std::nullopt;
        if (a > axis) ++gone_after;
      }
      c->from_end -= gone_after;
      c->rank -= static_cast<int>(link.axes.size());
      return c;
    }
    case ChainKind::kReshape:
      if (c->from_end != 0 || link.axes.empty() || link.axes.back() != c->count) return std::nullopt;
      c->rank = static_cast<int>(link.axes.size());
      return c;
    case ChainKind::kBatchToSpace:
      if (c->from_end != 0 || c->rank < 0 || link.axes.size() != 1 || link.axes[0] > c->rank - 2) return std::nullopt;
      return c;
    case ChainKind::kConcat: {
      if (c->rank < 0) return std::nullopt;
      const int64_t axis = link.axes[0] < 0 ? link.axes[0] + c->rank : link.axes[0];
      const bool along = axis == c->rank - 1 - c->from_end;
      for (int k = 1; k < link.count; ++k) {
        const std::optional<Channels> other = channels(node.inputs()[static_cast<size_t>(link.data_index + k)], depth + 1);
        if (!other || other->rank != c->rank || other->from_end != c->from_end) return std::nullopt;
        if (along) c->count += other->count;
        else if (other->count != c->count) return std::nullopt;
      }
      return c;
    }
  }
  return std::nullopt;
}

std::optional<std::vector<double>> ChannelFold::per_channel(const Floats& constant, const Channels& c) {
  const std::vector<int64_t>& dims = constant.shape.dims;
  const auto count = static_cast<size_t>(c.count);
  const auto rank = static_cast<int>(dims.size());
  if (c.count <= 0 || rank > (c.rank < 0 ? c.from_end + 1 : c.rank)) return std::nullopt;
  if (constant.values.size() == 1) return std::vector<double>(count, constant.values[0]);
  if (constant.values.size() != count) return std::nullopt;
  for (int k = 0; k < rank; ++k) {
    const int64_t want = rank - 1 - k == c.from_end ? c.count : 1;
    if (dims[static_cast<size_t>(k)] != want) return std::nullopt;
  }
  return constant.values;
}

bool ChannelFold::only_used_here(OutputId value) const {
  const uint32_t id = index_of(value.node);
  if (id < pinned_.size() && pinned_[id]) return false;
  int users = 0;
  for (const Use& use : g_.uses(value.node)) users += use.index == kControlUse ? 0 : 1;
  return users == 1;
}

Result<bool> ChannelFold::plan_weight(NodeId id, const std::vector<double>& scale, std::vector<Edit>& edits) {
  if (all_ones(scale)) return true;
  const Node& node = g_.node(id);
  const int index = channel_maker(node).weight_index;
  if (!owns_const(g_, pinned_, id, index)) {
    const TensorRef* w = const_ref(g_, node.inputs()[static_cast<size_t>(index)]);
    // Below this size a copy costs less than the parameters that go.
    constexpr uint64_t kTinyWeight = 256;
    if (w->byte_size() > kTinyWeight) return false;
  }
  const TensorRef& w = *const_ref(g_, node.inputs()[static_cast<size_t>(index)]);
  const std::optional<WeightChannels> layout = weight_channels(node, w.shape());
  std::vector<float> values(scale.begin(), scale.end());
  Step step;
  step.kind = StepKind::kScaleChannels;
  step.dtype = DType::kFloat;
  step.shape = w.shape();
  step.inner = layout->inner;
  step.values = std::make_shared<const std::vector<float>>(std::move(values));
  edits.push_back({id, index, w.with_step(std::move(step)), cat(node.name, "_weights")});
  return true;
}

Result<bool> ChannelFold::plan_bias(NodeId id, int index, const Channels& c, const std::vector<double>& scale,
                                    std::vector<double>* offset, std::vector<Edit>& edits) {
  const Node& node = g_.node(id);
  WHITTLE_ASSIGN(const Floats b, small_floats(g_, node.inputs()[static_cast<size_t>(index)], pc_));
  if (!b.found) return false;
  std::optional<std::vector<double>> values = node.op == "BiasAdd" ? std::optional(b.values) : per_channel(b, c);
  if (!values || values->size() != scale.size()) return false;
  const bool subtracted = node.op == "Sub" && index == 1;
  for (size_t k = 0; k < values->size(); ++k) {
    (*values)[k] *= scale[k];
    if (offset != nullptr && !offset->empty()) (*values)[k] += subtracted ? -(*offset)[k] : (*offset)[k];
  }
  if (offset != nullptr) offset->clear();
  if (!round_to_float(*values)) return false;
  Shape shape{c.count};
  if (node.op != "BiasAdd") shape.dims.insert(shape.dims.end(), static_cast<size_t>(c.from_end), 1);
  WHITTLE_ASSIGN(TensorRef ref, float_tensor(std::move(shape), *values));
  edits.push_back({id, index, std::move(ref), cat(node.name, "_bias")});
  return true;
}

Result<bool> ChannelFold::plan_concat(NodeId id, const std::vector<double>& scale, int depth, std::vector<Edit>& edits) {
  const ChainLink link = chain_link(g_, g_.node(id));
  const std::vector<OutputId> inputs = g_.node(id).inputs();
  size_t start = 0;
  for (int k = 0; k < link.count; ++k) {
    const OutputId input = inputs[static_cast<size_t>(link.data_index + k)];
    const std::optional<Channels> c = channels(input, depth + 1);
    if (!c) return false;
    const auto count = static_cast<size_t>(c->count);
    // Along the channels each input has its own; otherwise all have the same.
    const bool along = count != scale.size();
    if (start + count > scale.size()) return false;
    const std::vector<double> part(scale.begin() + static_cast<std::ptrdiff_t>(start),
                                   scale.begin() + static_cast<std::ptrdiff_t>(start + count));
    WHITTLE_ASSIGN(const bool planned, plan(input, part, nullptr, depth + 1, edits));
    if (!planned) return false;
    if (along) start += count;
  }
  return true;
}

Result<bool> ChannelFold::plan(OutputId value, const std::vector<double>& scale, std::vector<double>* offset,
                               int depth, std::vector<Edit>& edits) {
  if (depth > kMaxDepth || value.slot != 0 || !only_used_here(value)) return false;
  const Node& node = g_.node(value.node);
  if (made_by(node)) return plan_weight(value.node, scale, edits);
  const ChainLink link = chain_link(g_, node);
  if (link.kind == ChainKind::kNone) return false;
  if (link.kind == ChainKind::kConcat) return plan_concat(value.node, scale, depth, edits);
  if (link.kind == ChainKind::kBias) {
    const std::optional<Channels> c = channels(value, depth);
    if (!c) return false;
    WHITTLE_ASSIGN(const bool planned, plan_bias(value.node, link.const_index, *c, scale, offset, edits));
    if (!planned) return false;
    if (offset != nullptr && all_ones(scale)) return true;
    offset = nullptr;
  }
  return plan(node.inputs()[static_cast<size_t>(link.data_index)], scale, offset, depth + 1, edits);
}

Result<bool> ChannelFold::fold(NodeId id, OutputId value, const std::vector<double>& scale,
                               const std::vector<double>& offset, std::string_view data_format,
                               bool add_only) {
  std::vector<double> s = scale, o = offset;
  if (!round_to_float(s) || !round_to_float(o)) return false;
  std::vector<Edit> edits;
  o = offset;
  WHITTLE_ASSIGN(const bool planned, plan(value, s, &o, 0, edits));
  // Adding where there is no bias yet would change nothing.
  if (!planned || (all_ones(s) && !o.empty() && add_only)) return false;
  for (const Edit& e : edits) set_const_input(g_, pinned_, e.node, e.index, e.value, e.name);
  const std::vector<OutputId> inputs = g_.node(id).inputs();
  if (o.empty()) take_over(id, value);
  else WHITTLE_CHECK(add_offset(id, value, o, data_format));
  std::vector<NodeId> unused;
  for (OutputId input : inputs) unused.push_back(input.node);
  sweep_unused(model_.meta, g_, pinned_, std::move(unused));
  return true;
}

// The node becomes BiasAdd(value, offset), or Add where BiasAdd has no such format.
Status ChannelFold::add_offset(NodeId id, OutputId value, const std::vector<double>& offset, std::string_view data_format) {
  const std::optional<Channels> c = channels(value);
  const bool first = data_format == "NCHW" || data_format == "NCDHW";
  const bool bias_add = c && (first ? c->rank >= 3 && c->from_end == c->rank - 2 : c->from_end == 0);
  Shape shape{static_cast<int64_t>(offset.size())};
  if (!bias_add && c) shape.dims.insert(shape.dims.end(), static_cast<size_t>(c->from_end), 1);
  WHITTLE_ASSIGN(const TensorRef ref, float_tensor(std::move(shape), offset));
  const std::string name = cat(g_.node(value.node).name, "_bn_offset");
  const NodeId made = g_.add(g_.unique_name(name), "Const", {}, const_attrs_of(ref));
  // In a v1 branch or frame a constant is placed by control edges: those of the parameters.
  for (OutputId input : g_.node(id).inputs()) {
    const NodeId parameter = input.node == value.node ? kNoNode : const_node(g_, input);
    if (parameter != kNoNode) g_.add_controls(made, std::vector<NodeId>(g_.node(parameter).controls()));
  }
  g_.clear_inputs(id);
  Node& node = g_.mutable_node(id);
  node.op = bias_add ? "BiasAdd" : "Add";
  node.attrs = AttrMap();
  node.attrs.set("T", AttrValue::type(DType::kFloat));
  if (bias_add && first) node.attrs.set("data_format", AttrValue::string("NCHW"));
  g_.add_input(id, value);
  g_.add_input(id, {made, 0});
  return {};
}

// What makes `value` stands for the node, under its name.
void ChannelFold::take_over(NodeId id, OutputId value) {
  const std::vector<NodeId> controls = g_.node(id).controls();
  const std::string name = g_.node(id).name;
  g_.clear_inputs(id);
  g_.clear_controls(id);
  g_.replace_uses({id, 0}, value);
  g_.replace_control_uses(id, value.node);
  if (where_.owner == nullptr) {
    for_each_endpoint(model_.meta, [&](OutputId& v) { if (v.node == id) v = value; });
    for (NodeId& n : model_.meta.init) n = n == id ? value.node : n;
  } else {
    for (auto& [key, n] : where_.owner->control_rets) n = n == id ? value.node : n;
  }
  if (index_of(id) < pinned_.size() && pinned_[index_of(id)]) {
    pinned_.resize(std::max<size_t>(pinned_.size(), index_of(value.node) + 1), false);
    pinned_[index_of(value.node)] = true;
    pinned_[index_of(id)] = false;
  }
  g_.remove(id);
  g_.rename(value.node, name);
  g_.add_controls(value.node, controls);
}

}  // namespace whittle
