#include <algorithm>

#include "constant_folder.h"
#include "whittle/kernel.h"
#include "whittle/quant.h"

namespace whittle {
namespace {

constexpr uint64_t kMostHeld = uint64_t{64} << 20;  // computed values in memory at once
constexpr uint64_t kMostProducts = 1 << 24;         // bytes of the inputs of convolutions and products
constexpr uint64_t kMostPicks = 1024;               // bytes of indices into a shape

template <size_t N>
bool one_of(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
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

}  // namespace

bool ConstantFolder::is_view(std::string_view op) {
  constexpr std::string_view kOps[] = {"Identity", "StopGradient", "PreventGradient", "Snapshot",
                                       "Reshape", "ExpandDims", "Squeeze"};
  return one_of(op, kOps);
}

bool ConstantFolder::is_shape_op(std::string_view op) {
  constexpr std::string_view kOps[] = {"Shape", "ShapeN", "Size", "Rank"};
  return one_of(op, kOps);
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
  if (bytes > std::max(most, kMostPicks) || held_ > kMostHeld) return std::vector<TensorRef>();
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
    if (known(node.inputs()[k])->byte_size() > kMostPicks) return std::vector<TensorRef>();
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

}  // namespace whittle
