// TensorArrays, the loop variables of v1 loops. The flow output orders reads and writes; its value
// means nothing.
#include <algorithm>

#include "families.h"
#include "state_objects.h"

namespace whittle::eval {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 24;

Status give_flow(StateCall& call) {
  WHITTLE_ASSIGN(Tensor flow, make_tensor(DType::kFloat, {}, call.ctx));
  call.out.push_back(Value::of(std::move(flow)));
  return {};
}

Status create(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(const int64_t n, scalar_int(call.in[0].tensor, "size"));
  if (n < 0 || n > kMaxElements) return invalid_argument(cat("a TensorArray of ", n, " elements"));
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(n) * sizeof(Tensor), call.ctx));
  const AttrMap& attrs = call.node.attrs;
  auto array = std::make_shared<ArrayObject>();
  array->dtype = attrs.type_or("dtype", DType::kInvalid);
  array->dynamic_size = attrs.bool_or("dynamic_size", false);
  array->clear_after_read = attrs.bool_or("clear_after_read", true);
  const AttrValue* shape = attrs.find("element_shape");
  if (shape != nullptr && shape->kind() == AttrValue::Kind::kShape) {
    array->element_shape = shape->shape();
  }
  array->elements.resize(static_cast<size_t>(n));
  call.out.push_back(Value::of(std::shared_ptr<Object>(std::move(array))));
  return give_flow(call);
}

Status write_at(ArrayObject& array, int64_t i, Tensor t) {
  if (i < 0 || i >= kMaxElements ||
      (i >= static_cast<int64_t>(array.elements.size()) && !array.dynamic_size)) {
    return invalid_argument(
        cat("index ", i, " is outside of a TensorArray of ", array.elements.size()));
  }
  if (t.dtype() != array.dtype) return invalid_argument("a value of another dtype");
  if (!array.element_shape.compatible(t.shape())) {
    return invalid_argument(cat("a value of shape ", t.shape().to_string(), " for elements of ",
                                array.element_shape.to_string()));
  }
  if (i >= static_cast<int64_t>(array.elements.size())) {
    array.elements.resize(static_cast<size_t>(i) + 1);
  }
  array.elements[static_cast<size_t>(i)] = std::move(t);
  return {};
}

Status write(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  WHITTLE_ASSIGN(const int64_t i, scalar_int(call.in[1].tensor, "index"));
  WHITTLE_ASSIGN(Tensor t, tensor_of(call.in[2]));
  WHITTLE_CHECK(write_at(*array, i, std::move(t)));
  return give_flow(call);
}

Result<Tensor> read_at(ArrayObject& array, int64_t i, Context& ctx) {
  if (i < 0 || i >= static_cast<int64_t>(array.elements.size())) {
    return invalid_argument(
        cat("index ", i, " is outside of a TensorArray of ", array.elements.size()));
  }
  Tensor& t = array.elements[static_cast<size_t>(i)];
  if (t.dtype() != DType::kInvalid) return t;
  if (!array.element_shape.fully_defined()) {
    return invalid_argument(cat("element ", i, " of a TensorArray was never written"));
  }
  WHITTLE_ASSIGN(Mover zeros, Mover::make(array.dtype, array.element_shape.dims, ctx));
  return zeros.take();
}

Status read(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  WHITTLE_ASSIGN(const int64_t i, scalar_int(call.in[1].tensor, "index"));
  WHITTLE_ASSIGN(Tensor t, read_at(*array, i, call.ctx));
  if (array->clear_after_read) array->elements[static_cast<size_t>(i)] = Tensor();
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status stack_rows(StateCall& call, ArrayObject& array, const Dims& indices) {
  std::vector<Tensor> rows;
  Shape shape = array.element_shape;
  const AttrValue* said = call.node.attrs.find("element_shape");
  if (said != nullptr && said->shape().fully_defined()) shape = said->shape();
  for (int64_t i : indices) {
    WHITTLE_ASSIGN(Tensor t, read_at(array, i, call.ctx));
    if (!rows.empty() && t.shape() != rows[0].shape()) {
      return invalid_argument("elements of different shapes cannot be stacked");
    }
    rows.push_back(std::move(t));
    if (array.clear_after_read) array.elements[static_cast<size_t>(i)] = Tensor();
  }
  if (!rows.empty()) shape = rows[0].shape();
  if (!shape.fully_defined()) {
    return invalid_argument("an empty TensorArray of elements without a known shape");
  }
  Dims dims{static_cast<int64_t>(rows.size())};
  dims.insert(dims.end(), shape.dims.begin(), shape.dims.end());
  WHITTLE_ASSIGN(Mover out, Mover::make(array.dtype, std::move(dims), call.ctx));
  for (size_t i = 0; i < rows.size(); ++i) {
    out.copy(i * rows[i].elements(), rows[i], 0, rows[i].elements());
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status gather(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  WHITTLE_ASSIGN(const Dims indices, int_vector(call.in[1].tensor, "indices"));
  return stack_rows(call, *array, indices);
}

Status scatter(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  WHITTLE_ASSIGN(const Dims indices, int_vector(call.in[1].tensor, "indices"));
  const Tensor& t = call.in[2].tensor;
  if (rank_of(t) < 1 || dims_of(t)[0] != static_cast<int64_t>(indices.size())) {
    return invalid_argument("as many rows as indices are needed");
  }
  const Dims dims(dims_of(t).begin() + 1, dims_of(t).end());
  for (size_t k = 0; k < indices.size(); ++k) {
    WHITTLE_ASSIGN(Mover row, Mover::make(t.dtype(), dims, call.ctx));
    row.copy(0, t, k * row.elements(), row.elements());
    WHITTLE_ASSIGN(Tensor piece, row.take());
    WHITTLE_CHECK(write_at(*array, indices[k], std::move(piece)));
  }
  return give_flow(call);
}

Status concat(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  std::vector<Tensor> parts;
  std::vector<int64_t> lengths;
  for (size_t i = 0; i < array->elements.size(); ++i) {
    WHITTLE_ASSIGN(Tensor t, read_at(*array, static_cast<int64_t>(i), call.ctx));
    if (rank_of(t) < 1) return invalid_argument("scalars cannot be joined");
    lengths.push_back(dims_of(t)[0]);
    parts.push_back(std::move(t));
    if (array->clear_after_read) array->elements[i] = Tensor();
  }
  if (parts.empty()) return no_kernel("joining an empty TensorArray");
  WHITTLE_ASSIGN(Tensor axis, int_tensor(DType::kInt32, {}, {0}, call.ctx));
  parts.push_back(std::move(axis));
  WHITTLE_ASSIGN(Tensors joined, run_kernel(*find_kernel("ConcatV2"), call.node, parts, call.ctx));
  WHITTLE_ASSIGN(Tensor all, int_tensor(DType::kInt64, {static_cast<int64_t>(lengths.size())}, lengths,
                                        call.ctx));
  call.out.push_back(Value::of(std::move(joined[0])));
  call.out.push_back(Value::of(std::move(all)));
  return {};
}

Status split(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  const Tensor& t = call.in[1].tensor;
  WHITTLE_ASSIGN(const Dims lengths, int_vector(call.in[2].tensor, "lengths"));
  if (rank_of(t) < 1) return invalid_argument("a scalar cannot be split");
  const Dims strides = row_major_strides(dims_of(t));
  int64_t start = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0 || lengths[i] > dims_of(t)[0] - start) {
      return invalid_argument("lengths do not fit");
    }
    Dims dims = dims_of(t);
    dims[0] = lengths[i];
    WHITTLE_ASSIGN(Tensor piece, materialize(t, {dims, strides, start * strides[0]}, dims, call.ctx));
    WHITTLE_CHECK(write_at(*array, static_cast<int64_t>(i), std::move(piece)));
    start += lengths[i];
  }
  return give_flow(call);
}

Status size(StateCall& call) {
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt32, {},
                                      {static_cast<int64_t>(array->elements.size())}, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status close(StateCall& call) {
  WHITTLE_ASSIGN(ArrayObject* array, object_input<ArrayObject>(call, 0));
  array->elements.clear();
  return {};
}

constexpr KernelInfo row(std::string_view op, Status (*run)(StateCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = kMovable, .attrs = attrs, .cost = Cost::kMove, .run_state = run};
}

constexpr std::string_view kCreate = "dtype,element_shape,dynamic_size,clear_after_read";
constexpr KernelInfo kRows[] = {
    row("TensorArrayCloseV2", close),
    row("TensorArrayCloseV3", close),
    row("TensorArrayConcatV2", concat),
    row("TensorArrayConcatV3", concat),
    row("TensorArrayGatherV2", gather, "element_shape"),
    row("TensorArrayGatherV3", gather, "element_shape"),
    row("TensorArrayReadV2", read),
    row("TensorArrayReadV3", read),
    row("TensorArrayScatterV2", scatter),
    row("TensorArrayScatterV3", scatter),
    row("TensorArraySizeV2", size),
    row("TensorArraySizeV3", size),
    row("TensorArraySplitV2", split),
    row("TensorArraySplitV3", split),
    row("TensorArrayV2", create, kCreate),
    row("TensorArrayV3", create, kCreate),
    row("TensorArrayWriteV2", write),
    row("TensorArrayWriteV3", write),
};

}  // namespace

Rows array_kernels() { return kRows; }

}  // namespace whittle::eval
