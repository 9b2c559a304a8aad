#include "fold_forward.h"

#include <cmath>
#include <optional>

#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// The one data use of a value whose node nobody names; nothing otherwise.
std::optional<Use> only_use(const Graph& g, const std::vector<bool>& pinned, NodeId id) {
  if (index_of(id) < pinned.size() && pinned[index_of(id)]) return std::nullopt;
  std::optional<Use> found;
  for (const Use& use : g.uses(id)) {
    if (use.index == kControlUse) continue;
    if (found || use.slot != 0) return std::nullopt;
    found = use;
  }
  return found;
}

// [h,w,in,out] as outer, in, out.
struct Layout { uint64_t outer, in, out; bool depthwise; };
std::optional<Layout> layout_of(const Node& conv, const Shape& w) {
  if (w.rank() < 4) return std::nullopt;
  const auto dim = [&](int from_end) { return static_cast<uint64_t>(w.dims[w.dims.size() - 1 - static_cast<size_t>(from_end)]); };
  Layout l{1, dim(1), dim(0), conv.op == "DepthwiseConv2dNative"};
  for (int k = 2; k < w.rank(); ++k) l.outer *= dim(k);
  if (l.in == 0 || l.out == 0 || l.outer == 0) return std::nullopt;
  return l;
}

bool is_valid_convolution(const Node& node, std::string_view data_format) {
  const bool flat = node.op == "Conv2D" || node.op == "DepthwiseConv2dNative";
  if (!flat && node.op != "Conv3D") return false;
  return node.inputs().size() == 2 && node.attrs.type_or("T", DType::kInvalid) == DType::kFloat &&
         node.attrs.string_or("padding", "") == "VALID" &&
         node.attrs.string_or("data_format", flat ? "NHWC" : "NDHWC") == data_format;
}

}  // namespace

Result<bool> fold_forward(Model& model, const OwnedGraph& where, const std::vector<bool>& pinned,
                          NodeId id, const std::vector<double>& scale,
                          const std::vector<double>& offset, std::string_view data_format,
                          PassContext& pc) {
  Graph& g = *where.graph;
  const std::optional<Use> use = only_use(g, pinned, id);
  if (!use || use->index != 0 || !is_valid_convolution(g.node(use->user), data_format)) return false;
  const NodeId conv = use->user;
  const TensorRef* ref = const_ref(g, g.node(conv).inputs()[1]);
  if (ref == nullptr || ref->dtype() != DType::kFloat || ref->byte_size() > kMostWeightBytes || !owns_const(g, pinned, conv, 1)) return false;
  const std::optional<Layout> l = layout_of(g.node(conv), ref->shape());
  if (!l || l->in != scale.size()) return false;
  const uint64_t outputs = l->depthwise ? l->in * l->out : l->out;

  // A bias that is there takes the sum up; a new one must not be longer than what goes.
  const std::optional<Use> next = only_use(g, pinned, conv);
  Floats bias;
  if (next && next->index == 0 && g.node(next->user).op == "BiasAdd" &&
      g.node(next->user).attrs.string_or("data_format", "NHWC") == data_format) {
    WHITTLE_ASSIGN(bias, small_floats(g, g.node(next->user).inputs()[1], pc));
    bias.found = bias.found && bias.values.size() == outputs;
  }
  if (!bias.found && (outputs > 3 * l->in || data_format.size() != 4)) return false;

  WHITTLE_ASSIGN_IN(const Tensor w, load(*ref, pc.ctx), g.node(conv).name);
  const std::span<const float> values = w.values<float>();
  std::vector<double> sums(static_cast<size_t>(outputs), 0.0);
  for (size_t k = 0; k < values.size(); ++k) {
    const size_t i = k / l->out % l->in;
    const size_t out = l->depthwise ? k % outputs : k % l->out;
    sums[out] += double{values[k]} * offset[i];
  }
  for (size_t k = 0; k < sums.size(); ++k) {
    if (bias.found) sums[k] += bias.values[k];
    if (!(std::fabs(sums[k]) <= 3.4e38)) return false;
  }

  Step step;
  step.kind = StepKind::kScaleChannels;
  step.dtype = DType::kFloat;
  step.shape = ref->shape();
  step.inner = l->out;
  step.values = std::make_shared<const std::vector<float>>(scale.begin(), scale.end());
  set_const_input(g, pinned, conv, 1, ref->with_step(std::move(step)), cat(g.node(conv).name, "_weights"));
  WHITTLE_ASSIGN(const TensorRef sum, float_tensor(Shape{static_cast<int64_t>(outputs)}, sums));
  if (bias.found) {
    set_const_input(g, pinned, next->user, 1, sum, cat(g.node(next->user).name, "_bias"));
  } else {
    const std::string name = g.node(conv).name;
    const NodeId made = g.add(g.unique_name(cat(name, "_bn_offset")), "Const", {}, const_attrs_of(sum));
    for (size_t k = 1; k < g.node(id).inputs().size(); ++k) {
      const NodeId parameter = const_node(g, g.node(id).inputs()[k]);
      if (parameter != kNoNode) g.add_controls(made, std::vector<NodeId>(g.node(parameter).controls()));
    }
    g.rename(conv, g.unique_name(cat(name, "/unbiased")));
    AttrMap attrs;
    attrs.set("T", AttrValue::type(DType::kFloat));
    if (data_format == "NCHW") attrs.set("data_format", AttrValue::string("NCHW"));
    const NodeId biased = g.add(name, "BiasAdd", {}, std::move(attrs));
    g.mutable_node(biased).device = g.node(conv).device;
    g.replace_uses({conv, 0}, {biased, 0});
    g.replace_control_uses(conv, biased);
    g.add_input(biased, {conv, 0});
    g.add_input(biased, {made, 0});
    if (where.owner == nullptr) {
      for_each_endpoint(model.meta, [&](OutputId& v) { if (v.node == conv) v.node = biased; });
      for (NodeId& n : model.meta.init) n = n == conv ? biased : n;
    } else {
      for (auto& [key, n] : where.owner->control_rets) n = n == conv ? biased : n;
    }
  }

  const std::vector<OutputId> inputs = g.node(id).inputs();
  const std::vector<NodeId> controls = g.node(id).controls();
  g.set_input(conv, 0, inputs[0]);
  g.add_controls(conv, controls);
  g.replace_control_uses(id, inputs[0].node);
  g.clear_inputs(id);
  g.clear_controls(id);
  g.remove(id);
  std::vector<NodeId> unused;
  for (size_t k = 1; k < inputs.size(); ++k) unused.push_back(inputs[k].node);
  sweep_unused(model.meta, g, pinned, std::move(unused));
  return true;
}

}  // namespace whittle
