// Sparse tensors: indices [n, rank] int64, values [n], dense_shape [rank].
#include <algorithm>

#include "elementwise.h"
#include "families.h"
#include "products.h"

namespace whittle::eval {
namespace {

struct Sparse {
  Dims flat;   // indices, row by row
  Dims shape;
  size_t rank = 0, count = 0;
  int64_t at(size_t row, size_t k) const { return flat[row * rank + k]; }
};

Result<Sparse> sparse_of(const Tensor& indices, const Tensor& shape) {
  Sparse s;
  WHITTLE_CHECK(need_rank(indices, 2, "indices"));
  WHITTLE_CHECK(need_rank(shape, 1, "dense_shape"));
  WHITTLE_ASSIGN(s.flat, int_vector(indices, "indices"));
  WHITTLE_ASSIGN(s.shape, int_vector(shape, "dense_shape"));
  s.rank = s.shape.size();
  s.count = static_cast<size_t>(dims_of(indices)[0]);
  if (dims_of(indices)[1] != static_cast<int64_t>(s.rank)) {
    return invalid_argument("indices and dense_shape differ in rank");
  }
  for (int64_t d : s.shape) {
    if (d < 0) return invalid_argument("negative dimension in dense_shape");
  }
  return s;
}

Status check_inside(const Sparse& s) {
  for (size_t i = 0; i < s.count; ++i) {
    for (size_t k = 0; k < s.rank; ++k) {
      if (s.at(i, k) < 0 || s.at(i, k) >= s.shape[k]) {
        return invalid_argument(cat("index ", s.at(i, k), " is outside of dimension ", s.shape[k]));
      }
    }
  }
  return {};
}

Result<Tensors> reshape(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[1]));
  WHITTLE_ASSIGN(Dims target, int_vector(call.in[2], "new_shape"));
  WHITTLE_ASSIGN(const uint64_t total, element_count(s.shape));
  uint64_t known = 1;
  int64_t unknown = -1;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] == -1 && unknown < 0) {
      unknown = static_cast<int64_t>(i);
    } else if (target[i] < 0 ||
               __builtin_mul_overflow(known, static_cast<uint64_t>(target[i]), &known)) {
      return invalid_argument("new_shape is no shape");
    }
  }
  if (unknown >= 0) {
    if (known == 0 || total % known != 0) return invalid_argument("new_shape does not fit");
    target[static_cast<size_t>(unknown)] = static_cast<int64_t>(total / known);
    known = total;
  }
  if (known != total) return invalid_argument("new_shape has another number of elements");
  WHITTLE_CHECK(check_inside(s));
  std::vector<int64_t> moved;
  for (size_t i = 0; i < s.count; ++i) {
    uint64_t at = 0;
    for (size_t k = 0; k < s.rank; ++k) {
      at = at * static_cast<uint64_t>(s.shape[k]) + static_cast<uint64_t>(s.at(i, k));
    }
    const size_t base = moved.size();
    moved.resize(base + target.size());
    for (size_t k = target.size(); k-- > 0;) {
      moved[base + k] = static_cast<int64_t>(at % static_cast<uint64_t>(target[k]));
      at /= static_cast<uint64_t>(target[k]);
    }
  }
  const int64_t rank = static_cast<int64_t>(target.size());
  WHITTLE_ASSIGN(Tensor indices, int_tensor(DType::kInt64, {static_cast<int64_t>(s.count), rank},
                                            moved, call.ctx));
  WHITTLE_ASSIGN(Tensor shape, int_tensor(DType::kInt64, {rank}, target, call.ctx));
  Tensors out = one(std::move(indices));
  out.push_back(std::move(shape));
  return out;
}

// Rows without a value get `default_value`; entries are in row order afterwards.
Result<Tensors> fill_empty_rows(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  const Tensor &values = call.in[1], &fallback = call.in[3];
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  WHITTLE_CHECK(need_same_dtype(values, fallback));
  if (s.rank < 1) return invalid_argument("dense_shape must have at least one dimension");
  if (values.elements() != s.count || fallback.elements() != 1) {
    return invalid_argument("values and indices differ in number");
  }
  const int64_t rows = s.shape[0];
  if (rows > 0) WHITTLE_CHECK(within_budget(static_cast<uint64_t>(rows) * 16, call.ctx));
  if (rows == 0 && s.count != 0) return invalid_argument("entries in a tensor without rows");
  std::vector<int64_t> per_row(static_cast<size_t>(rows), 0);
  for (size_t i = 0; i < s.count; ++i) {
    const int64_t r = s.at(i, 0);
    if (r < 0 || r >= rows) return invalid_argument(cat("row ", r, " is out of range"));
    ++per_row[static_cast<size_t>(r)];
  }
  std::vector<int64_t> start(per_row.size() + 1, 0);
  WHITTLE_ASSIGN(Tensor empty_row, make_tensor(DType::kBool, {rows}, call.ctx));
  for (size_t r = 0; r < per_row.size(); ++r) {
    empty_row.mutable_bytes()[r] = per_row[r] == 0;
    start[r + 1] = start[r] + std::max<int64_t>(per_row[r], 1);
  }
  const int64_t total = start.back(), rank = static_cast<int64_t>(s.rank);
  std::vector<int64_t> indices(static_cast<size_t>(total * rank), 0), reverse;
  WHITTLE_ASSIGN(Mover out_values, Mover::make(values.dtype(), {total}, call.ctx));
  for (size_t r = 0; r < per_row.size(); ++r) {
    if (per_row[r] != 0) continue;
    const size_t at = static_cast<size_t>(start[r]);
    indices[at * s.rank] = static_cast<int64_t>(r);
    out_values.copy(at, fallback, 0, 1);
  }
  for (size_t i = 0; i < s.count; ++i) {
    const size_t at = static_cast<size_t>(start[static_cast<size_t>(s.at(i, 0))]++);
    for (size_t k = 0; k < s.rank; ++k) indices[at * s.rank + k] = s.at(i, k);
    out_values.copy(at, values, i, 1);
    reverse.push_back(static_cast<int64_t>(at));
  }
  WHITTLE_ASSIGN(Tensor out_indices, int_tensor(DType::kInt64, {total, rank}, indices, call.ctx));
  WHITTLE_ASSIGN(Tensor filled, out_values.take());
  WHITTLE_ASSIGN(Tensor map, int_tensor(DType::kInt64, {static_cast<int64_t>(s.count)}, reverse,
                                        call.ctx));
  Tensors out = one(std::move(out_indices));
  out.push_back(std::move(filled));
  out.push_back(std::move(empty_row));
  out.push_back(std::move(map));
  return out;
}

// sparse_indices may be a scalar, a vector or a matrix; values a scalar or a vector.
Result<Tensors> to_dense(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  const Tensor &indices = call.in[0], &values = call.in[2], &fallback = call.in[3];
  WHITTLE_ASSIGN(Dims shape, shape_input(call.in[1], "output_shape"));
  WHITTLE_CHECK(need_same_dtype(values, fallback));
  WHITTLE_ASSIGN(const Dims flat, int_vector(indices, "sparse_indices"));
  const size_t rank = rank_of(indices) > 1 ? static_cast<size_t>(dims_of(indices)[1]) : 1;
  const size_t count = rank_of(indices) > 0 ? static_cast<size_t>(dims_of(indices)[0]) : 1;
  if (rank_of(indices) > 2 || rank != shape.size()) {
    return invalid_argument("sparse_indices and output_shape differ in rank");
  }
  if (values.elements() != count && !(rank_of(values) == 0)) {
    return invalid_argument("sparse_values and sparse_indices differ in number");
  }
  if (fallback.elements() != 1) return invalid_argument("default_value must be a scalar");
  const bool validate = call.node.attrs.bool_or("validate_indices", true);
  const Dims strides = row_major_strides(shape);
  WHITTLE_ASSIGN(Mover out, Mover::make(values.dtype(), shape, call.ctx));
  out.copy_strided(0, fallback, 0, 0, out.elements());
  int64_t previous = -1;
  for (size_t i = 0; i < count; ++i) {
    int64_t at = 0;
    for (size_t k = 0; k < rank; ++k) {
      const int64_t v = flat[i * rank + k];
      if (v < 0 || v >= shape[k]) return invalid_argument(cat("index ", v, " is out of range"));
      at += v * strides[k];
    }
    if (validate && at <= previous) {
      return invalid_argument("sparse_indices are out of order or repeated");
    }
    previous = at;
    out.copy(static_cast<uint64_t>(at), values, rank_of(values) == 0 ? 0 : i, 1);
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// out[r] += a[r, k] * b[k], one term after the other in the order of the entries.
Result<Tensors> times_dense(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  if (s.rank != 2) return invalid_argument("a must be a matrix");
  const DType dtype = call.in[1].dtype();
  WHITTLE_CHECK(need_same_dtype(call.in[1], call.in[3]));
  const bool adjoint_a = call.node.attrs.bool_or("adjoint_a", false);
  Tensor b = call.in[3];
  WHITTLE_CHECK(need_rank(b, 2, "b"));
  if (call.node.attrs.bool_or("adjoint_b", false)) {
    WHITTLE_ASSIGN(b, materialize(b, {{dims_of(b)[1], dims_of(b)[0]}, {1, dims_of(b)[1]}, 0},
                                  {dims_of(b)[1], dims_of(b)[0]}, call.ctx));
  }
  WHITTLE_CHECK(check_inside(s));
  const int64_t rows = s.shape[adjoint_a ? 1 : 0], inner = s.shape[adjoint_a ? 0 : 1];
  if (dims_of(b)[0] != inner) return invalid_argument("a and b cannot be multiplied");
  if (call.in[1].elements() != s.count) return invalid_argument("values and indices differ");
  WHITTLE_ASSIGN(const Tensor values, widened(call.in[1], call.ctx));
  WHITTLE_ASSIGN(const Tensor wide, widened(b, call.ctx));
  if (kComplex.has(wide.dtype())) return no_kernel("products of complex matrices");
  const size_t n = static_cast<size_t>(dims_of(b)[1]), width = byte_width(wide.dtype());
  WHITTLE_ASSIGN(Tensor out, make_tensor(wide.dtype(), {rows, dims_of(b)[1]}, call.ctx));
  for (size_t i = 0; i < s.count; ++i) {
    const size_t r = static_cast<size_t>(s.at(i, adjoint_a ? 1 : 0)),
                 k = static_cast<size_t>(s.at(i, adjoint_a ? 0 : 1));
    gemm(wide.dtype(), 1, n, 1, values.bytes().data() + i * width, 1,
         wide.bytes().data() + k * n * width, n, out.mutable_bytes() + r * n * width, n, true);
  }
  WHITTLE_ASSIGN(Tensor t, narrowed(out, dtype, call.ctx));
  return one(std::move(t));
}

Result<Tensors> plus_dense(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  if (s.shape != dims_of(call.in[3])) return invalid_argument("a and b differ in shape");
  WHITTLE_CHECK(need_same_dtype(call.in[1], call.in[3]));
  // As a scatter: entries that name one place twice add up.
  Tensor inputs[3] = {call.in[3], call.in[0], call.in[1]};
  return run_kernel(*find_kernel("TensorScatterAdd"), call.node, inputs, call.ctx);
}

// values[i] op dense[indices[i]], the dense operand broadcast to the sparse shape.
Result<Tensors> with_dense(KernelCall& call, std::string_view op) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  WHITTLE_CHECK(check_inside(s));
  const Tensor& dense = call.in[3];
  WHITTLE_ASSIGN(const Dims strides, broadcast_strides(dims_of(dense), s.shape));
  WHITTLE_ASSIGN(Mover picked, Mover::make(dense.dtype(), {static_cast<int64_t>(s.count)}, call.ctx));
  for (size_t i = 0; i < s.count; ++i) {
    int64_t at = 0;
    for (size_t k = 0; k < s.rank; ++k) at += s.at(i, k) * strides[k];
    picked.copy(i, dense, static_cast<uint64_t>(at), 1);
  }
  WHITTLE_ASSIGN(Tensor other, picked.take());
  Tensor inputs[2] = {call.in[1], std::move(other)};
  return run_kernel(*find_kernel(op), call.node, inputs, call.ctx);
}
Result<Tensors> cwise_add(KernelCall& call) { return with_dense(call, "AddV2"); }
Result<Tensors> cwise_mul(KernelCall& call) { return with_dense(call, "Mul"); }
Result<Tensors> cwise_div(KernelCall& call) { return with_dense(call, "Div"); }

// Entries in row-major order.
Result<Tensors> reorder(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  const Tensor& values = call.in[1];
  if (values.elements() != s.count) return invalid_argument("values and indices differ in number");
  std::vector<size_t> order(s.count);
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    for (size_t k = 0; k < s.rank; ++k) {
      if (s.at(a, k) != s.at(b, k)) return s.at(a, k) < s.at(b, k);
    }
    return false;
  });
  std::vector<int64_t> indices;
  WHITTLE_ASSIGN(Mover moved, Mover::make(values.dtype(), dims_of(values), call.ctx));
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t k = 0; k < s.rank; ++k) indices.push_back(s.at(order[i], k));
    moved.copy(i, values, order[i], 1);
  }
  WHITTLE_ASSIGN(Tensor sorted, int_tensor(DType::kInt64, dims_of(call.in[0]), indices, call.ctx));
  WHITTLE_ASSIGN(Tensor t, moved.take());
  Tensors out = one(std::move(sorted));
  out.push_back(std::move(t));
  return out;
}

// Inputs: N indices, N values, N shapes.
Result<Tensors> concat(KernelCall& call) {
  const size_t n = call.in.size() / 3;
  if (n == 0 || call.in.size() != 3 * n) return invalid_argument("SparseConcat needs triples");
  std::vector<Sparse> parts;
  for (size_t i = 0; i < n; ++i) {
    WHITTLE_ASSIGN(Sparse s, sparse_of(call.in[i], call.in[2 * n + i]));
    if (call.in[n + i].elements() != s.count || s.rank != (parts.empty() ? s.rank : parts[0].rank)) {
      return invalid_argument("parts do not fit each other");
    }
    parts.push_back(std::move(s));
  }
  WHITTLE_ASSIGN(const int axis_index, axis_in(call.node.attrs.int_or("concat_dim", 0),
                                               static_cast<int>(parts[0].rank), "concat_dim"));
  const size_t axis = static_cast<size_t>(axis_index);
  Dims shape = parts[0].shape;
  std::vector<int64_t> indices;
  int64_t start = 0;
  uint64_t total = 0;
  for (const Sparse& s : parts) {
    for (size_t k = 0; k < s.rank; ++k) {
      if (k != axis && s.shape[k] != shape[k]) return invalid_argument("parts differ in shape");
    }
    for (size_t i = 0; i < s.count; ++i) {
      for (size_t k = 0; k < s.rank; ++k) {
        indices.push_back(s.at(i, k) + (k == axis ? start : 0));
      }
    }
    total += s.count;
    if (__builtin_add_overflow(start, s.shape[axis], &start)) return invalid_argument("too large");
  }
  shape[axis] = start;
  WHITTLE_ASSIGN(Mover values, Mover::make(call.in[n].dtype(), {static_cast<int64_t>(total)}, call.ctx));
  uint64_t at = 0;
  for (size_t i = 0; i < n; ++i) {
    WHITTLE_CHECK(need_same_dtype(call.in[n], call.in[n + i]));
    values.copy(at, call.in[n + i], 0, parts[i].count);
    at += parts[i].count;
  }
  const int64_t rank = static_cast<int64_t>(shape.size());
  Tensor inputs[3];
  WHITTLE_ASSIGN(inputs[0], int_tensor(DType::kInt64, {static_cast<int64_t>(total), rank}, indices,
                                       call.ctx));
  WHITTLE_ASSIGN(inputs[1], values.take());
  WHITTLE_ASSIGN(inputs[2], int_tensor(DType::kInt64, {rank}, shape, call.ctx));
  const Tensor shape_out = inputs[2];
  WHITTLE_ASSIGN(Tensors out, run_kernel(*find_kernel("SparseReorder"), call.node, inputs, call.ctx));
  out.push_back(shape_out);
  return out;
}

Result<Tensors> slice(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 5));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  WHITTLE_ASSIGN(const Dims start, int_vector(call.in[3], "start"));
  WHITTLE_ASSIGN(const Dims size, int_vector(call.in[4], "size"));
  if (start.size() != s.rank || size.size() != s.rank) return invalid_argument("start and size");
  Dims shape;
  for (size_t k = 0; k < s.rank; ++k) {
    if (start[k] < 0 || size[k] < 0) return invalid_argument("start and size must not be negative");
    shape.push_back(start[k] >= s.shape[k] ? 0 : std::min(size[k], s.shape[k] - start[k]));
  }
  std::vector<int64_t> indices;
  std::vector<size_t> kept;
  for (size_t i = 0; i < s.count; ++i) {
    bool inside = true;
    for (size_t k = 0; k < s.rank; ++k) {
      inside = inside && s.at(i, k) >= start[k] && s.at(i, k) - start[k] < shape[k];
    }
    if (!inside) continue;
    kept.push_back(i);
    for (size_t k = 0; k < s.rank; ++k) indices.push_back(s.at(i, k) - start[k]);
  }
  if (call.in[1].elements() != s.count) return invalid_argument("values and indices differ");
  const int64_t n = static_cast<int64_t>(kept.size()), rank = static_cast<int64_t>(s.rank);
  WHITTLE_ASSIGN(Mover values, Mover::make(call.in[1].dtype(), {n}, call.ctx));
  for (size_t i = 0; i < kept.size(); ++i) values.copy(i, call.in[1], kept[i], 1);
  WHITTLE_ASSIGN(Tensor out_indices, int_tensor(DType::kInt64, {n, rank}, indices, call.ctx));
  WHITTLE_ASSIGN(Tensor out_values, values.take());
  WHITTLE_ASSIGN(Tensor out_shape, int_tensor(DType::kInt64, {rank}, shape, call.ctx));
  Tensors out = one(std::move(out_indices));
  out.push_back(std::move(out_values));
  out.push_back(std::move(out_shape));
  return out;
}

Result<Tensors> reduce_sum(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(const Sparse s, sparse_of(call.in[0], call.in[2]));
  WHITTLE_ASSIGN(Mover zeros, Mover::make(call.in[1].dtype(), s.shape, call.ctx));
  Tensor scatter[3];
  WHITTLE_ASSIGN(scatter[0], zeros.take());
  scatter[1] = call.in[0];
  scatter[2] = call.in[1];
  WHITTLE_ASSIGN(Tensors dense, run_kernel(*find_kernel("TensorScatterAdd"), call.node, scatter, call.ctx));
  Tensor inputs[2] = {std::move(dense[0]), call.in[3]};
  return run_kernel(*find_kernel("Sum"), call.node, inputs, call.ctx);
}

constexpr KernelInfo row(std::string_view op, Exactness exactness, DTypeSet types,
                         Result<Tensors> (*run)(KernelCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kMove, .exactness = exactness,
          .run = run};
}
constexpr auto kExact = Exactness::kExact;
constexpr DTypeSet kIndex = dtypes(DType::kInt64);

constexpr KernelInfo kRows[] = {
    row("SparseConcat", kExact, kIndex, concat, "concat_dim"),
    row("SparseDenseCwiseAdd", kExact, kIndex, cwise_add),
    row("SparseDenseCwiseDiv", kExact, kIndex, cwise_div),
    row("SparseDenseCwiseMul", kExact, kIndex, cwise_mul),
    row("SparseFillEmptyRows", kExact, kIndex, fill_empty_rows),
    row("SparseReduceSum", Exactness::kSum, kIndex, reduce_sum, "keep_dims"),
    row("SparseReorder", kExact, kIndex, reorder),
    row("SparseReshape", kExact, kIndex, reshape),
    row("SparseSlice", kExact, kIndex, slice),
    row("SparseTensorDenseAdd", kExact, kIndex | dtypes(DType::kInt32), plus_dense),
    row("SparseTensorDenseMatMul", Exactness::kSum, kIndex | dtypes(DType::kInt32), times_dense,
        "adjoint_a,adjoint_b"),
    row("SparseToDense", kExact, kIndex | dtypes(DType::kInt32), to_dense, "validate_indices"),
};

}  // namespace

Rows sparse_kernels() { return kRows; }

}  // namespace whittle::eval
