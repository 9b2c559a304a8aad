#include "elementwise.h"

#include <algorithm>

namespace whittle::eval {
namespace {

constexpr size_t kBlock = 256;  // elements widened at once: three blocks stay in the first cache

template <class Loops>
auto pick(const Loops& loops, Lane lane) -> decltype(loops.f32) {
  switch (lane) {
    case Lane::kF32: return loops.f32;
    case Lane::kF64: return loops.f64;
    case Lane::kI64: return loops.i64;
    case Lane::kU64: return loops.u64;
    case Lane::kC64: return loops.c64;
    case Lane::kC128: return loops.c128;
    default: return nullptr;
  }
}

Error no_dtype(DType dtype) { return no_kernel(cat("no kernel for dtype ", dtype_name(dtype))); }

// A strided run of the binary loop, through blocks when storage is not the lane.
struct Runner {
  BinaryLoop loop;
  DType in, out;
  uint32_t in_width, out_width;
  bool compare, direct;

  void run(const uint8_t* a, size_t sa, const uint8_t* b, size_t sb, uint8_t* o, size_t n) const {
    if (direct) return loop(a, sa, b, sb, o, n);
    alignas(16) uint64_t x[kBlock * 2], y[kBlock * 2], z[kBlock * 2];
    // A repeated operand is widened once.
    if (sa == 0) widen(in, a, 0, x, 1);
    if (sb == 0) widen(in, b, 0, y, 1);
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = std::min(kBlock, n - i);
      if (sa != 0) widen(in, a + i * in_width, 1, x, m);
      if (sb != 0) widen(in, b + i * in_width, 1, y, m);
      if (compare) {
        loop(x, sa, y, sb, o + i, m);  // writes its bytes itself
      } else {
        loop(x, sa, y, sb, z, m);
        narrow(out, z, o + i * out_width, m);
      }
    }
  }
};

// Joins neighbouring dimensions that both operands step through alike.
void coalesce(Broadcast& bc) {
  Dims dims, a, b;
  for (size_t i = 0; i < bc.dims.size(); ++i) {
    const int64_t d = bc.dims[i];
    if (d == 1) continue;
    if (!dims.empty() && a.back() == bc.a[i] * d && b.back() == bc.b[i] * d) {
      dims.back() *= d;
      a.back() = bc.a[i];
      b.back() = bc.b[i];
    } else {
      dims.push_back(d);
      a.push_back(bc.a[i]);
      b.push_back(bc.b[i]);
    }
  }
  if (dims.empty()) {
    dims.push_back(1);
    a.push_back(0);
    b.push_back(0);
  }
  bc.dims = std::move(dims);
  bc.a = std::move(a);
  bc.b = std::move(b);
}

Result<Tensor> binary(Tensor a, Tensor b, const BinaryLoops& loops, bool compare, Context& ctx) {
  WHITTLE_CHECK(need_same_dtype(a, b));
  const DType dtype = a.dtype();
  const BinaryLoop loop = pick(loops, lane_of(dtype));
  if (loop == nullptr) return no_dtype(dtype);
  WHITTLE_ASSIGN(Broadcast bc, broadcast(dims_of(a), dims_of(b)));
  const DType out_dtype = compare ? DType::kBool : dtype;
  Tensor nothing;
  Tensor& reuse = compare ? nothing : bc.dims == dims_of(a) ? a : bc.dims == dims_of(b) ? b : nothing;
  WHITTLE_ASSIGN(Tensor out, make_or_reuse(out_dtype, bc.dims, reuse, ctx));
  const uint64_t count = out.elements();
  if (count == 0) return out;

  const Runner runner{loop, dtype, out_dtype, byte_width(dtype), byte_width(out_dtype),
                      compare, is_native(dtype)};
  coalesce(bc);
  const size_t rank = bc.dims.size();
  const uint8_t* x = a.bytes().data();
  const uint8_t* y = b.bytes().data();
  uint8_t* o = out.mutable_bytes();
  const size_t inner = static_cast<size_t>(bc.dims[rank - 1]);
  const size_t sa = static_cast<size_t>(bc.a[rank - 1]), sb = static_cast<size_t>(bc.b[rank - 1]);
  Dims index(rank, 0);
  int64_t at_a = 0, at_b = 0;
  for (uint64_t done = 0; done < count; done += inner) {
    runner.run(x + at_a * runner.in_width, sa, y + at_b * runner.in_width, sb,
               o + done * runner.out_width, inner);
    for (size_t i = rank - 1; i-- > 0;) {
      at_a += bc.a[i];
      at_b += bc.b[i];
      if (++index[i] < bc.dims[i]) break;
      at_a -= bc.a[i] * bc.dims[i];
      at_b -= bc.b[i] * bc.dims[i];
      index[i] = 0;
    }
  }
  return out;
}

Result<Tensor> unary(Tensor a, const UnaryLoops& loops, bool to_bool, Context& ctx) {
  const DType dtype = a.dtype();
  const UnaryLoop loop = pick(loops, lane_of(dtype));
  if (loop == nullptr) return no_dtype(dtype);
  const DType out_dtype = to_bool ? DType::kBool : dtype;
  WHITTLE_ASSIGN(Tensor out, make_or_reuse(out_dtype, dims_of(a), a, ctx));
  const size_t n = static_cast<size_t>(a.elements());
  if (n == 0) return out;
  const uint8_t* x = a.bytes().data();
  uint8_t* o = out.mutable_bytes();
  if (is_native(dtype)) {
    loop(x, o, n);
    return out;
  }
  const uint32_t width = byte_width(dtype);
  alignas(16) uint64_t in[kBlock * 2], result[kBlock * 2];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = std::min(kBlock, n - i);
    widen(dtype, x + i * width, 1, in, m);
    if (to_bool) {
      loop(in, o + i, m);
    } else {
      loop(in, result, m);
      narrow(out_dtype, result, o + i * width, m);
    }
  }
  return out;
}

}  // namespace

UnaryLoop UnaryLoops::of(Lane lane) const { return pick(*this, lane); }
BinaryLoop BinaryLoops::of(Lane lane) const { return pick(*this, lane); }

Result<Broadcast> broadcast(const Dims& a, const Dims& b) {
  const size_t rank = std::max(a.size(), b.size());
  Broadcast bc{Dims(rank), Dims(rank), Dims(rank)};
  int64_t step_a = 1, step_b = 1;
  for (size_t i = rank; i-- > 0;) {
    const int64_t da = i + a.size() >= rank ? a[i + a.size() - rank] : 1;
    const int64_t db = i + b.size() >= rank ? b[i + b.size() - rank] : 1;
    if (da != db && da != 1 && db != 1) {
      return invalid_argument(cat("shapes ", dims_text(a), " and ", dims_text(b),
                                  " cannot be broadcast"));
    }
    bc.dims[i] = da == 1 ? db : da;
    bc.a[i] = da == 1 ? 0 : step_a;
    bc.b[i] = db == 1 ? 0 : step_b;
    step_a *= da;
    step_b *= db;
  }
  return bc;
}

Result<Dims> broadcast_strides(const Dims& from, const Dims& to) {
  WHITTLE_ASSIGN(Broadcast bc, broadcast(from, to));
  if (bc.dims != to) {
    return invalid_argument(
        cat("shape ", dims_text(from), " cannot be broadcast to ", dims_text(to)));
  }
  return std::move(bc.a);
}

Result<Tensors> run_unary(KernelCall& call, const UnaryLoops& loops) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(Tensor out, unary(std::move(call.in[0]), loops, false, call.ctx));
  return one(std::move(out));
}

Result<Tensors> run_unary_bool(KernelCall& call, const UnaryLoops& loops) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(Tensor out, unary(std::move(call.in[0]), loops, true, call.ctx));
  return one(std::move(out));
}

Result<Tensors> run_binary(KernelCall& call, const BinaryLoops& loops) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(Tensor out, binary(std::move(call.in[0]), std::move(call.in[1]), loops, false,
                                    call.ctx));
  return one(std::move(out));
}

Result<Tensors> run_compare(KernelCall& call, const BinaryLoops& loops) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(Tensor out, binary(std::move(call.in[0]), std::move(call.in[1]), loops, true,
                                    call.ctx));
  return one(std::move(out));
}

Result<Tensor> apply_unary(Tensor a, const UnaryLoops& loops, Context& ctx) {
  return unary(std::move(a), loops, false, ctx);
}

Result<Tensor> apply_binary(Tensor a, Tensor b, const BinaryLoops& loops, Context& ctx) {
  return binary(std::move(a), std::move(b), loops, false, ctx);
}

}  // namespace whittle::eval
