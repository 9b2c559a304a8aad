// Tensors put together: concatenation, stacking, padding, stitching.
#include <algorithm>

#include "kernel_util.h"

namespace whittle::eval {
namespace {

Result<Tensors> concatenated(std::span<Tensor> parts, int64_t at, Context& ctx) {
  if (parts.empty()) return invalid_argument("nothing to concatenate");
  const Tensor& first = parts[0];
  WHITTLE_ASSIGN(const int axis_index, axis_in(at, rank_of(first), "axis"));
  const size_t axis = static_cast<size_t>(axis_index);
  Dims dims = dims_of(first);
  int64_t sum = 0;
  for (const Tensor& t : parts) {
    WHITTLE_CHECK(need_same_dtype(first, t));
    Dims same = dims_of(t);
    if (same.size() != dims.size()) return invalid_argument("ConcatOp: ranks differ");
    sum += same[axis];
    same[axis] = dims[axis];
    if (same != dims) {
      return invalid_argument(cat("shapes ", dims_text(dims), " and ", dims_text(dims_of(t)),
                                  " cannot be joined along ", axis));
    }
  }
  if (parts.size() == 1) return one(std::move(parts[0]));
  const uint64_t outer = product(dims, 0, axis), inner = product(dims, axis + 1, dims.size());
  dims[axis] = sum;
  WHITTLE_ASSIGN(Mover out, Mover::make(first.dtype(), std::move(dims), ctx));
  const uint64_t row = static_cast<uint64_t>(sum) * inner;
  uint64_t start = 0;
  for (const Tensor& t : parts) {
    const uint64_t run = static_cast<uint64_t>(dims_of(t)[axis]) * inner;
    if (run != 0) {
      for (uint64_t o = 0; o < outer; ++o) out.copy(o * row + start, t, o * run, run);
    }
    start += run;
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

Result<Tensors> concat_v2(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  WHITTLE_ASSIGN(const int64_t axis, scalar_int(call.in.back(), "axis"));
  return concatenated(call.in.first(call.in.size() - 1), axis, call.ctx);
}

Result<Tensors> concat(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  WHITTLE_ASSIGN(const int64_t axis, scalar_int(call.in[0], "concat_dim"));
  return concatenated(call.in.subspan(1), axis, call.ctx);
}

Result<Tensors> concat_offset(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  WHITTLE_ASSIGN(const int64_t at, scalar_int(call.in[0], "concat_dim"));
  WHITTLE_ASSIGN(const Dims first, int_vector(call.in[1], "shape"));
  WHITTLE_ASSIGN(const int axis, axis_in(at, static_cast<int>(first.size()), "concat_dim"));
  Tensors out;
  int64_t start = 0;
  for (size_t i = 1; i < call.in.size(); ++i) {
    WHITTLE_ASSIGN(const Dims dims, int_vector(call.in[i], "shape"));
    if (dims.size() != first.size()) return invalid_argument("shapes differ in rank");
    Dims offset(first.size(), 0);
    offset[static_cast<size_t>(axis)] = start;
    if (__builtin_add_overflow(start, dims[static_cast<size_t>(axis)], &start)) {
      return invalid_argument("offsets overflow");
    }
    WHITTLE_ASSIGN(Tensor t, int_tensor(call.in[i].dtype(), {static_cast<int64_t>(first.size())},
                                        offset, call.ctx));
    out.push_back(std::move(t));
  }
  return out;
}

Result<Tensors> pack(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  const Dims dims = dims_of(call.in[0]);
  WHITTLE_ASSIGN(const int axis, axis_in(call.node.attrs.int_or("axis", 0),
                                         static_cast<int>(dims.size()) + 1, "axis"));
  if (dims.size() >= static_cast<size_t>(kMaxRank)) return invalid_argument("rank is too large");
  Dims wider = dims;
  wider.insert(wider.begin() + axis, 1);
  for (Tensor& t : call.in) {
    if (dims_of(t) != dims) {
      return invalid_argument(cat("shapes ", dims_text(dims), " and ", dims_text(dims_of(t)),
                                  " cannot be stacked"));
    }
    t = t.reshaped(Shape(wider));
  }
  return concatenated(call.in, axis, call.ctx);
}

struct Padding {
  Dims before, after;
};

Result<Padding> paddings(const Tensor& t, size_t rank) {
  if (rank_of(t) != 2 || dims_of(t)[1] != 2 || static_cast<size_t>(dims_of(t)[0]) != rank) {
    return invalid_argument(
        cat("paddings must have shape [", rank, ",2], not ", dims_text(dims_of(t))));
  }
  WHITTLE_ASSIGN(const Dims flat, int_vector(t, "paddings"));
  Padding p;
  for (size_t i = 0; i < rank; ++i) {
    if (flat[2 * i] < 0 || flat[2 * i + 1] < 0 || flat[2 * i] > INT64_MAX / 8 ||
        flat[2 * i + 1] > INT64_MAX / 8) {
      return invalid_argument("paddings must not be negative or absurd");
    }
    p.before.push_back(flat[2 * i]);
    p.after.push_back(flat[2 * i + 1]);
  }
  return p;
}

Result<Tensors> pad(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  const Tensor& x = call.in[0];
  const size_t rank = dims_of(x).size();
  WHITTLE_ASSIGN(const Padding p, paddings(call.in[1], rank));
  const bool has_value = call.node.op == "PadV2";
  if (has_value) {
    WHITTLE_CHECK(need_inputs(call, 3));
    WHITTLE_CHECK(need_same_dtype(x, call.in[2]));
    if (call.in[2].elements() != 1) return invalid_argument("constant_values must be a scalar");
  }
  Dims dims(rank);
  for (size_t i = 0; i < rank; ++i) dims[i] = p.before[i] + dims_of(x)[i] + p.after[i];
  const Dims strides = row_major_strides(dims);
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), std::move(dims), call.ctx));
  if (has_value) out.copy_strided(0, call.in[2], 0, 0, out.elements());
  if (rank == 0) out.copy(0, x, 0, 1);
  if (rank == 0 || x.elements() == 0) {
    WHITTLE_ASSIGN(Tensor t, out.take());
    return one(std::move(t));
  }
  const uint64_t inner = static_cast<uint64_t>(dims_of(x)[rank - 1]);
  Dims index(rank, 0);
  for (uint64_t at = 0; at < x.elements(); at += inner) {
    int64_t to = p.before[rank - 1];
    for (size_t i = 0; i + 1 < rank; ++i) to += (p.before[i] + index[i]) * strides[i];
    out.copy(static_cast<uint64_t>(to), x, at, inner);
    for (size_t i = rank - 1; i-- > 0;) {
      if (++index[i] < dims_of(x)[i]) break;
      index[i] = 0;
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// SYMMETRIC repeats the edge element, REFLECT does not.
Result<Tensors> mirror_pad(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  const size_t rank = dims_of(x).size();
  WHITTLE_ASSIGN(const Padding p, paddings(call.in[1], rank));
  const std::string_view mode = call.node.attrs.string_or("mode", "");
  if (mode != "REFLECT" && mode != "SYMMETRIC") return no_kernel("MirrorPad mode");
  const int64_t edge = mode == "REFLECT" ? 1 : 0;
  Dims dims(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t d = dims_of(x)[i];
    if (p.before[i] > d - edge || p.after[i] > d - edge) {
      if (p.before[i] != 0 || p.after[i] != 0) {
        return invalid_argument(cat("paddings are larger than dimension ", i));
      }
    }
    dims[i] = p.before[i] + d + p.after[i];
  }
  const Dims strides = row_major_strides(dims_of(x));
  Dims out_dims = dims;
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), std::move(out_dims), call.ctx));
  const uint64_t count = out.elements();
  Dims index(rank, 0);
  for (uint64_t done = 0; done < count; ++done) {
    int64_t from = 0;
    for (size_t i = 0; i < rank; ++i) {
      const int64_t d = dims_of(x)[i];
      int64_t k = index[i] - p.before[i];
      if (k < 0) k = -k - 1 + edge;
      if (k >= d) k = 2 * d - 1 - k - edge;
      from += k * strides[i];
    }
    out.copy(done, x, static_cast<uint64_t>(from), 1);
    for (size_t i = rank; i-- > 0;) {
      if (++index[i] < dims[i]) break;
      index[i] = 0;
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// merged[indices[m][i]] = data[m][i]; later ones win.
Result<Tensors> dynamic_stitch(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  const size_t n = call.in.size() / 2;
  if (call.in.size() != 2 * n) return invalid_argument("DynamicStitch needs pairs");
  const Tensor& data0 = call.in[n];
  const Dims& index_dims0 = dims_of(call.in[0]);
  if (index_dims0.size() > dims_of(data0).size()) return invalid_argument("data has too low a rank");
  const Dims row_dims(dims_of(data0).begin() + static_cast<int64_t>(index_dims0.size()),
                      dims_of(data0).end());
  int64_t rows = 0;
  std::vector<Dims> indices(n);
  for (size_t m = 0; m < n; ++m) {
    WHITTLE_ASSIGN(indices[m], int_vector(call.in[m], "indices"));
    WHITTLE_CHECK(need_same_dtype(data0, call.in[n + m]));
    Dims expected = dims_of(call.in[m]);
    expected.insert(expected.end(), row_dims.begin(), row_dims.end());
    if (expected != dims_of(call.in[n + m])) return invalid_argument("data does not fit indices");
    for (int64_t i : indices[m]) {
      if (i < 0 || i >= INT32_MAX) return invalid_argument(cat("index ", i, " is out of range"));
      rows = std::max(rows, i + 1);
    }
  }
  Dims dims{rows};
  dims.insert(dims.end(), row_dims.begin(), row_dims.end());
  const uint64_t row = product(row_dims, 0, row_dims.size());
  WHITTLE_ASSIGN(Mover out, Mover::make(data0.dtype(), std::move(dims), call.ctx));
  for (size_t m = 0; m < n; ++m) {
    for (size_t i = 0; i < indices[m].size(); ++i) {
      out.copy(static_cast<uint64_t>(indices[m][i]) * row, call.in[n + m], i * row, row);
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "", DTypeSet types = kMovable) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kMove, .run = run};
}
constexpr DTypeSet kIndex = dtypes(DType::kInt32, DType::kInt64);

constexpr KernelInfo kRows[] = {
    row("Concat", concat),
    row("ConcatOffset", concat_offset, "", kIndex),
    row("ConcatV2", concat_v2),
    row("DynamicStitch", dynamic_stitch),
    row("MirrorPad", mirror_pad, "mode"),
    row("Pack", pack, "axis"),
    row("Pad", pad),
    row("PadV2", pad),
    row("ParallelConcat", [](KernelCall& call) { return concatenated(call.in, 0, call.ctx); }),
    row("ParallelDynamicStitch", dynamic_stitch),
};

}  // namespace

Rows join_kernels() { return kRows; }

}  // namespace whittle::eval
