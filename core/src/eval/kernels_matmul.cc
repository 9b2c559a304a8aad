// MatMul, BatchMatMul v1-v3, and BiasAdd, which follows them.
#include <algorithm>

#include "elementwise.h"
#include "float_kernels.h"
#include "gemm_kernels.h"
#include "products.h"

namespace whittle::eval {

void gemm(DType dtype, size_t m, size_t n, size_t k, const uint8_t* a, size_t a_stride,
          const uint8_t* b, size_t b_stride, uint8_t* c, size_t c_stride, bool accumulate) {
  if (m == 0 || n == 0) return;
  if (dtype == DType::kFloat) {
    gemm_f32(m, n, k, reinterpret_cast<const float*>(a), a_stride,
             reinterpret_cast<const float*>(b), b_stride, reinterpret_cast<float*>(c), c_stride,
             accumulate);
  } else if (dtype == DType::kDouble) {
    gemm_f64(m, n, k, reinterpret_cast<const double*>(a), a_stride,
             reinterpret_cast<const double*>(b), b_stride, reinterpret_cast<double*>(c), c_stride,
             accumulate);
  } else {
    gemm_u64(m, n, k, reinterpret_cast<const uint64_t*>(a), a_stride,
             reinterpret_cast<const uint64_t*>(b), b_stride, reinterpret_cast<uint64_t*>(c),
             c_stride, accumulate);
  }
}

namespace {

// Widened, and with the last two dimensions swapped when told.
Result<Tensor> operand(const Tensor& t, bool transpose, Context& ctx) {
  WHITTLE_ASSIGN(Tensor wide, widened(t, ctx));
  if (wide.dtype() == DType::kComplex64 || wide.dtype() == DType::kComplex128) {
    return no_kernel("products of complex matrices");
  }
  if (!transpose) return wide;
  const size_t rank = dims_of(wide).size();
  View view{dims_of(wide), row_major_strides(dims_of(wide)), 0};
  std::swap(view.dims[rank - 1], view.dims[rank - 2]);
  std::swap(view.strides[rank - 1], view.strides[rank - 2]);
  Dims dims = view.dims;
  return materialize(wide, std::move(view), std::move(dims), ctx);
}

}  // namespace

Result<Tensor> batched_product(const Tensor& x, const Tensor& y, bool transpose_x, bool transpose_y,
                               DType out, Context& ctx) {
  if (rank_of(x) < 2 || rank_of(y) < 2) return invalid_argument("matrices need at least rank 2");
  WHITTLE_ASSIGN(Tensor a, operand(x, transpose_x, ctx));
  WHITTLE_ASSIGN(Tensor b, operand(y, transpose_y, ctx));
  if (a.dtype() != b.dtype()) {
    const bool integers = lane_of(a.dtype()) != Lane::kF32 && lane_of(a.dtype()) != Lane::kF64 &&
                          lane_of(b.dtype()) != Lane::kF32 && lane_of(b.dtype()) != Lane::kF64;
    if (!integers) return no_kernel("product of float and integer matrices");
  }
  const Dims &da = dims_of(a), &db = dims_of(b);
  const int64_t m = da[da.size() - 2], k = da[da.size() - 1], n = db[db.size() - 1];
  if (db[db.size() - 2] != k) {
    return invalid_argument(cat("matrices ", dims_text(da), " and ", dims_text(db),
                                " cannot be multiplied"));
  }
  const Dims batch_a(da.begin(), da.end() - 2), batch_b(db.begin(), db.end() - 2);
  WHITTLE_ASSIGN(const Broadcast bc, broadcast(batch_a, batch_b));
  Dims dims = bc.dims;
  dims.insert(dims.end(), {m, n});
  const DType lane = a.dtype();
  WHITTLE_ASSIGN(Tensor c, make_tensor(lane, std::move(dims), ctx));
  const size_t width = byte_width(lane);
  const size_t size_a = static_cast<size_t>(m * k), size_b = static_cast<size_t>(k * n),
               size_c = static_cast<size_t>(m * n);
  Dims index(bc.dims.size(), 0);
  int64_t at_a = 0, at_b = 0;
  const uint64_t batches = size_c == 0 ? 0 : c.elements() / size_c;
  for (uint64_t i = 0; i < batches; ++i) {
    if (i % 16 == 15) WHITTLE_CHECK(ctx.check_cancelled());
    gemm(lane, static_cast<size_t>(m), static_cast<size_t>(n), static_cast<size_t>(k),
         a.bytes().data() + static_cast<size_t>(at_a) * size_a * width, static_cast<size_t>(k),
         b.bytes().data() + static_cast<size_t>(at_b) * size_b * width, static_cast<size_t>(n),
         c.mutable_bytes() + i * size_c * width, static_cast<size_t>(n), false);
    for (size_t d = index.size(); d-- > 0;) {
      at_a += bc.a[d];
      at_b += bc.b[d];
      if (++index[d] < bc.dims[d]) break;
      at_a -= bc.a[d] * bc.dims[d];
      at_b -= bc.b[d] * bc.dims[d];
      index[d] = 0;
    }
  }
  return narrowed(c, out, ctx);
}

namespace {

Result<Tensors> mat_mul(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &a = call.in[0], &b = call.in[1];
  WHITTLE_CHECK(need_same_dtype(a, b));
  WHITTLE_CHECK(need_rank(a, 2, "a"));
  WHITTLE_CHECK(need_rank(b, 2, "b"));
  const AttrMap& attrs = call.node.attrs;
  WHITTLE_ASSIGN(Tensor t, batched_product(a, b, attrs.bool_or("transpose_a", false),
                                           attrs.bool_or("transpose_b", false), a.dtype(),
                                           call.ctx));
  return one(std::move(t));
}

Result<Tensors> batch_mat_mul(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &x = call.in[0], &y = call.in[1];
  const AttrMap& attrs = call.node.attrs;
  WHITTLE_ASSIGN(Tensor t, batched_product(x, y, attrs.bool_or("adj_x", false),
                                           attrs.bool_or("adj_y", false),
                                           attrs.type_or("Tout", x.dtype()), call.ctx));
  return one(std::move(t));
}

struct Add {
  static double apply(double x, double y) { return x + y; }
  static uint64_t apply(uint64_t x, uint64_t y) { return x + y; }
};
constexpr BinaryLoops kAdd{.f32 = add_f32,
                           .f64 = binary_loop<double, Add>,
                           .i64 = binary_loop<uint64_t, Add>,
                           .u64 = binary_loop<uint64_t, Add>};

Result<Tensors> bias_add(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_rank(call.in[1], 1, "bias"));
  const Dims dims = dims_of(call.in[0]);
  if (dims.size() < 2) return invalid_argument("value must have at least rank 2");
  const bool first = call.node.attrs.string_or("data_format", "NHWC") == "NCHW";
  const size_t channel = first ? 1 : dims.size() - 1;
  if (dims_of(call.in[1])[0] != dims[channel]) {
    return invalid_argument(cat("bias of ", dims_of(call.in[1])[0], " for shape ", dims_text(dims)));
  }
  Dims shape(dims.size(), 1);
  shape[channel] = dims[channel];
  Tensor bias = call.in[1].reshaped(Shape(std::move(shape)));
  WHITTLE_ASSIGN(Tensor t, apply_binary(std::move(call.in[0]), std::move(bias), kAdd, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, Cost cost, Exactness exactness,
                         Result<Tensors> (*run)(KernelCall&), std::string_view attrs) {
  return {.op = op, .dtypes = kReals, .attrs = attrs, .cost = cost, .exactness = exactness,
          .run = run};
}

constexpr KernelInfo kRows[] = {
    row("BatchMatMul", Cost::kProduct, Exactness::kSum, batch_mat_mul, "adj_x,adj_y"),
    row("BatchMatMulV2", Cost::kProduct, Exactness::kSum, batch_mat_mul, "adj_x,adj_y"),
    row("BatchMatMulV3", Cost::kProduct, Exactness::kSum, batch_mat_mul, "adj_x,adj_y,Tout"),
    row("BiasAdd", Cost::kElement, Exactness::kExact, bias_add, "data_format"),
    row("BiasAddV1", Cost::kElement, Exactness::kExact, bias_add, ""),
    row("MatMul", Cost::kProduct, Exactness::kSum, mat_mul, "transpose_a,transpose_b"),
};

}  // namespace

Rows matmul_kernels() { return kRows; }

}  // namespace whittle::eval
