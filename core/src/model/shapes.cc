#include "whittle/shapes.h"

#include <algorithm>

namespace whittle {
namespace {

constexpr size_t kMostSizes = kMaxRank;

bool has_below(const std::vector<int64_t>& values, int64_t least) {
  return std::any_of(values.begin(), values.end(), [least](int64_t v) { return v < least; });
}

template <size_t N>
bool one_of(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

constexpr std::string_view kSameAsInput[] = {
    "Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "Cast", "Relu", "Relu6", "Elu",
    "Selu", "LeakyRelu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Softmax", "LogSoftmax", "Exp", "Expm1", "Log",
    "Log1p", "Neg", "Abs", "Sign", "Square", "Sqrt", "Rsqrt", "Reciprocal", "Inv", "Floor", "Ceil", "Round", "Rint",
    "Erf", "Erfc", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "IsNan", "IsInf", "IsFinite",
    "LogicalNot", "Invert", "ZerosLike", "OnesLike", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV2",
    "FusedBatchNormV3", "BatchNormWithGlobalNormalization", "LRN", "Cumsum", "Reverse", "ReverseV2",
    "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxArgs", "Quantize", "ClipByValue", "StringToHashBucketFast",
    "AsString", "StringLower", "EnsureShape"};

constexpr std::string_view kBroadcast[] = {
    "Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "DivNoNan", "FloorDiv", "TruncateDiv", "Mod", "FloorMod",
    "Maximum", "Minimum", "Pow", "SquaredDifference", "Equal", "NotEqual", "Less", "LessEqual", "Greater",
    "GreaterEqual", "LogicalAnd", "LogicalOr", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Atan2", "Xdivy", "Xlogy"};

constexpr std::string_view kReductions[] = {"Sum", "Mean", "Max", "Min", "Prod", "All", "Any", "EuclideanNorm"};

Shape broadcast(const Shape& a, const Shape& b) {
  if (a.unknown_rank || b.unknown_rank) return Shape::unknown();
  Shape out;
  const size_t rank = std::max(a.dims.size(), b.dims.size());
  out.dims.assign(rank, -1);
  for (size_t k = 0; k < rank; ++k) {
    const int64_t x = k < a.dims.size() ? a.dims[a.dims.size() - 1 - k] : 1;
    const int64_t y = k < b.dims.size() ? b.dims[b.dims.size() - 1 - k] : 1;
    int64_t& d = out.dims[rank - 1 - k];
    if (x == 1) d = y;
    else if (y == 1) d = x;
    else if (x == y) d = x;
    else if (x < 0) d = y < 0 ? -1 : y;   // y is above 1: x must be it, or 1
    else if (y < 0) d = x;
    else return Shape::unknown();
  }
  return out;
}

bool axis_of(int64_t axis, int rank, size_t* out) {
  if (axis < -rank || axis >= rank) return false;
  *out = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  return true;
}

// Windows of convolutions and pools along one axis; -1 when it does not follow.
int64_t window(int64_t in, int64_t size, int64_t stride, int64_t dilation, std::string_view padding) {
  if (in < 0 && padding == "SAME" && stride == 1) return in;
  if (in < 0 || size <= 0 || stride <= 0 || dilation <= 0) return -1;
  if (padding == "SAME") return (in + stride - 1) / stride;
  if (padding != "VALID") return -1;
  int64_t reach = 0;
  if (__builtin_mul_overflow(size - 1, dilation, &reach) || reach >= in) return -1;
  return (in - reach - 1 + stride) / stride;
}

struct Format { size_t channel, height, width; };
Format format_of(const Node& node) {
  return node.attrs.string_or("data_format", "NHWC") == "NCHW" ? Format{1, 2, 3} : Format{3, 1, 2};
}

std::vector<int64_t> ints_attr(const Node& node, std::string_view name) {
  const AttrValue* v = node.attrs.find(name);
  return v == nullptr ? std::vector<int64_t>() : v->list().ints;
}

Shape windows_of(const Node& node, const Shape& x, int64_t height, int64_t width, int64_t channels) {
  std::vector<int64_t> strides = ints_attr(node, "strides");
  std::vector<int64_t> dilations = ints_attr(node, "dilations");
  if (dilations.size() != 4) dilations.assign(4, 1);
  const std::string_view data_format = node.attrs.string_or("data_format", "NHWC");
  if (x.rank() != 4 || strides.size() != 4 || (data_format != "NHWC" && data_format != "NCHW")) return Shape::unknown();
  const Format f = format_of(node);
  const std::string_view padding = node.attrs.string_or("padding", "");
  Shape out = x;
  out.dims[f.height] = window(x.dims[f.height], height, strides[f.height], dilations[f.height], padding);
  out.dims[f.width] = window(x.dims[f.width], width, strides[f.width], dilations[f.width], padding);
  out.dims[f.channel] = channels;
  return out;
}

}  // namespace

const Shape& StaticShapes::of(OutputId value) const {
  static const Shape kUnknown = Shape::unknown();
  const auto it = shapes_.find(value);
  return it == shapes_.end() ? kUnknown : it->second;
}

Shape StaticShapes::in(const Node& node, size_t k) const {
  return k < node.inputs().size() ? of(node.inputs()[k]) : Shape::unknown();
}

void StaticShapes::visit(NodeId id) {
  const Node& node = g_.node(id);
  if (node.op == "Split" && node.inputs().size() == 2) {
    const int64_t pieces = node.attrs.int_or("num_split", 0);
    const std::optional<std::vector<int64_t>> axis = ints_(node.inputs()[0]);
    Shape s = in(node, 1);
    size_t a = 0;
    if (pieces <= 0 || pieces > kMaxPorts || !axis || axis->size() != 1 || s.unknown_rank || !axis_of((*axis)[0], s.rank(), &a)) return;
    if (s.dims[a] >= 0) {
      if (s.dims[a] % pieces != 0) return;
      s.dims[a] /= pieces;
    } else {
      s.dims[a] = -1;
    }
    store({id, 0}, std::move(s));
    s = of({id, 0});
    for (int32_t k = 1; k < pieces; ++k) shapes_[{id, k}] = s;
    return;
  }
  if (node.op == "Unpack") {
    const int64_t pieces = node.attrs.int_or("num", 0);
    Shape s = in(node, 0);
    size_t a = 0;
    if (pieces < 0 || pieces > kMaxPorts || s.unknown_rank || !axis_of(node.attrs.int_or("axis", 0), s.rank(), &a)) return;
    s.dims.erase(s.dims.begin() + static_cast<std::ptrdiff_t>(a));
    for (int32_t k = 0; k < pieces; ++k) shapes_[{id, k}] = s;
    return;
  }
  if (node.op == "IdentityN") {
    for (size_t k = 0; k < node.inputs().size(); ++k) shapes_[{id, static_cast<int32_t>(k)}] = in(node, k);
    return;
  }
  if (node.op == "ParseExample" || node.op == "ParseExampleV2") {
    // Sparse indices, values and shapes, then the dense values: [examples, shape of one…].
    const AttrValue* dense = node.attrs.find("dense_shapes");
    const AttrValue* sparse = node.attrs.find("sparse_types");
    const Shape x = in(node, 0);
    if (dense == nullptr || sparse == nullptr || x.rank() != 1) return;
    const auto first = static_cast<int32_t>(3 * sparse->list().types.size());
    for (size_t k = 0; k < dense->list().shapes.size(); ++k) {
      Shape s = dense->list().shapes[k];
      if (s.unknown_rank || has_below(s.dims, -1)) continue;
      s.dims.insert(s.dims.begin(), x.dims[0]);
      store({id, first + static_cast<int32_t>(k)}, std::move(s));
    }
    return;
  }
  if (symbols_) {
    std::optional<Sizes> values = computed_sizes(node);
    if (values && values->size() <= kMostSizes) sizes_[{id, 0}] = std::move(*values);
  }
  Shape s = first_output(node);
  if (s.unknown_rank) {
    const AttrValue* hint = node.attrs.find("_output_shapes");
    if (hint != nullptr && !hint->list().shapes.empty()) s = hint->list().shapes[0];
    if (has_below(s.dims, -1)) s = Shape::unknown();
  }
  store({id, 0}, std::move(s));
}

void StaticShapes::store(OutputId value, Shape s) {
  // Hostile constants can ask for anything.
  if (s.unknown_rank || s.rank() > kMaxRank || has_below(s.dims, next_symbol_ + 1)) return;
  if (symbols_) {
    for (int64_t& d : s.dims) {
      if (d == -1) d = next_symbol_--;
    }
  }
  shapes_[value] = std::move(s);
}

std::optional<Sizes> StaticShapes::sizes(OutputId value) const {
  if (std::optional<std::vector<int64_t>> known = ints_(value)) {
    if (has_below(*known, -1)) return std::nullopt;
    return known;
  }
  const auto it = sizes_.find(value);
  if (it != sizes_.end()) return it->second;
  const Shape& s = of(value);
  if (s.rank() == 0) return Sizes{kAnyInt};
  if (s.rank() == 1 && s.dims[0] >= 0 && s.dims[0] <= kMaxRank) return Sizes(static_cast<size_t>(s.dims[0]), kAnyInt);
  return std::nullopt;
}

// Elements of the node's first output where they are sizes of something.
std::optional<Sizes> StaticShapes::computed_sizes(const Node& node) const {
  const std::string& op = node.op;
  const std::vector<OutputId>& inputs = node.inputs();
  if (op == "Shape" && inputs.size() == 1) {
    const Shape& x = of(inputs[0]);
    if (!x.unknown_rank) return x.dims;
    return std::nullopt;
  }
  if (op == "Pack" || (op == "ConcatV2" && inputs.size() > 1)) {
    Sizes out;
    const size_t count = inputs.size() - (op == "Pack" ? 0 : 1);
    for (size_t k = 0; k < count && out.size() <= kMostSizes; ++k) {
      const int rank = of(inputs[k]).rank();
      const std::optional<Sizes> part = sizes(inputs[k]);
      if (!part || rank != (op == "Pack" ? 0 : 1)) return std::nullopt;
      out.insert(out.end(), part->begin(), part->end());
    }
    return out;
  }
  if (inputs.empty() || sizes_.find(inputs[0]) == sizes_.end()) return std::nullopt;
  const Sizes& x = sizes_.at(inputs[0]);
  if (op == "Identity" || op == "Squeeze" || op == "ExpandDims" || op == "Reshape") return x;
  if (op == "Cast") {
    const DType to = node.attrs.type_or("DstT", DType::kInvalid);
    if (to == DType::kInt32 || to == DType::kInt64) return x;
    return std::nullopt;
  }
  if ((op == "Prod" || op == "Max" || op == "Min" || op == "Sum") && x.size() == 1) return x;
  if (op == "StridedSlice" && inputs.size() == 4 && of(inputs[0]).rank() == 1) {
    const auto begin = ints_(inputs[1]), end = ints_(inputs[2]), stride = ints_(inputs[3]);
    if (!begin || !end || !stride || begin->size() != 1 || end->size() != 1 || stride->size() != 1 || (*stride)[0] != 1) return std::nullopt;
    if (node.attrs.int_or("ellipsis_mask", 0) != 0 || node.attrs.int_or("new_axis_mask", 0) != 0) return std::nullopt;
    const auto count = static_cast<int64_t>(x.size());
    const auto clamped = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + count : v, 0, count); };
    const bool one = (node.attrs.int_or("shrink_axis_mask", 0) & 1) != 0;
    const int64_t from = (node.attrs.int_or("begin_mask", 0) & 1) != 0 && !one ? 0 : clamped((*begin)[0]);
    int64_t to = (node.attrs.int_or("end_mask", 0) & 1) != 0 ? count : clamped((*end)[0]);
    if (one) to = from + 1;
    if (from >= to || to > count) return std::nullopt;
    return Sizes(x.begin() + from, x.begin() + to);
  }
  if (op == "Slice" && inputs.size() == 3 && of(inputs[0]).rank() == 1) {
    const auto begin = ints_(inputs[1]), size = ints_(inputs[2]);
    const auto count = static_cast<int64_t>(x.size());
    if (!begin || !size || begin->size() != 1 || size->size() != 1 || (*begin)[0] < 0 || (*begin)[0] > count) return std::nullopt;
    const int64_t length = (*size)[0] == -1 ? count - (*begin)[0] : (*size)[0];
    if (length < 0 || length > count - (*begin)[0]) return std::nullopt;
    return Sizes(x.begin() + (*begin)[0], x.begin() + (*begin)[0] + length);
  }
  if ((op == "Gather" || op == "GatherV2") && inputs.size() >= 2) {
    const auto picks = ints_(inputs[1]);
    if (!picks || of(inputs[0]).rank() != 1) return std::nullopt;
    Sizes out;
    for (int64_t p : *picks) {
      if (p < 0 || p >= static_cast<int64_t>(x.size())) return std::nullopt;
      out.push_back(x[static_cast<size_t>(p)]);
    }
    return out;
  }
  return std::nullopt;
}

// Only the plain form: x[a:b, c:d, e] without steps and ellipsis.
Shape StaticShapes::strided(const Node& node, const Shape& x) const {
  if (x.unknown_rank || node.inputs().size() != 4 || node.attrs.int_or("ellipsis_mask", 0) != 0 || node.attrs.int_or("new_axis_mask", 0) != 0) return Shape::unknown();
  const auto begin = ints_(node.inputs()[1]), end = ints_(node.inputs()[2]), stride = ints_(node.inputs()[3]);
  if (!begin || !end || !stride || begin->size() > x.dims.size() || end->size() != begin->size() || stride->size() != begin->size()) return Shape::unknown();
  const auto bit = [&](std::string_view mask, size_t k) { return k < 63 && ((node.attrs.int_or(mask, 0) >> k) & 1) != 0; };
  Shape out;
  for (size_t k = 0; k < x.dims.size(); ++k) {
    const int64_t size = x.dims[k];
    if (k >= begin->size()) {
      out.dims.push_back(size);
      continue;
    }
    if (bit("shrink_axis_mask", k)) continue;
    const int64_t from = bit("begin_mask", k) ? 0 : (*begin)[k];
    if ((*stride)[k] != 1) out.dims.push_back(-1);
    else if (from == 0 && bit("end_mask", k)) out.dims.push_back(size);
    else if (size < 0) out.dims.push_back(-1);
    else {
      const auto clamped = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, 0, size); };
      const int64_t to = bit("end_mask", k) ? size : clamped((*end)[k]);
      out.dims.push_back(std::max<int64_t>(0, to - clamped(from)));
    }
  }
  return out;
}

// As many elements as x: one size of the target may follow from the others.
Shape StaticShapes::reshaped(const Shape& x, const Sizes& target) const {
  Shape out(target);
  int64_t known = 1;
  size_t holes = 0, hole = 0;
  bool any = false;
  for (size_t k = 0; k < target.size(); ++k) {
    if (target[k] >= 0 && __builtin_mul_overflow(known, target[k], &known)) return Shape::unknown();
    if (target[k] != -1 && target[k] != kAnyInt) continue;
    any = any || target[k] == kAnyInt;
    ++holes;
    hole = k;
    out.dims[k] = -1;
  }
  if (holes != 1 || known == 0 || x.unknown_rank) return out;
  std::vector<int64_t> left;   // sizes of x that are no numbers, without those of the target
  int64_t has = 1;
  for (int64_t d : x.dims) {
    if (d < 0) left.push_back(d);
    else if (__builtin_mul_overflow(has, d, &has)) return out;
  }
  for (int64_t d : target) {
    if (d >= -1 || d == kAnyInt) continue;
    const auto it = std::find(left.begin(), left.end(), d);
    // What cancels must not be 0; only a -1 says that it is not.
    if (it == left.end() || any) return out;
    left.erase(it);
  }
  if (left.empty() && has % known == 0) out.dims[hole] = has / known;
  else if (left.size() == 1 && has == known) out.dims[hole] = left[0];
  return out;
}

bool surely_equal(const Shape& a, const Shape& b) {
  if (a.unknown_rank || a != b) return false;
  return std::find(a.dims.begin(), a.dims.end(), -1) == a.dims.end();
}

Shape StaticShapes::first_output(const Node& node) const {
  const std::string& op = node.op;
  const Shape x = in(node, 0);
  if (op == "Const") {
    const AttrValue* v = node.attrs.find("value");
    return v == nullptr || v->tensor().empty() ? Shape::unknown() : v->tensor().shape();
  }
  if (op == "Placeholder" || op == "PlaceholderWithDefault") {
    const AttrValue* v = node.attrs.find("shape");
    // Older files say [] for "unknown" here; PlaceholderV2 does not.
    if (v == nullptr || v->kind() != AttrValue::Kind::kShape) return Shape::unknown();
    if (op == "Placeholder" && v->shape().rank() == 0 && meta_.versions.producer < 24) return Shape::unknown();
    return v->shape();
  }
  if (one_of(op, kSameAsInput)) return x;
  if (one_of(op, kBroadcast)) return broadcast(x, in(node, 1));
  if (op == "Select") return in(node, 1);
  if (op == "SelectV2") return broadcast(x, broadcast(in(node, 1), in(node, 2)));
  if (op == "Rank" || op == "Size") return Shape{};
  if (op == "Shape") return x.unknown_rank ? Shape{-1} : Shape{x.rank()};
  if (op == "MatMul" && x.rank() == 2 && in(node, 1).rank() == 2) {
    const Shape w = in(node, 1);
    return Shape{x.dims[node.attrs.bool_or("transpose_a", false) ? 1 : 0], w.dims[node.attrs.bool_or("transpose_b", false) ? 0 : 1]};
  }
  if (op == "Conv2D" && in(node, 1).rank() == 4) {
    const Shape w = in(node, 1);
    return windows_of(node, x, w.dims[0], w.dims[1], w.dims[3]);
  }
  if (op == "DepthwiseConv2dNative" && in(node, 1).rank() == 4) {
    const Shape w = in(node, 1);
    int64_t channels = -1;
    if (w.dims[2] < 0 || w.dims[3] < 0 || __builtin_mul_overflow(w.dims[2], w.dims[3], &channels)) channels = -1;
    return windows_of(node, x, w.dims[0], w.dims[1], channels);
  }
  if ((op == "MaxPool" || op == "AvgPool") && x.rank() == 4) {
    const std::vector<int64_t> size = ints_attr(node, "ksize");
    if (size.size() != 4) return Shape::unknown();
    const Format f = format_of(node);
    return windows_of(node, x, size[f.height], size[f.width], x.dims[f.channel]);
  }
  if (one_of(op, kReductions) && !x.unknown_rank && node.inputs().size() == 2) {
    const std::optional<std::vector<int64_t>> axes = ints_(node.inputs()[1]);
    if (!axes) return Shape::unknown();
    const bool keep = node.attrs.bool_or("keep_dims", false);
    std::vector<bool> gone(x.dims.size(), false);
    for (int64_t a : *axes) {
      size_t k = 0;
      if (!axis_of(a, x.rank(), &k)) return Shape::unknown();
      gone[k] = true;
    }
    Shape out;
    for (size_t k = 0; k < gone.size(); ++k) {
      if (!gone[k]) out.dims.push_back(x.dims[k]);
      else if (keep) out.dims.push_back(1);
    }
    return out;
  }
  if (op == "Reshape" && node.inputs().size() == 2) {
    const std::optional<Sizes> target = sizes(node.inputs()[1]);
    return target ? reshaped(x, *target) : Shape::unknown();
  }
  if (op == "ExpandDims" && !x.unknown_rank && node.inputs().size() == 2) {
    const std::optional<std::vector<int64_t>> axis = ints_(node.inputs()[1]);
    size_t k = 0;
    if (!axis || axis->size() != 1 || !axis_of((*axis)[0], x.rank() + 1, &k)) return Shape::unknown();
    Shape out = x;
    out.dims.insert(out.dims.begin() + static_cast<std::ptrdiff_t>(k), 1);
    return out;
  }
  if (op == "Squeeze" && !x.unknown_rank) {
    const std::vector<int64_t> dims = ints_attr(node, "squeeze_dims");
    std::vector<bool> gone(x.dims.size(), false);
    for (int64_t d : dims) {
      size_t k = 0;
      if (!axis_of(d, x.rank(), &k)) return Shape::unknown();
      gone[k] = true;
    }
    Shape out;
    for (size_t k = 0; k < gone.size(); ++k) {
      if (dims.empty() && x.dims[k] < 0) return Shape::unknown();
      if (dims.empty() ? x.dims[k] != 1 : !gone[k]) out.dims.push_back(x.dims[k]);
    }
    return out;
  }
  if (op == "Transpose" && !x.unknown_rank && node.inputs().size() == 2) {
    const std::optional<std::vector<int64_t>> order = ints_(node.inputs()[1]);
    if (!order || order->size() != x.dims.size()) return Shape(std::vector<int64_t>(x.dims.size(), -1));
    Shape out;
    for (int64_t a : *order) {
      size_t k = 0;
      if (!axis_of(a, x.rank(), &k)) return Shape::unknown();
      out.dims.push_back(x.dims[k]);
    }
    return out;
  }
  if (op == "ConcatV2" && node.inputs().size() >= 2 && !x.unknown_rank) {
    const std::optional<std::vector<int64_t>> axis = ints_(node.inputs().back());
    size_t a = 0;
    if (!axis || axis->size() != 1 || !axis_of((*axis)[0], x.rank(), &a)) return Shape::unknown();
    Shape out = x;
    for (size_t k = 1; k + 1 < node.inputs().size(); ++k) {
      const Shape y = in(node, k);
      if (y.rank() != x.rank()) return Shape::unknown();
      for (size_t d = 0; d < y.dims.size(); ++d) {
        if (d != a) {
          if (out.dims[d] < 0) out.dims[d] = y.dims[d];
        } else if (out.dims[d] < 0 || y.dims[d] < 0 || __builtin_add_overflow(out.dims[d], y.dims[d], &out.dims[d])) {
          out.dims[d] = -1;
        }
      }
    }
    return out;
  }
  if (op == "Pack" && !x.unknown_rank) {
    size_t a = 0;
    if (!axis_of(node.attrs.int_or("axis", 0), x.rank() + 1, &a)) return Shape::unknown();
    Shape out = x;
    for (size_t k = 1; k < node.inputs().size(); ++k) {
      const Shape y = in(node, k);
      for (size_t d = 0; d < out.dims.size() && y.rank() == x.rank(); ++d) {
        if (out.dims[d] < 0) out.dims[d] = y.dims[d];
      }
    }
    out.dims.insert(out.dims.begin() + static_cast<std::ptrdiff_t>(a), static_cast<int64_t>(node.inputs().size()));
    return out;
  }
  if ((op == "Pad" || op == "PadV2" || op == "MirrorPad") && !x.unknown_rank && node.inputs().size() >= 2) {
    const std::optional<std::vector<int64_t>> pads = ints_(node.inputs()[1]);
    Shape out = x;
    for (size_t k = 0; k < out.dims.size(); ++k) {
      if (pads && pads->size() == 2 * out.dims.size() && (*pads)[2 * k] == 0 && (*pads)[2 * k + 1] == 0) continue;
      const bool known = pads && pads->size() == 2 * out.dims.size() && out.dims[k] >= 0 && (*pads)[2 * k] >= 0 && (*pads)[2 * k + 1] >= 0;
      if (!known || __builtin_add_overflow(out.dims[k], (*pads)[2 * k], &out.dims[k]) ||
          __builtin_add_overflow(out.dims[k], (*pads)[2 * k + 1], &out.dims[k])) {
        out.dims[k] = -1;
      }
    }
    return out;
  }
  if ((op == "Fill" || op == "RandomUniform" || op == "RandomStandardNormal") && !node.inputs().empty()) {
    std::optional<Sizes> dims = sizes(node.inputs()[0]);
    if (!dims) return Shape::unknown();
    std::replace(dims->begin(), dims->end(), kAnyInt, int64_t{-1});
    return Shape(std::move(*dims));
  }
  if ((op == "ResizeBilinear" || op == "ResizeNearestNeighbor") && x.rank() == 4 && node.inputs().size() == 2) {
    const std::optional<std::vector<int64_t>> size = ints_(node.inputs()[1]);
    if (!size || size->size() != 2) return Shape{x.dims[0], -1, -1, x.dims[3]};
    return Shape{x.dims[0], (*size)[0], (*size)[1], x.dims[3]};
  }
  if (op == "AddN") {
    Shape out = x;
    for (size_t k = 1; k < node.inputs().size() && out.unknown_rank; ++k) out = in(node, k);
    return out;
  }
  if ((op == "ArgMax" || op == "ArgMin") && !x.unknown_rank && node.inputs().size() == 2) {
    const std::optional<std::vector<int64_t>> axis = ints_(node.inputs()[1]);
    size_t a = 0;
    if (!axis || axis->size() != 1 || !axis_of((*axis)[0], x.rank(), &a)) return Shape::unknown();
    Shape out = x;
    out.dims.erase(out.dims.begin() + static_cast<std::ptrdiff_t>(a));
    return out;
  }
  if (op == "Slice" && !x.unknown_rank && node.inputs().size() == 3) {
    const std::optional<std::vector<int64_t>> begin = ints_(node.inputs()[1]), size = ints_(node.inputs()[2]);
    Shape out(std::vector<int64_t>(x.dims.size(), -1));
    if (!size || size->size() != x.dims.size()) return out;
    for (size_t k = 0; k < out.dims.size(); ++k) {
      if ((*size)[k] >= 0) out.dims[k] = (*size)[k];
      else if ((*size)[k] == -1 && begin && begin->size() == out.dims.size() && (*begin)[k] == 0) out.dims[k] = x.dims[k];
    }
    return out;
  }
  if (op == "StridedSlice") return strided(node, x);
  if (op.compare(0, 13, "SparseSegment") == 0 && x.rank() >= 1) {
    Shape out = x;   // rows of the table, added up by segment
    out.dims[0] = -1;
    return out;
  }
  if (op == "GatherNd" && in(node, 1).rank() >= 1) {
    const Shape ids = in(node, 1);
    const int64_t depth = ids.dims.back();
    if (depth < 0 || x.unknown_rank || depth > x.rank()) return Shape::unknown();
    Shape out(std::vector<int64_t>(ids.dims.begin(), ids.dims.end() - 1));
    out.dims.insert(out.dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(depth), x.dims.end());
    return out;
  }
  if (op == "Where" && !x.unknown_rank) return Shape{-1, x.rank()};
  if (op == "LookupTableFindV2" && in(node, 2).rank() == 0) return in(node, 1);
  if (op == "Tile" && !x.unknown_rank && node.inputs().size() == 2) {
    const std::optional<std::vector<int64_t>> times = ints_(node.inputs()[1]);
    Shape out = x;
    for (size_t k = 0; k < out.dims.size(); ++k) {
      int64_t& d = out.dims[k];
      if (!times || times->size() != out.dims.size()) d = -1;
      else if ((*times)[k] != 1 && (d < 0 || (*times)[k] < 0 || __builtin_mul_overflow(d, (*times)[k], &d))) d = -1;
    }
    return out;
  }
  if (op.compare(0, 11, "BatchMatMul") == 0 && x.rank() >= 2 && in(node, 1).rank() >= 2) {
    Shape a = x, b = in(node, 1);
    const int64_t rows = a.dims[a.dims.size() - (node.attrs.bool_or("adj_x", false) ? 1 : 2)];
    const int64_t columns = b.dims[b.dims.size() - (node.attrs.bool_or("adj_y", false) ? 2 : 1)];
    a.dims.resize(a.dims.size() - 2);
    b.dims.resize(b.dims.size() - 2);
    Shape out = broadcast(a, b);
    if (out.unknown_rank) return out;
    out.dims.push_back(rows);
    out.dims.push_back(columns);
    return out;
  }
  if ((op == "Gather" || op == "GatherV2") && !x.unknown_rank && !in(node, 1).unknown_rank && node.attrs.int_or("batch_dims", 0) == 0) {
    std::optional<std::vector<int64_t>> axis = std::vector<int64_t>{0};
    if (op == "GatherV2") axis = node.inputs().size() == 3 ? ints_(node.inputs()[2]) : std::nullopt;
    size_t a = 0;
    if (!axis || axis->size() != 1 || !axis_of((*axis)[0], x.rank(), &a)) return Shape::unknown();
    Shape out = x;
    const Shape ids = in(node, 1);
    out.dims.erase(out.dims.begin() + static_cast<std::ptrdiff_t>(a));
    out.dims.insert(out.dims.begin() + static_cast<std::ptrdiff_t>(a), ids.dims.begin(), ids.dims.end());
    return out;
  }
  return Shape::unknown();
}

}  // namespace whittle
