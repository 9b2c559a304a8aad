// Shapes as values, shapes changed in place, and tensors made from a shape.
#include <algorithm>

#include "elementwise.h"
#include "kernel_util.h"
#include "whittle/math.h"

namespace whittle::eval {
namespace {

Result<Tensor> shape_tensor(const Tensor& t, DType dtype, Context& ctx) {
  const Dims& dims = dims_of(t);
  return int_tensor(dtype, {static_cast<int64_t>(dims.size())}, dims, ctx);
}

Result<Tensors> shape(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  const DType dtype = call.node.attrs.type_or("out_type", DType::kInt32);
  Tensors out;
  for (const Tensor& t : call.in) {
    WHITTLE_ASSIGN(Tensor s, shape_tensor(t, dtype, call.ctx));
    out.push_back(std::move(s));
  }
  return out;
}

Result<Tensors> size(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const DType dtype = call.node.attrs.type_or("out_type", DType::kInt32);
  WHITTLE_ASSIGN(Tensor t, int_tensor(dtype, {}, {static_cast<int64_t>(call.in[0].elements())},
                                      call.ctx));
  return one(std::move(t));
}

Result<Tensors> rank(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt32, {}, {rank_of(call.in[0])}, call.ctx));
  return one(std::move(t));
}

Result<Tensors> reshape(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Dims dims, shape_input(call.in[1], "shape", true));
  int64_t unknown = -1;
  uint64_t known = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == -1) {
      if (unknown >= 0) return invalid_argument("shape has more than one -1");
      unknown = static_cast<int64_t>(i);
    } else if (mul_overflows(known, static_cast<uint64_t>(dims[i]), &known)) {
      return invalid_argument(cat("shape ", dims_text(dims), " is too large"));
    }
  }
  if (unknown >= 0) {
    if (known == 0 ? x.elements() != 0 : x.elements() % known != 0) {
      return invalid_argument(cat(x.elements(), " elements cannot be reshaped to ",
                                  dims_text(dims)));
    }
    dims[static_cast<size_t>(unknown)] =
        known == 0 ? 0 : static_cast<int64_t>(x.elements() / known);
  }
  WHITTLE_ASSIGN(const uint64_t count, element_count(dims));
  if (count != x.elements()) {
    return invalid_argument(cat(x.elements(), " elements cannot be reshaped to ", dims_text(dims)));
  }
  return one(x.reshaped(Shape(std::move(dims))));
}

Result<Tensors> squeeze(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const auto* named = &ints_attr(call.node, "squeeze_dims");
  if (named->empty()) named = &ints_attr(call.node, "axis");
  std::vector<bool> drop(dims_of(x).size(), false);
  for (int64_t axis : *named) {
    WHITTLE_ASSIGN(const int a, axis_in(axis, rank_of(x), "axis"));
    if (dims_of(x)[static_cast<size_t>(a)] != 1) {
      return invalid_argument(cat("cannot squeeze dimension ", a, " of ", dims_text(dims_of(x))));
    }
    drop[static_cast<size_t>(a)] = true;
  }
  Dims dims;
  for (size_t i = 0; i < drop.size(); ++i) {
    if (named->empty() ? dims_of(x)[i] != 1 : !drop[i]) dims.push_back(dims_of(x)[i]);
  }
  return one(x.reshaped(Shape(std::move(dims))));
}

Result<Tensors> expand_dims(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const int64_t at, scalar_int(call.in[1], "axis"));
  WHITTLE_ASSIGN(const int axis, axis_in(at, rank_of(x) + 1, "axis"));
  Dims dims = dims_of(x);
  if (dims.size() >= static_cast<size_t>(kMaxRank)) return invalid_argument("rank is too large");
  dims.insert(dims.begin() + axis, 1);
  return one(x.reshaped(Shape(std::move(dims))));
}

Result<Tensors> identity(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  Tensors out;
  for (Tensor& t : call.in) out.push_back(std::move(t));
  return out;
}

Result<Tensors> first_input(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  return one(std::move(call.in[0]));
}

Result<Tensors> ensure_shape(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const AttrValue* want = call.node.attrs.find("shape");
  if (want != nullptr && !want->shape().compatible(call.in[0].shape())) {
    return invalid_argument(cat("shape ", dims_text(dims_of(call.in[0])), " is not compatible with ",
                                want->shape().to_string()));
  }
  return one(std::move(call.in[0]));
}

Result<Tensors> check_numerics(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const Lane lane = lane_of(x.dtype());
  const uint32_t width = byte_width(x.dtype());
  for (uint64_t i = 0; i < x.elements(); ++i) {
    float f = 0;
    double d = 0;
    if (lane == Lane::kF32) {
      widen(x.dtype(), x.bytes().data() + i * width, 1, &f, 1);
      d = f;
    } else if (lane == Lane::kF64) {
      std::memcpy(&d, x.bytes().data() + i * width, 8);
    }
    if (d - d != 0) {
      return invalid_argument(
          cat(printable(call.node.attrs.string_or("message", "")), " : tensor had NaN or Inf"));
    }
  }
  return one(std::move(call.in[0]));
}

// The same value everywhere; the bytes of zero are zero for every dtype.
Result<Tensor> filled(DType dtype, Dims dims, const Tensor* value, Context& ctx) {
  WHITTLE_ASSIGN(Mover out, Mover::make(dtype, std::move(dims), ctx));
  if (value != nullptr) out.copy_strided(0, *value, 0, 0, out.elements());
  return out.take();
}

Result<Tensors> fill(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  if (call.in[1].elements() != 1) return invalid_argument("value must be a scalar");
  WHITTLE_ASSIGN(Dims dims, shape_input(call.in[0], "dims"));
  WHITTLE_ASSIGN(Tensor t, filled(call.in[1].dtype(), std::move(dims), &call.in[1], call.ctx));
  return one(std::move(t));
}

Result<Tensors> zeros_like(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(Tensor t, filled(call.in[0].dtype(), dims_of(call.in[0]), nullptr, call.ctx));
  return one(std::move(t));
}

Result<Tensors> ones_like(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const DType dtype = call.in[0].dtype();
  if (lane_of(dtype) == Lane::kNone) return no_kernel("OnesLike of that dtype");
  WHITTLE_ASSIGN(Tensor value, make_tensor(dtype, {}, call.ctx));
  const float f = 1;
  const double d = 1;
  const uint64_t u = 1;
  const double pair[2] = {1, 0};
  const float pair32[2] = {1, 0};
  const Lane lane = lane_of(dtype);
  const void* from = lane == Lane::kF32    ? static_cast<const void*>(&f)
                     : lane == Lane::kF64  ? static_cast<const void*>(&d)
                     : lane == Lane::kC64  ? static_cast<const void*>(pair32)
                     : lane == Lane::kC128 ? static_cast<const void*>(pair)
                                           : static_cast<const void*>(&u);
  narrow(dtype, from, value.mutable_bytes(), 1);
  WHITTLE_ASSIGN(Tensor t, filled(dtype, dims_of(call.in[0]), &value, call.ctx));
  return one(std::move(t));
}

Result<Tensors> empty(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(Dims dims, shape_input(call.in[0], "shape"));
  WHITTLE_ASSIGN(Tensor t, filled(call.node.attrs.type_or("dtype", DType::kInvalid),
                                  std::move(dims), nullptr, call.ctx));
  return one(std::move(t));
}

Result<Tensors> broadcast_args(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(const Dims a, shape_input(call.in[0], "s0"));
  WHITTLE_ASSIGN(const Dims b, shape_input(call.in[1], "s1"));
  WHITTLE_ASSIGN(Broadcast bc, broadcast(a, b));
  WHITTLE_ASSIGN(Tensor t, int_tensor(call.in[0].dtype(), {static_cast<int64_t>(bc.dims.size())},
                                      bc.dims, call.ctx));
  return one(std::move(t));
}

// Axes along which a gradient is summed: those where the operand has size 1 or no dimension.
Result<Tensors> broadcast_gradient_args(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(const Dims a, shape_input(call.in[0], "s0"));
  WHITTLE_ASSIGN(const Dims b, shape_input(call.in[1], "s1"));
  WHITTLE_ASSIGN(Broadcast bc, broadcast(a, b));
  Dims ra, rb;
  const size_t n = bc.dims.size();
  for (size_t i = 0; i < n; ++i) {
    const int64_t da = i + a.size() >= n ? a[i + a.size() - n] : 1;
    const int64_t db = i + b.size() >= n ? b[i + b.size() - n] : 1;
    if (da == 1) ra.push_back(static_cast<int64_t>(i));
    if (db == 1) rb.push_back(static_cast<int64_t>(i));
  }
  if (a == b) ra = rb = {};
  const DType dtype = call.in[0].dtype();
  Tensors out;
  for (const Dims& r : {ra, rb}) {
    WHITTLE_ASSIGN(Tensor t, int_tensor(dtype, {static_cast<int64_t>(r.size())}, r, call.ctx));
    out.push_back(std::move(t));
  }
  return out;
}

Result<Tensors> invert_permutation(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_rank(call.in[0], 1, "x"));
  WHITTLE_ASSIGN(const Dims p, int_vector(call.in[0], "x"));
  const int64_t n = static_cast<int64_t>(p.size());
  std::vector<int64_t> inverse(p.size(), -1);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = p[static_cast<size_t>(i)];
    if (at < 0 || at >= n || inverse[static_cast<size_t>(at)] >= 0) {
      return invalid_argument(cat(at, " makes it no permutation of 0..", n - 1));
    }
    inverse[static_cast<size_t>(at)] = i;
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(call.in[0].dtype(), {n}, inverse, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, Cost cost, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "", DTypeSet types = kMovable) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = cost, .run = run};
}
constexpr DTypeSet kIndex = dtypes(DType::kInt32, DType::kInt64);

constexpr KernelInfo kRows[] = {
    row("BroadcastArgs", Cost::kView, broadcast_args, "", kIndex),
    row("BroadcastGradientArgs", Cost::kView, broadcast_gradient_args, "", kIndex),
    row("CheckNumerics", Cost::kView, check_numerics, "message", kFloats),
    row("DeepCopy", Cost::kView, first_input),
    row("Empty", Cost::kMove, empty, "dtype"),
    row("EnsureShape", Cost::kView, ensure_shape, "shape"),
    row("ExpandDims", Cost::kView, expand_dims),
    row("Fill", Cost::kMove, fill),
    row("Identity", Cost::kView, identity),
    row("IdentityN", Cost::kView, identity),
    row("InvertPermutation", Cost::kView, invert_permutation, "", kIndex),
    row("OnesLike", Cost::kMove, ones_like, "", kNumbers | kBoolOnly),
    row("PlaceholderWithDefault", Cost::kView, identity),
    row("PreventGradient", Cost::kView, identity),
    row("Rank", Cost::kView, rank),
    row("Reshape", Cost::kView, reshape),
    row("Shape", Cost::kView, shape, "out_type"),
    row("ShapeN", Cost::kView, shape, "out_type"),
    row("Size", Cost::kView, size, "out_type"),
    row("Snapshot", Cost::kView, identity),
    row("Squeeze", Cost::kView, squeeze, "squeeze_dims"),
    row("StopGradient", Cost::kView, identity),
    row("ZerosLike", Cost::kMove, zeros_like),
};

}  // namespace

Rows shape_kernels() { return kRows; }

}  // namespace whittle::eval
