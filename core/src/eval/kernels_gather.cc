// Elements read and written by index.
#include <algorithm>

#include "elementwise.h"
#include "kernel_util.h"

namespace whittle::eval {
namespace {

// Reads indices one at a time, whatever their dtype, and checks each against [0, limit).
class Indices {
 public:
  static Result<Indices> of(const Tensor& t, std::string_view what) {
    if (t.dtype() != DType::kInt32 && t.dtype() != DType::kInt64 && t.dtype() != DType::kInt16) {
      return no_kernel(cat(what, " of dtype ", dtype_name(t.dtype())));
    }
    return Indices(t);
  }
  size_t size() const { return static_cast<size_t>(t_.elements()); }
  int64_t operator[](size_t i) const {
    if (t_.dtype() == DType::kInt32) return t_.values<int32_t>()[i];
    if (t_.dtype() == DType::kInt16) return t_.values<int16_t>()[i];
    return t_.values<int64_t>()[i];
  }

 private:
  explicit Indices(const Tensor& t) : t_(t) {}
  Tensor t_;
};

Error out_of_range(int64_t index, int64_t limit) {
  return invalid_argument(cat("index ", index, " is not in [0, ", limit, ")"));
}

// params[b…, o…, axis, i…] with batch dims b: out[b…, o…, indices…, i…].
Result<Tensors> gather_along(const Tensor& params, const Tensor& indices, int64_t at,
                             int64_t batch_dims, Context& ctx) {
  WHITTLE_ASSIGN(const Indices index, Indices::of(indices, "indices"));
  WHITTLE_ASSIGN(const int axis, axis_in(at, rank_of(params), "axis"));
  if (batch_dims < 0) batch_dims += rank_of(indices);
  if (batch_dims < 0 || batch_dims > rank_of(indices) || batch_dims > axis) {
    return invalid_argument("batch_dims is out of range");
  }
  const Dims &p = dims_of(params), &n = dims_of(indices);
  const size_t batches = static_cast<size_t>(batch_dims), a = static_cast<size_t>(axis);
  for (size_t i = 0; i < batches; ++i) {
    if (p[i] != n[i]) return invalid_argument("batch dimensions differ");
  }
  Dims dims(p.begin(), p.begin() + axis);
  dims.insert(dims.end(), n.begin() + batch_dims, n.end());
  dims.insert(dims.end(), p.begin() + axis + 1, p.end());
  const uint64_t batch = product(p, 0, batches), outer = product(p, batches, a),
                 inner = product(p, a + 1, p.size());
  const uint64_t count = product(n, batches, n.size());
  const int64_t limit = p[a];
  for (size_t i = 0; i < index.size(); ++i) {
    if (index[i] < 0 || index[i] >= limit) return out_of_range(index[i], limit);
  }
  WHITTLE_ASSIGN(Mover out, Mover::make(params.dtype(), std::move(dims), ctx));
  if (out.elements() != 0) {
    uint64_t to = 0;
    for (uint64_t b = 0; b < batch; ++b) {
      for (uint64_t o = 0; o < outer; ++o) {
        const uint64_t base = (b * outer + o) * static_cast<uint64_t>(limit) * inner;
        for (uint64_t i = 0; i < count; ++i, to += inner) {
          out.copy(to, params, base + static_cast<uint64_t>(index[b * count + i]) * inner, inner);
        }
      }
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

Result<Tensors> gather(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  return gather_along(call.in[0], call.in[1], 0, 0, call.ctx);
}

Result<Tensors> gather_v2(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const int64_t axis, scalar_int(call.in[2], "axis"));
  return gather_along(call.in[0], call.in[1], axis, call.node.attrs.int_or("batch_dims", 0),
                      call.ctx);
}

// indices [..., k] address slices of rank r - k. Offsets of the addressed slices, in elements.
struct SliceIndex {
  std::vector<uint64_t> at;
  uint64_t slice = 1;  // elements of one slice
  Dims outer, inner;   // dims of `indices` without the last, dims of a slice
};

Result<SliceIndex> slice_index(const Dims& dims, const Tensor& indices, std::string_view policy) {
  WHITTLE_ASSIGN(const Indices index, Indices::of(indices, "indices"));
  if (rank_of(indices) < 1) return invalid_argument("indices must have at least rank 1");
  const Dims& n = dims_of(indices);
  const size_t depth = static_cast<size_t>(n.back());
  if (depth > dims.size()) {
    return invalid_argument(cat("indices of depth ", depth, " into rank ", dims.size()));
  }
  if (!policy.empty() && policy != "DEFAULT" && policy != "ERROR") {
    return no_kernel("bad_indices_policy other than ERROR");
  }
  SliceIndex s;
  s.outer = Dims(n.begin(), n.end() - 1);
  s.inner = Dims(dims.begin() + static_cast<int64_t>(depth), dims.end());
  s.slice = product(dims, depth, dims.size());
  const Dims strides = row_major_strides(dims);
  const uint64_t rows = product(s.outer, 0, s.outer.size());
  for (uint64_t r = 0; r < rows; ++r) {
    uint64_t at = 0;
    for (size_t k = 0; k < depth; ++k) {
      const int64_t i = index[r * depth + k];
      if (i < 0 || i >= dims[k]) return out_of_range(i, dims[k]);
      at += static_cast<uint64_t>(i) * static_cast<uint64_t>(strides[k]);
    }
    s.at.push_back(at);
  }
  return s;
}

Result<Tensors> gather_nd(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& params = call.in[0];
  WHITTLE_ASSIGN(SliceIndex s, slice_index(dims_of(params), call.in[1],
                                           call.node.attrs.string_or("bad_indices_policy", "")));
  Dims dims = s.outer;
  dims.insert(dims.end(), s.inner.begin(), s.inner.end());
  WHITTLE_ASSIGN(Mover out, Mover::make(params.dtype(), std::move(dims), call.ctx));
  if (s.slice != 0) {
    for (size_t r = 0; r < s.at.size(); ++r) out.copy(r * s.slice, params, s.at[r], s.slice);
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

enum class Combine { kAssign, kAdd, kSub, kMin, kMax, kMul };

template <class T>
T combined(T a, T b, Combine how) {
  switch (how) {
    case Combine::kAdd: return a + b;
    case Combine::kSub: return a - b;
    case Combine::kMul: return a * b;
    case Combine::kMin: return b < a ? b : a;
    case Combine::kMax: return a < b ? b : a;
    default: return b;
  }
}

// target[at…] = combine(target, update) in the lane of the dtype, element by element in order.
void combine_run(DType dtype, uint8_t* to, const uint8_t* from, uint64_t count, Combine how) {
  const uint32_t width = byte_width(dtype);
  if (how == Combine::kAssign) {
    std::memcpy(to, from, count * width);
    return;
  }
  for (uint64_t i = 0; i < count; ++i, to += width, from += width) {
    const Lane lane = lane_of(dtype);
    uint64_t a[2] = {}, b[2] = {};
    widen(dtype, to, 1, a, 1);
    widen(dtype, from, 1, b, 1);
    const auto apply = [&](auto kind) {
      using T = decltype(kind);
      T x, y;
      std::memcpy(&x, a, sizeof(T));
      std::memcpy(&y, b, sizeof(T));
      x = flush(static_cast<T>(combined(flush(x), flush(y), how)));
      std::memcpy(a, &x, sizeof(T));
    };
    if (lane == Lane::kF32) apply(float{});
    else if (lane == Lane::kF64) apply(double{});
    else if (lane == Lane::kU64) apply(uint64_t{});
    else apply(int64_t{});
    narrow(dtype, a, to, 1);
  }
}

Result<Tensor> scattered(Tensor target, const Tensor& indices, const Tensor& updates, Combine how,
                         std::string_view policy, Context& ctx) {
  WHITTLE_CHECK(need_same_dtype(target, updates));
  WHITTLE_ASSIGN(const SliceIndex s, slice_index(dims_of(target), indices, policy));
  Dims expected = s.outer;
  expected.insert(expected.end(), s.inner.begin(), s.inner.end());
  if (dims_of(updates) != expected) {
    return invalid_argument(cat("updates must have shape ", dims_text(expected), ", not ",
                                dims_text(dims_of(updates))));
  }
  if (target.is_string()) {
    if (how != Combine::kAssign) return no_kernel("arithmetic on strings");
    WHITTLE_ASSIGN(Mover out, Mover::make(target.dtype(), dims_of(target), ctx));
    out.copy(0, target, 0, target.elements());
    for (size_t r = 0; r < s.at.size() && s.slice != 0; ++r) {
      out.copy(s.at[r], updates, r * s.slice, s.slice);
    }
    return out.take();
  }
  const Lane lane = lane_of(target.dtype());
  if (how != Combine::kAssign &&
      (lane == Lane::kNone || lane == Lane::kC64 || lane == Lane::kC128)) {
    return no_kernel(cat("scatter of dtype ", dtype_name(target.dtype())));
  }
  Tensor out = std::move(target);
  if (out.buffer() != nullptr && out.buffer().use_count() != 1) {
    WHITTLE_ASSIGN(Tensor copy, make_tensor(out.dtype(), dims_of(out), ctx));
    if (out.byte_size() != 0) {
      std::memcpy(copy.mutable_bytes(), out.bytes().data(), static_cast<size_t>(out.byte_size()));
    }
    out = std::move(copy);
  }
  const uint32_t width = byte_width(out.dtype());
  for (size_t r = 0; r < s.at.size() && s.slice != 0; ++r) {
    combine_run(out.dtype(), out.mutable_bytes() + s.at[r] * width,
                updates.bytes().data() + r * s.slice * width, s.slice, how);
  }
  return out;
}

template <Combine kHow>
Result<Tensors> tensor_scatter(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(Tensor t, scattered(std::move(call.in[0]), call.in[1], call.in[2], kHow,
                                     call.node.attrs.string_or("bad_indices_policy", ""),
                                     call.ctx));
  return one(std::move(t));
}

Result<Tensors> scatter_nd(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(Dims dims, shape_input(call.in[2], "shape"));
  const DType dtype = call.in[1].dtype();
  WHITTLE_ASSIGN(Mover zeros, Mover::make(dtype, std::move(dims), call.ctx));
  WHITTLE_ASSIGN(Tensor target, zeros.take());
  const Combine how = dtype == DType::kString || dtype == DType::kBool ? Combine::kAssign
                                                                       : Combine::kAdd;
  WHITTLE_ASSIGN(Tensor t, scattered(std::move(target), call.in[0], call.in[1], how,
                                     call.node.attrs.string_or("bad_indices_policy", ""),
                                     call.ctx));
  return one(std::move(t));
}

// data rows into num_partitions outputs by partitions[i].
Result<Tensors> dynamic_partition(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &data = call.in[0], &which = call.in[1];
  const int64_t count = call.node.attrs.int_or("num_partitions", 0);
  if (count < 1 || count > 1 << 20) return invalid_argument("num_partitions is out of range");
  WHITTLE_ASSIGN(const Dims part, int_vector(which, "partitions"));
  const size_t rank = dims_of(which).size();
  if (dims_of(data).size() < rank ||
      !std::equal(dims_of(which).begin(), dims_of(which).end(), dims_of(data).begin())) {
    return invalid_argument("partitions must be a prefix of data's shape");
  }
  const Dims row_dims(dims_of(data).begin() + static_cast<int64_t>(rank), dims_of(data).end());
  const uint64_t row = product(row_dims, 0, row_dims.size());
  std::vector<int64_t> sizes(static_cast<size_t>(count), 0);
  for (int64_t p : part) {
    if (p < 0 || p >= count) return out_of_range(p, count);
    ++sizes[static_cast<size_t>(p)];
  }
  std::vector<Mover> movers;
  for (int64_t size : sizes) {
    Dims dims{size};
    dims.insert(dims.end(), row_dims.begin(), row_dims.end());
    WHITTLE_ASSIGN(Mover m, Mover::make(data.dtype(), std::move(dims), call.ctx));
    movers.push_back(std::move(m));
  }
  std::vector<uint64_t> next(sizes.size(), 0);
  for (size_t i = 0; i < part.size(); ++i) {
    const size_t p = static_cast<size_t>(part[i]);
    movers[p].copy(next[p]++ * row, data, i * row, row);
  }
  Tensors out;
  for (Mover& m : movers) {
    WHITTLE_ASSIGN(Tensor t, m.take());
    out.push_back(std::move(t));
  }
  return out;
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "", DTypeSet types = kMovable) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kMove, .run = run};
}
constexpr std::string_view kPolicy = "bad_indices_policy=ERROR";

constexpr KernelInfo kRows[] = {
    row("DynamicPartition", dynamic_partition, "num_partitions"),
    row("Gather", gather),
    row("GatherNd", gather_nd, kPolicy),
    row("GatherV2", gather_v2, "batch_dims"),
    row("ScatterNd", scatter_nd, kPolicy, kReals | kStringOnly | kBoolOnly),
    row("TensorScatterAdd", tensor_scatter<Combine::kAdd>, kPolicy, kReals),
    row("TensorScatterMax", tensor_scatter<Combine::kMax>, kPolicy, kReals),
    row("TensorScatterMin", tensor_scatter<Combine::kMin>, kPolicy, kReals),
    row("TensorScatterSub", tensor_scatter<Combine::kSub>, kPolicy, kReals),
    row("TensorScatterUpdate", tensor_scatter<Combine::kAssign>, kPolicy),
};

}  // namespace

Rows gather_kernels() { return kRows; }

}  // namespace whittle::eval
