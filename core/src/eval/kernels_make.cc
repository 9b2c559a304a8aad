// Tensors made from a few numbers: Range, LinSpace, OneHot, diagonals.
#include <algorithm>

#include "functions.h"
#include "kernel_util.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

// Writes one number as any real dtype.
void put(Tensor& t, uint64_t i, double real, int64_t integer) {
  uint8_t* to = t.mutable_bytes() + i * byte_width(t.dtype());
  const float f = static_cast<float>(real);
  switch (lane_of(t.dtype())) {
    case Lane::kF32: return narrow(t.dtype(), &f, to, 1);
    case Lane::kF64: return narrow(t.dtype(), &real, to, 1);
    default: return narrow(t.dtype(), &integer, to, 1);
  }
}

Result<Tensors> range(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const DType dtype = call.in[0].dtype();
  for (const Tensor& t : call.in) {
    WHITTLE_CHECK(need_same_dtype(call.in[0], t));
    if (t.elements() != 1) return invalid_argument("start, limit and delta must be scalars");
  }
  const Lane lane = lane_of(dtype);
  if (lane == Lane::kI64 || lane == Lane::kU64) {
    if (dtype == DType::kUint64) return no_kernel("Range of uint64");
    WHITTLE_ASSIGN(const int64_t start, scalar_int(call.in[0], "start"));
    WHITTLE_ASSIGN(const int64_t limit, scalar_int(call.in[1], "limit"));
    WHITTLE_ASSIGN(const int64_t delta, scalar_int(call.in[2], "delta"));
    if (delta == 0) return invalid_argument("delta must not be zero");
    if (delta > 0 ? start > limit : start < limit) {
      return invalid_argument("start and limit do not go with the sign of delta");
    }
    const uint64_t stretch = delta > 0 ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                                       : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
    const uint64_t pace =
        delta > 0 ? static_cast<uint64_t>(delta) : uint64_t{0} - static_cast<uint64_t>(delta);
    const uint64_t count = stretch == 0 ? 0 : (stretch - 1) / pace + 1;
    WHITTLE_CHECK(within_budget(count, call.ctx));
    WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, {static_cast<int64_t>(count)}, call.ctx));
    uint64_t v = static_cast<uint64_t>(start);
    for (uint64_t i = 0; i < count; ++i, v += static_cast<uint64_t>(delta)) {
      put(t, i, 0, static_cast<int64_t>(v));
    }
    return one(std::move(t));
  }
  if (lane != Lane::kF32 && lane != Lane::kF64) return no_kernel("Range of that dtype");
  WHITTLE_ASSIGN(const double start, scalar_real(call.in[0], "start"));
  WHITTLE_ASSIGN(const double limit, scalar_real(call.in[1], "limit"));
  WHITTLE_ASSIGN(const double delta, scalar_real(call.in[2], "delta"));
  if (delta == 0 || delta != delta) return invalid_argument("delta must not be zero");
  if (delta > 0 ? start > limit : start < limit) {
    return invalid_argument("start and limit do not go with the sign of delta");
  }
  // The quotient is formed in the dtype itself, and so are the values below.
  const double quotient = lane == Lane::kF32
                              ? static_cast<double>(__builtin_fabsf(
                                    (static_cast<float>(limit) - static_cast<float>(start)) /
                                    static_cast<float>(delta)))
                              : fn::abs((limit - start) / delta);
  const double count_real = fn::ceil(quotient);
  if (!(count_real < static_cast<double>(call.ctx.memory_budget()))) {
    return over_limit("Range is above the memory budget");
  }
  const uint64_t count = static_cast<uint64_t>(count_real);
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, {static_cast<int64_t>(count)}, call.ctx));
  for (uint64_t i = 0; i < count; ++i) {
    if (lane == Lane::kF32) {
      const float step = static_cast<float>(delta) * static_cast<float>(i);
      put(t, i, static_cast<float>(start) + step, 0);
    } else {
      put(t, i, start + delta * static_cast<double>(i), 0);
    }
  }
  return one(std::move(t));
}

Result<Tensors> lin_space(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const DType dtype = call.in[0].dtype();
  const Lane lane = lane_of(dtype);
  if (lane != Lane::kF32 && lane != Lane::kF64) return no_kernel("LinSpace of that dtype");
  WHITTLE_ASSIGN(const double start, scalar_real(call.in[0], "start"));
  WHITTLE_ASSIGN(const double stop, scalar_real(call.in[1], "stop"));
  WHITTLE_ASSIGN(const int64_t count, scalar_int(call.in[2], "num"));
  if (count < 1) return invalid_argument("num must be positive");
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, {count}, call.ctx));
  if (lane == Lane::kF32) {
    const float a = static_cast<float>(start), b = static_cast<float>(stop);
    const float step = count > 1 ? (b - a) / static_cast<float>(count - 1) : 0;
    for (int64_t i = 0; i < count; ++i) {
      put(t, static_cast<uint64_t>(i), a + step * static_cast<float>(i), 0);
    }
  } else {
    const double step = count > 1 ? (stop - start) / static_cast<double>(count - 1) : 0;
    for (int64_t i = 0; i < count; ++i) {
      put(t, static_cast<uint64_t>(i), start + step * static_cast<double>(i), 0);
    }
  }
  if (count > 1) put(t, static_cast<uint64_t>(count - 1), stop, 0);
  return one(std::move(t));
}

Result<Tensors> one_hot(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  const Tensor &indices = call.in[0], &on = call.in[2], &off = call.in[3];
  WHITTLE_ASSIGN(const int64_t depth, scalar_int(call.in[1], "depth"));
  WHITTLE_CHECK(need_same_dtype(on, off));
  if (on.elements() != 1 || off.elements() != 1) {
    return invalid_argument("on_value and off_value must be scalars");
  }
  if (depth < 0) return invalid_argument("depth must not be negative");
  int64_t at = call.node.attrs.int_or("axis", -1);
  if (at == -1) at = rank_of(indices);
  if (at < 0 || at > rank_of(indices)) return invalid_argument("axis is out of range");
  Dims dims = dims_of(indices);
  dims.insert(dims.begin() + at, depth);
  WHITTLE_ASSIGN(Mover out, Mover::make(on.dtype(), std::move(dims), call.ctx));
  if (out.elements() != 0) {
    out.copy_strided(0, off, 0, 0, out.elements());
    const uint64_t inner =
        product(dims_of(indices), static_cast<size_t>(at), dims_of(indices).size());
    for (uint64_t i = 0; i < indices.elements(); ++i) {
      int64_t hot = 0;
      widen(indices.dtype(), indices.bytes().data() + i * byte_width(indices.dtype()), 1, &hot, 1);
      if (hot < 0 || hot >= depth) continue;  // such rows are all off
      const uint64_t o = i / inner, k = i % inner;
      out.copy((o * static_cast<uint64_t>(depth) + static_cast<uint64_t>(hot)) * inner + k, on, 0,
               1);
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// Diag: a tensor of shape D becomes one of shape D + D.
Result<Tensors> diag(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  Dims dims = dims_of(x);
  dims.insert(dims.end(), dims_of(x).begin(), dims_of(x).end());
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), std::move(dims), call.ctx));
  out.scatter_strided(0, static_cast<int64_t>(x.elements()) + 1, x, 0, x.elements());
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

Result<Tensors> diag_part(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const size_t half = dims_of(x).size() / 2;
  const Dims dims(dims_of(x).begin(), dims_of(x).begin() + static_cast<int64_t>(half));
  const Dims rest(dims_of(x).begin() + static_cast<int64_t>(half), dims_of(x).end());
  if (dims != rest) return invalid_argument("DiagPart needs a shape D + D");
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), dims, call.ctx));
  out.copy_strided(0, x, 0, static_cast<int64_t>(out.elements()) + 1, out.elements());
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs, DTypeSet types) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kMove, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("Diag", diag, "", kMovable),
    row("DiagPart", diag_part, "", kMovable),
    row("LinSpace", lin_space, "", kFloats),
    row("OneHot", one_hot, "axis", dtypes(DType::kUint8, DType::kInt8, DType::kInt32, DType::kInt64)),
    row("Range", range, "", kReals),
};

}  // namespace

Rows make_kernels() { return kRows; }

}  // namespace whittle::eval
