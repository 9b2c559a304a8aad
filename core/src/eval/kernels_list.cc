// TensorLists, the loop variables of functional loops.
#include <algorithm>

#include "families.h"
#include "state_objects.h"

namespace whittle::eval {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 24;  // a handle is about 100 bytes

// -1 or a tensor of -1s means unknown, as elsewhere in these ops.
Result<Shape> element_shape(const Tensor& t) {
  WHITTLE_ASSIGN(const Dims dims, int_vector(t, "element_shape"));
  if (rank_of(t) == 0) {
    if (dims[0] != -1) return invalid_argument("a scalar element_shape must be -1");
    return Shape::unknown();
  }
  for (int64_t d : dims) {
    if (d < -1) return invalid_argument("negative dimension in element_shape");
  }
  return Shape(dims);
}

// Both say something about the same elements.
Result<Shape> merged(const Shape& a, const Shape& b) {
  if (a.unknown_rank) return b;
  if (b.unknown_rank) return a;
  if (!a.compatible(b)) {
    return invalid_argument(
        cat("element shapes ", a.to_string(), " and ", b.to_string(), " do not agree"));
  }
  Shape s = a;
  for (size_t i = 0; i < s.dims.size(); ++i) {
    if (s.dims[i] < 0) s.dims[i] = b.dims[i];
  }
  return s;
}

// The shape of unset elements: from what was said, and from elements that are set.
Result<Shape> shape_of_elements(const ListObject& list, const Shape& said) {
  WHITTLE_ASSIGN(Shape s, merged(list.element_shape, said));
  for (const Value& e : list.elements) {
    if (s.fully_defined()) break;
    if (e.live && e.object == nullptr) {
      WHITTLE_ASSIGN(s, merged(s, e.tensor.shape()));
    }
  }
  return s;
}

Result<Tensor> zeros(DType dtype, const Shape& shape, Context& ctx) {
  if (!shape.fully_defined()) {
    return invalid_argument("an element that was never set has no known shape");
  }
  WHITTLE_ASSIGN(Mover m, Mover::make(dtype, shape.dims, ctx));
  return m.take();
}

// The list of input `i` for changing: the same object when only this call holds it.
Result<std::shared_ptr<ListObject>> take_list(StateCall& call, size_t i) {
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, i));
  if (call.in[i].object.use_count() == 1) {
    return std::static_pointer_cast<ListObject>(std::move(call.in[i].object));
  }
  return std::make_shared<ListObject>(*list);
}

void give(StateCall& call, std::shared_ptr<ListObject> list) {
  call.out.push_back(Value::of(std::shared_ptr<Object>(std::move(list))));
}

Status give_int(StateCall& call, int64_t v) {
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt32, {}, {v}, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Result<int64_t> count_input(const StateCall& call, size_t i) {
  WHITTLE_ASSIGN(const int64_t n, scalar_int(call.in[i].tensor, "num_elements"));
  if (n < 0 || n > kMaxElements) return invalid_argument(cat("a list of ", n, " elements"));
  return n;
}

Status empty_list(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  auto list = std::make_shared<ListObject>();
  list->dtype = call.node.attrs.type_or("element_dtype", DType::kInvalid);
  WHITTLE_ASSIGN(list->element_shape, element_shape(call.in[0].tensor));
  WHITTLE_ASSIGN(list->max_elements, scalar_int(call.in[1].tensor, "max_num_elements"));
  give(call, std::move(list));
  return {};
}

Status reserve(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  auto list = std::make_shared<ListObject>();
  list->dtype = call.node.attrs.type_or("element_dtype", DType::kInvalid);
  WHITTLE_ASSIGN(list->element_shape, element_shape(call.in[0].tensor));
  WHITTLE_ASSIGN(const int64_t n, count_input(call, 1));
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(n) * sizeof(Value), call.ctx));
  list->elements.resize(static_cast<size_t>(n));
  give(call, std::move(list));
  return {};
}

// Row `i` of a tensor as a tensor of its own.
Result<Tensor> row_of(const Tensor& t, int64_t i, const Dims& dims, Context& ctx) {
  WHITTLE_ASSIGN(Mover m, Mover::make(t.dtype(), dims, ctx));
  m.copy(0, t, static_cast<uint64_t>(i) * m.elements(), m.elements());
  return m.take();
}

Status from_tensor(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& t = call.in[0].tensor;
  if (rank_of(t) < 1) return invalid_argument("a scalar cannot become a list");
  auto list = std::make_shared<ListObject>();
  list->dtype = t.dtype();
  WHITTLE_ASSIGN(list->element_shape, element_shape(call.in[1].tensor));
  const int64_t n = dims_of(t)[0];
  if (n > kMaxElements) return over_limit("a list of that many elements");
  const Dims dims(dims_of(t).begin() + 1, dims_of(t).end());
  WHITTLE_CHECK(merged(list->element_shape, Shape(dims)));
  for (int64_t i = 0; i < n; ++i) {
    WHITTLE_ASSIGN(Tensor row, row_of(t, i, dims, call.ctx));
    list->elements.push_back(Value::of(std::move(row)));
  }
  give(call, std::move(list));
  return {};
}

Status get_item(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, 0));
  WHITTLE_ASSIGN(const int64_t i, scalar_int(call.in[1].tensor, "index"));
  if (i < 0 || i >= static_cast<int64_t>(list->elements.size())) {
    return invalid_argument(cat("index ", i, " is outside of a list of ", list->elements.size()));
  }
  const Value& e = list->elements[static_cast<size_t>(i)];
  if (e.live) {
    call.out.push_back(e);
    return {};
  }
  WHITTLE_ASSIGN(const Shape said, element_shape(call.in[2].tensor));
  WHITTLE_ASSIGN(const Shape shape, shape_of_elements(*list, said));
  WHITTLE_ASSIGN(Tensor t, zeros(list->dtype, shape, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status set_item(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const int64_t i, scalar_int(call.in[1].tensor, "index"));
  WHITTLE_ASSIGN(std::shared_ptr<ListObject> list, take_list(call, 0));
  const bool grow = call.node.attrs.bool_or("resize_if_index_out_of_bounds", false);
  if (i < 0 || i >= kMaxElements ||
      (i >= static_cast<int64_t>(list->elements.size()) && !grow)) {
    return invalid_argument(cat("index ", i, " is outside of a list of ", list->elements.size()));
  }
  if (i >= static_cast<int64_t>(list->elements.size())) {
    list->elements.resize(static_cast<size_t>(i) + 1);
  }
  Value& item = call.in[2];
  if (item.object == nullptr) {
    if (item.tensor.dtype() != list->dtype) return invalid_argument("item of another dtype");
    WHITTLE_CHECK(merged(list->element_shape, item.tensor.shape()));
  }
  list->elements[static_cast<size_t>(i)] = std::move(item);
  give(call, std::move(list));
  return {};
}

Status push_back(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(std::shared_ptr<ListObject> list, take_list(call, 0));
  if (list->max_elements >= 0 &&
      static_cast<int64_t>(list->elements.size()) >= list->max_elements) {
    return invalid_argument("the list is full");
  }
  Value& item = call.in[1];
  if (item.object == nullptr && item.tensor.dtype() != list->dtype) {
    return invalid_argument("item of another dtype");
  }
  list->elements.push_back(std::move(item));
  give(call, std::move(list));
  return {};
}

Status pop_back(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(std::shared_ptr<ListObject> list, take_list(call, 0));
  if (list->elements.empty()) return invalid_argument("an empty list has no last element");
  Value last = std::move(list->elements.back());
  list->elements.pop_back();
  if (!last.live) {
    WHITTLE_ASSIGN(const Shape said, element_shape(call.in[1].tensor));
    WHITTLE_ASSIGN(const Shape shape, shape_of_elements(*list, said));
    WHITTLE_ASSIGN(Tensor t, zeros(list->dtype, shape, call.ctx));
    last = Value::of(std::move(t));
  }
  give(call, std::move(list));
  call.out.push_back(std::move(last));
  return {};
}

Status length(StateCall& call) {
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, 0));
  return give_int(call, static_cast<int64_t>(list->elements.size()));
}

Status resize(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(const int64_t n, count_input(call, 1));
  WHITTLE_ASSIGN(std::shared_ptr<ListObject> list, take_list(call, 0));
  list->elements.resize(static_cast<size_t>(n));
  give(call, std::move(list));
  return {};
}

Status list_element_shape(StateCall& call) {
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, 0));
  const DType dtype = call.node.attrs.type_or("shape_type", DType::kInt32);
  const Shape& s = list->element_shape;
  const Dims dims = s.unknown_rank ? Dims{-1} : s.dims;
  WHITTLE_ASSIGN(Tensor t, int_tensor(dtype, s.unknown_rank ? Dims{} : Dims{static_cast<int64_t>(dims.size())},
                                      dims, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

// The chosen elements, stacked along a new first axis.
Status stacked(StateCall& call, const ListObject& list, const std::vector<size_t>& which,
               const Shape& said) {
  WHITTLE_ASSIGN(Shape shape, shape_of_elements(list, said));
  if (!shape.fully_defined()) {
    if (!which.empty()) return invalid_argument("the elements' shape is not known");
    return invalid_argument("an empty list of elements without a known shape cannot be stacked");
  }
  Dims dims{static_cast<int64_t>(which.size())};
  dims.insert(dims.end(), shape.dims.begin(), shape.dims.end());
  WHITTLE_ASSIGN(const uint64_t row, element_count(shape.dims));
  WHITTLE_ASSIGN(Mover out, Mover::make(list.dtype, std::move(dims), call.ctx));
  for (size_t i = 0; i < which.size(); ++i) {
    const Value& e = list.elements[which[i]];
    if (!e.live) continue;  // zeros
    if (e.object != nullptr) return no_kernel("stacking a list of handles");
    if (e.tensor.shape() != shape) {
      return invalid_argument(cat("elements of shapes ", e.tensor.shape().to_string(), " and ",
                                  shape.to_string(), " cannot be stacked"));
    }
    out.copy(i * row, e.tensor, 0, row);
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status stack(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, 0));
  WHITTLE_ASSIGN(const Shape said, element_shape(call.in[1].tensor));
  const int64_t expected = call.node.attrs.int_or("num_elements", -1);
  if (expected >= 0 && expected != static_cast<int64_t>(list->elements.size())) {
    return invalid_argument(cat("a list of ", list->elements.size(), " elements, not ", expected));
  }
  std::vector<size_t> all(list->elements.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  return stacked(call, *list, all, said);
}

Status gather(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, 0));
  WHITTLE_ASSIGN(const Dims indices, int_vector(call.in[1].tensor, "indices"));
  WHITTLE_ASSIGN(const Shape said, element_shape(call.in[2].tensor));
  std::vector<size_t> which;
  for (int64_t i : indices) {
    if (i < 0 || i >= static_cast<int64_t>(list->elements.size())) {
      return invalid_argument(cat("index ", i, " is outside of a list of ", list->elements.size()));
    }
    which.push_back(static_cast<size_t>(i));
  }
  return stacked(call, *list, which, said);
}

// Rows of `t` to the places of `indices`.
Status scatter_rows(ListObject& list, const Tensor& t, const Dims& indices, Context& ctx) {
  if (rank_of(t) < 1 || dims_of(t)[0] != static_cast<int64_t>(indices.size())) {
    return invalid_argument("as many rows as indices are needed");
  }
  const Dims dims(dims_of(t).begin() + 1, dims_of(t).end());
  WHITTLE_CHECK(merged(list.element_shape, Shape(dims)));
  for (size_t k = 0; k < indices.size(); ++k) {
    const int64_t i = indices[k];
    if (i < 0 || i >= kMaxElements) return invalid_argument(cat("index ", i, " into a list"));
    if (i >= static_cast<int64_t>(list.elements.size())) {
      list.elements.resize(static_cast<size_t>(i) + 1);
    }
    WHITTLE_ASSIGN(Tensor row, row_of(t, static_cast<int64_t>(k), dims, ctx));
    list.elements[static_cast<size_t>(i)] = Value::of(std::move(row));
  }
  return {};
}

Status scatter(StateCall& call) {
  const bool v2 = call.node.op == "TensorListScatterV2";
  WHITTLE_CHECK(need_inputs(call, v2 ? 4 : 3));
  const Tensor& t = call.in[0].tensor;
  auto list = std::make_shared<ListObject>();
  list->dtype = t.dtype();
  WHITTLE_ASSIGN(const Dims indices, int_vector(call.in[1].tensor, "indices"));
  WHITTLE_ASSIGN(list->element_shape, element_shape(call.in[2].tensor));
  if (v2) {
    WHITTLE_ASSIGN(const int64_t n, scalar_int(call.in[3].tensor, "num_elements"));
    if (n > kMaxElements) return over_limit("a list of that many elements");
    if (n > 0) list->elements.resize(static_cast<size_t>(n));
  }
  WHITTLE_CHECK(scatter_rows(*list, t, indices, call.ctx));
  give(call, std::move(list));
  return {};
}

Status scatter_into(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(std::shared_ptr<ListObject> list, take_list(call, 0));
  WHITTLE_ASSIGN(const Dims indices, int_vector(call.in[2].tensor, "indices"));
  WHITTLE_CHECK(scatter_rows(*list, call.in[1].tensor, indices, call.ctx));
  give(call, std::move(list));
  return {};
}

// Elements joined along their first axis, and how long each was.
Status concat(StateCall& call) {
  WHITTLE_ASSIGN(ListObject* list, object_input<ListObject>(call, 0));
  std::vector<Tensor> parts;
  std::vector<int64_t> lengths;
  for (const Value& e : list->elements) {
    if (!e.live || e.object != nullptr) return no_kernel("joining a list with unset elements");
    if (rank_of(e.tensor) < 1) return invalid_argument("scalars cannot be joined");
    lengths.push_back(dims_of(e.tensor)[0]);
    parts.push_back(e.tensor);
  }
  if (parts.empty()) return no_kernel("joining an empty list");
  WHITTLE_ASSIGN(Tensor axis, int_tensor(DType::kInt32, {}, {0}, call.ctx));
  WHITTLE_ASSIGN(Tensor all_lengths, int_tensor(DType::kInt64, {static_cast<int64_t>(lengths.size())},
                                                lengths, call.ctx));
  parts.push_back(std::move(axis));
  WHITTLE_ASSIGN(Tensors joined, run_kernel(*find_kernel("ConcatV2"), call.node, parts, call.ctx));
  call.out.push_back(Value::of(std::move(joined[0])));
  call.out.push_back(Value::of(std::move(all_lengths)));
  return {};
}

Status split_list(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& t = call.in[0].tensor;
  auto list = std::make_shared<ListObject>();
  list->dtype = t.dtype();
  WHITTLE_ASSIGN(list->element_shape, element_shape(call.in[1].tensor));
  WHITTLE_ASSIGN(const Dims lengths, int_vector(call.in[2].tensor, "lengths"));
  if (rank_of(t) < 1) return invalid_argument("a scalar cannot be split");
  const Dims strides = row_major_strides(dims_of(t));
  int64_t start = 0;
  for (int64_t n : lengths) {
    if (n < 0 || n > dims_of(t)[0] - start) return invalid_argument("lengths do not fit");
    Dims dims = dims_of(t);
    dims[0] = n;
    WHITTLE_ASSIGN(Tensor piece, materialize(t, {dims, strides, start * strides[0]}, dims, call.ctx));
    list->elements.push_back(Value::of(std::move(piece)));
    start += n;
  }
  if (start != dims_of(t)[0]) return invalid_argument("lengths do not add up");
  give(call, std::move(list));
  return {};
}

constexpr KernelInfo row(std::string_view op, Status (*run)(StateCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = kMovable, .attrs = attrs, .cost = Cost::kMove, .run_state = run};
}

constexpr KernelInfo kRows[] = {
    row("EmptyTensorList", empty_list, "element_dtype"),
    row("TensorListConcat", concat),
    row("TensorListConcatV2", concat),
    row("TensorListElementShape", list_element_shape, "shape_type"),
    row("TensorListFromTensor", from_tensor),
    row("TensorListGather", gather),
    row("TensorListGetItem", get_item),
    row("TensorListLength", length),
    row("TensorListPopBack", pop_back),
    row("TensorListPushBack", push_back),
    row("TensorListReserve", reserve, "element_dtype"),
    row("TensorListResize", resize),
    row("TensorListScatter", scatter),
    row("TensorListScatterIntoExistingList", scatter_into),
    row("TensorListScatterV2", scatter),
    row("TensorListSetItem", set_item, "resize_if_index_out_of_bounds"),
    row("TensorListSplit", split_list),
    row("TensorListStack", stack, "num_elements"),
};

}  // namespace

Rows list_kernels() { return kRows; }

}  // namespace whittle::eval
