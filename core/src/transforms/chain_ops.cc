#include "chain_ops.h"

#include <algorithm>
#include <cstring>

#include "whittle/quant.h"

namespace whittle {
namespace {

bool channels_first(const Node& node, std::string_view otherwise) {
  const std::string_view format = node.attrs.string_or("data_format", otherwise);
  return format.size() > 1 && format[1] == 'C';
}

// The vectorized layouts (NCHW_VECT_C) have channels elsewhere.
bool plain_format(const Node& node, std::string_view otherwise) {
  const std::string_view format = node.attrs.string_or("data_format", otherwise);
  return format == "NHWC" || format == "NCHW" || format == "NDHWC" || format == "NCDHW";
}

uint64_t dim(const Shape& s, int k) { return static_cast<uint64_t>(s.dims[static_cast<size_t>(k)]); }

bool float_typed(const Node& node) { return node.attrs.type_or("T", DType::kInvalid) == DType::kFloat; }

}  // namespace

ChannelMaker channel_maker(const Node& node) {
  struct Row { std::string_view op; int inputs; int weight; int rank; std::string_view format; };
  constexpr Row kRows[] = {
      {"Conv2D", 2, 1, 4, "NHWC"},
      {"DepthwiseConv2dNative", 2, 1, 4, "NHWC"},
      {"Conv3D", 2, 1, 5, "NDHWC"},
      {"Conv2DBackpropInput", 3, 1, 4, "NHWC"},
      {"Conv3DBackpropInputV2", 3, 1, 5, "NDHWC"},
      {"MatMul", 2, 1, 2, ""},
      {"BatchMatMul", 2, 1, -1, ""},
      {"BatchMatMulV2", 2, 1, -1, ""},
      {"BatchMatMulV3", 2, 1, -1, ""},
  };
  for (const Row& row : kRows) {
    if (node.op != row.op || node.inputs().size() != static_cast<size_t>(row.inputs)) continue;
    ChannelMaker maker;
    maker.rank = row.rank;
    if (!row.format.empty()) {
      if (!plain_format(node, row.format)) return {};
      maker.from_end = channels_first(node, row.format) ? row.rank - 2 : 0;
    }
    if (row.op.substr(0, 11) != "BatchMatMul" || row.op == "BatchMatMul" || row.op == "BatchMatMulV2") {
      if (!float_typed(node)) return {};
    } else if (node.attrs.type_or("Tout", DType::kInvalid) != DType::kFloat) {
      return {};
    }
    maker.weight_index = row.weight;
    return maker;
  }
  return {};
}

std::optional<WeightChannels> weight_channels(const Node& node, const Shape& weight) {
  const int rank = weight.rank();
  const std::string& op = node.op;
  const auto last = [&] { return WeightChannels{dim(weight, rank - 1), 1}; };
  const auto before_last = [&] { return WeightChannels{dim(weight, rank - 2), dim(weight, rank - 1)}; };
  std::optional<WeightChannels> w;
  if ((op == "Conv2D" && rank == 4) || (op == "Conv3D" && rank == 5)) w = last();
  else if (op == "DepthwiseConv2dNative" && rank == 4) w = WeightChannels{dim(weight, 2) * dim(weight, 3), 1};
  else if ((op == "Conv2DBackpropInput" && rank == 4) || (op == "Conv3DBackpropInputV2" && rank == 5)) w = before_last();
  else if (op == "MatMul" && rank == 2) w = node.attrs.bool_or("transpose_b", false) ? before_last() : last();
  else if (op.compare(0, 11, "BatchMatMul") == 0 && rank >= 2) w = node.attrs.bool_or("adj_y", false) ? before_last() : last();
  if (w && w->channels == 0) return std::nullopt;
  return w;
}

std::optional<std::vector<int64_t>> ints_in_memory(const Graph& g, OutputId value) {
  const TensorRef* ref = const_ref(g, value);
  constexpr uint64_t kMost = 1024;
  if (ref == nullptr || ref->elements() > kMost || (ref->dtype() != DType::kInt32 && ref->dtype() != DType::kInt64)) return std::nullopt;
  if (ref->kind() == TensorRef::Kind::kSplat) {
    int64_t v = 0;
    if (ref->dtype() == DType::kInt64) {
      std::memcpy(&v, ref->splat_element().data(), 8);
    } else {
      int32_t narrow = 0;
      std::memcpy(&narrow, ref->splat_element().data(), 4);
      v = narrow;
    }
    return std::vector<int64_t>(static_cast<size_t>(ref->elements()), v);
  }
  if (ref->kind() != TensorRef::Kind::kOwned) return std::nullopt;
  Result<std::vector<int64_t>> values = as_int64s(ref->tensor());
  if (!values.ok()) return std::nullopt;
  return std::move(values).value();
}

ChainLink chain_link(const Graph& g, const Node& node) {
  const std::string& op = node.op;
  const std::vector<OutputId>& in = node.inputs();
  ChainLink link;
  if (op == "Identity" || op == "StopGradient" || op == "PreventGradient" || op == "Snapshot") {
    if (in.size() == 1) link.kind = ChainKind::kPass;
  } else if (op == "BiasAdd" || op == "Add" || op == "AddV2" || op == "Sub") {
    if (in.size() != 2 || !float_typed(node)) return link;
    const bool right = const_ref(g, in[1]) != nullptr;
    const bool left = op != "BiasAdd" && const_ref(g, in[0]) != nullptr;
    if (left == right) return link;
    link.kind = ChainKind::kBias;
    link.const_index = right ? 1 : 0;
    link.data_index = 1 - link.const_index;
  } else if (op == "Squeeze") {
    const AttrValue* dims = node.attrs.find("squeeze_dims");
    if (in.size() != 1 || dims == nullptr || dims->list().ints.empty()) return link;
    link.kind = ChainKind::kSqueeze;
    link.axes = dims->list().ints;
  } else if (op == "Reshape" && in.size() == 2) {
    std::optional<std::vector<int64_t>> shape = ints_in_memory(g, in[1]);
    if (!shape || shape->empty()) return link;
    link.kind = ChainKind::kReshape;
    link.axes = std::move(*shape);
  } else if (op == "BatchToSpaceND" && in.size() == 3) {
    const TensorRef* block = const_ref(g, in[1]);
    if (block == nullptr || block->shape().rank() != 1) return link;
    link.kind = ChainKind::kBatchToSpace;
    link.axes = {block->shape().dims[0]};
  } else if (op == "ConcatV2" && in.size() >= 2) {
    const std::optional<std::vector<int64_t>> axis = ints_in_memory(g, in.back());
    if (!axis || axis->size() != 1 || !float_typed(node)) return link;
    link.kind = ChainKind::kConcat;
    link.count = static_cast<int>(in.size()) - 1;
    link.axes = *axis;
  }
  return link;
}

bool bias_fits(const Node& node, const Shape& bias, int64_t channels, int from_end, int rank) {
  if (node.op == "BiasAdd") {
    const bool first = channels_first(node, "NHWC");
    if (first ? rank < 3 || from_end != rank - 2 : from_end != 0) return false;
    return bias.rank() == 1 && bias.dims[0] == channels;
  }
  const int b = bias.rank();
  if (b > (rank < 0 ? from_end + 1 : rank)) return false;
  for (int k = 0; k < b; ++k) {
    const int64_t d = bias.dims[static_cast<size_t>(k)];
    if (d != 1 && (b - 1 - k != from_end || d != channels)) return false;
  }
  return true;
}

}  // namespace whittle
