#include "weight_lowering.h"

#include <algorithm>

#include "constants.h"
#include "variable_flow.h"
#include "whittle/text.h"

namespace whittle {
namespace {

AttrMap cast_attrs(DType from) {
  AttrMap attrs;
  attrs.set("SrcT", AttrValue::type(from));
  attrs.set("DstT", AttrValue::type(DType::kFloat));
  return attrs;
}

AttrMap float_attrs() {
  AttrMap attrs;
  attrs.set("T", AttrValue::type(DType::kFloat));
  return attrs;
}

TensorRef encoded(const TensorRef& value, const Encoding& e, uint64_t inner,
                  std::vector<float> scales) {
  if (!e.codes.empty()) return e.codes;
  Step step;
  step.kind = e.kind;
  step.dtype = e.dtype;
  step.shape = value.shape();
  step.inner = inner;
  if (!scales.empty()) step.values = std::make_shared<const std::vector<float>>(std::move(scales));
  return value.with_step(std::move(step));
}

// An output whose last axis is the weight's channels.
bool scales_after(const Node& node, int index) {
  if (index != 1) return false;
  if (node.op == "MatMul" || node.op == "BatchMatMul" || node.op == "BatchMatMulV2" || node.op == "BatchMatMulV3") return true;
  return node.op == "Conv2D" && node.attrs.string_or("data_format", "NHWC") == "NHWC";
}

}  // namespace

void WeightLowering::take_name(Graph& g, bool main, NodeId old, NodeId by,
                               const std::string& old_suffix) {
  const std::string name = g.node(old).name;
  g.rename(old, g.unique_name(cat(name, old_suffix)));
  g.rename(by, name);
  if (!main) return;
  for_each_endpoint(model_.meta, [&](OutputId& v) { if (v.node == old) v.node = by; });
}

Result<OutputId> WeightLowering::scales_const(Graph& g, const std::string& name, Shape shape,
                                              std::vector<float> scales,
                                              const std::vector<NodeId>& controls,
                                              WeightRecord& record) {
  WHITTLE_ASSIGN(Tensor t, Tensor::of<float>(DType::kFloat, std::move(shape), scales));
  record.bytes_after += t.byte_size();
  const NodeId id = g.add(g.unique_name(name), "Const", {}, const_attrs_of(TensorRef::owned(std::move(t))));
  for (NodeId c : controls) g.add_control(id, c);
  return OutputId{id, 0};
}

WeightLowering::Form WeightLowering::choose(const Graph& g, const Weight& w, const Encoding& e,
                                            uint64_t* pieces) const {
  if (w.all_gathers) return Form::kRows;
  if (w.value.elements() <= kFoldedElements) return Form::kDecode;
  bool products = true, after = true;
  for (const WeightEnd& end : w.ends) {
    if (!end.direct) return Form::kDecode;
    const Node& node = g.node(end.node);
    products = products && node.op == "MatMul" && end.index == 1;
    after = after && scales_after(node, end.index);
  }
  *pieces = (w.value.elements() + kFoldedElements - 1) / kFoldedElements;
  if (products && *pieces <= kMaxSplitPieces && *pieces <= w.layout.channels && w.value.steps().empty()) return Form::kSplit;
  return after && !e.scales.empty() && w.layout.axis >= 0 ? Form::kPost : Form::kDecode;
}

Status WeightLowering::lower(const Weight& w, const Encoding& e, WeightRecord& record) {
  WHITTLE_ASSIGN(Graph * g, graph_of(model_.meta, w.function));
  uint64_t pieces = 1;
  switch (choose(*g, w, e, &pieces)) {
    case Form::kRows: return rows(*g, w, e, record);
    case Form::kSplit: return split(*g, w, e, pieces, record);
    case Form::kPost: return post(*g, w, e, record);
    case Form::kDecode: break;
  }
  if (w.value.elements() > kFoldedElements) {
    ctx_.warn(cat("weight ", printable(record.name), " (", human_bytes(w.value.byte_size()),
                  " decoded) is decoded on every call"));
  }
  return decode(*g, w, e, record);
}

Status WeightLowering::decode(Graph& g, const Weight& w, const Encoding& e, WeightRecord& record) {
  const std::string name = g.node(w.node).name;
  const std::vector<NodeId> controls = g.node(w.node).controls();
  const TensorRef codes = encoded(w.value, e, w.layout.inner, e.scales);
  record.bytes_after += codes.byte_size();
  const NodeId cast = g.add(g.unique_name(cat(name, "/f")), "Cast", {}, cast_attrs(e.dtype));
  NodeId last = cast;
  if (!e.scales.empty()) {
    WHITTLE_ASSIGN(const OutputId scales,
                   scales_const(g, cat(name, "/s"), w.layout.scale_shape, e.scales, controls, record));
    last = g.add(g.unique_name(cat(name, "/decoded")), "Mul", {{cast, 0}, scales}, float_attrs());
  }
  g.replace_uses({w.node, 0}, {last, 0});
  g.add_input(cast, {w.node, 0});
  g.mutable_node(w.node).attrs = const_attrs_of(codes);
  take_name(g, w.function.empty(), w.node, last, e.scales.empty() ? "/h" : "/q");
  record.nodes.push_back(g.node(w.node).name);
  return {};
}

Status WeightLowering::rows(Graph& g, const Weight& w, const Encoding& e, WeightRecord& record) {
  const std::string name = g.node(w.node).name;
  const TensorRef codes = encoded(w.value, e, w.layout.inner, e.scales);
  record.bytes_after += codes.byte_size();
  g.rename(w.node, g.unique_name(cat(name, e.scales.empty() ? "/h" : "/q")));
  g.mutable_node(w.node).attrs = const_attrs_of(codes);
  record.nodes.push_back(g.node(w.node).name);
  OutputId scales;
  if (!e.scales.empty()) {
    WHITTLE_ASSIGN(scales, scales_const(g, cat(name, "/s"), w.layout.scale_shape, e.scales,
                                        g.node(w.node).controls(), record));
  }
  for (const WeightEnd& end : w.ends) {
    const std::string gather = g.node(end.node).name;
    Node& node = g.mutable_node(end.node);
    node.attrs.set("Tparams", AttrValue::type(e.dtype));
    node.attrs.erase("_output_shapes");
    const NodeId cast = g.add(g.unique_name(cat(gather, "/f")), "Cast", {}, cast_attrs(e.dtype));
    NodeId last = cast;
    if (!e.scales.empty()) {
      AttrMap attrs = g.node(end.node).attrs;
      attrs.set("Tparams", AttrValue::type(DType::kFloat));
      std::vector<OutputId> inputs = g.node(end.node).inputs();
      inputs[0] = scales;
      const NodeId row_scales = g.add(g.unique_name(cat(gather, "/s")), g.node(end.node).op, inputs, attrs);
      last = g.add(g.unique_name(cat(gather, "/decoded")), "Mul", {{cast, 0}, {row_scales, 0}}, float_attrs());
    }
    g.replace_uses({end.node, 0}, {last, 0});
    g.add_input(cast, {end.node, 0});
    take_name(g, w.function.empty(), end.node, last, "/rows");
  }
  return {};
}

Status WeightLowering::split(Graph& g, const Weight& w, const Encoding& e, uint64_t pieces,
                             WeightRecord& record) {
  const std::string name = g.node(w.node).name;
  const auto channels = static_cast<int64_t>(w.layout.channels);
  const int64_t step = (channels + static_cast<int64_t>(pieces) - 1) / static_cast<int64_t>(pieces);
  std::vector<OutputId> decoded;
  for (int64_t start = 0; start < channels; start += step) {
    const int64_t extent = std::min(step, channels - start);
    WHITTLE_ASSIGN(const TensorRef piece, slice_axis(w.value, w.layout.axis, start, extent));
    std::vector<float> scales;
    if (!e.scales.empty()) scales.assign(e.scales.begin() + start, e.scales.begin() + start + extent);
    const TensorRef codes = encoded(piece, e, w.layout.inner, scales);
    record.bytes_after += codes.byte_size();
    const std::string part = cat(name, "/part_", decoded.size());
    const NodeId q = g.add(g.unique_name(cat(part, scales.empty() ? "/h" : "/q")), "Const", {}, const_attrs_of(codes));
    record.nodes.push_back(g.node(q).name);
    NodeId last = g.add(g.unique_name(cat(part, "/f")), "Cast", {{q, 0}}, cast_attrs(e.dtype));
    if (!scales.empty()) {
      Shape shape = w.layout.scale_shape;
      shape.dims[static_cast<size_t>(w.layout.axis)] = extent;
      WHITTLE_ASSIGN(const OutputId s, scales_const(g, cat(part, "/s"), shape, std::move(scales), {}, record));
      last = g.add(g.unique_name(part), "Mul", {{last, 0}, s}, float_attrs());
    }
    decoded.push_back({last, 0});
  }
  WHITTLE_ASSIGN(Tensor axis, scalar_i32(1));
  const TensorRef axis_ref = TensorRef::owned(std::move(axis));
  for (const WeightEnd& end : w.ends) {
    const Node matmul = g.node(end.node);
    std::vector<OutputId> parts;
    for (const OutputId& piece : decoded) {
      const NodeId m = g.add(g.unique_name(cat(matmul.name, "/part_", parts.size())), "MatMul",
                             {matmul.inputs()[0], piece}, matmul.attrs);
      for (NodeId c : matmul.controls()) g.add_control(m, c);
      parts.push_back({m, 0});
    }
    const NodeId axis_node = g.add(g.unique_name(cat(matmul.name, "/axis")), "Const", {}, const_attrs_of(axis_ref));
    AttrMap attrs = float_attrs();
    attrs.set("N", AttrValue::integer(static_cast<int64_t>(parts.size())));
    parts.push_back({axis_node, 0});
    const NodeId concat = g.add(g.unique_name(cat(matmul.name, "/concat")), "ConcatV2", parts, attrs);
    g.replace_uses({end.node, 0}, {concat, 0});
    g.replace_control_uses(end.node, concat);
    take_name(g, w.function.empty(), end.node, concat, "/whole");
    g.remove(end.node);
  }
  g.replace_control_uses(w.node, kNoNode);
  g.remove(w.node);
  return {};
}

Status WeightLowering::post(Graph& g, const Weight& w, const Encoding& e, WeightRecord& record) {
  const std::string name = g.node(w.node).name;
  const std::vector<NodeId> controls = g.node(w.node).controls();
  const TensorRef codes = encoded(w.value, e, w.layout.inner, e.scales);
  record.bytes_after += codes.byte_size();
  const NodeId cast = g.add(g.unique_name(cat(name, "/decoded")), "Cast", {}, cast_attrs(e.dtype));
  g.replace_uses({w.node, 0}, {cast, 0});
  g.add_input(cast, {w.node, 0});
  g.mutable_node(w.node).attrs = const_attrs_of(codes);
  take_name(g, w.function.empty(), w.node, cast, "/q");
  record.nodes.push_back(g.node(w.node).name);
  WHITTLE_ASSIGN(const OutputId scales,
                 scales_const(g, cat(name, "/s"), Shape{static_cast<int64_t>(w.layout.channels)},
                              e.scales, controls, record));
  for (const WeightEnd& end : w.ends) {
    const NodeId scaled = g.add(g.unique_name(cat(g.node(end.node).name, "/scaled")), "Mul", {}, float_attrs());
    g.replace_uses({end.node, 0}, {scaled, 0});
    g.replace_control_uses(end.node, scaled);
    g.add_input(scaled, {end.node, 0});
    g.add_input(scaled, scales);
    take_name(g, w.function.empty(), end.node, scaled, "/unscaled");
  }
  ctx_.warn(cat("weight ", printable(record.name), " (", human_bytes(w.value.byte_size()),
                " decoded) is cast on every call; its scales are applied to the product"));
  return {};
}

}  // namespace whittle
