// Arithmetic on codes: what quantize_nodes makes of a network.
//
// Products sum code differences in 32 bits; the range of the result follows from those of the
// operands (graph-transforms.md, Appendix A.5).
#include <algorithm>

#include "families.h"
#include "gemm_kernels.h"
#include "quantized.h"
#include "window.h"

namespace whittle::eval {
namespace {

Result<float> edge(const Tensor& t, std::string_view what) {
  WHITTLE_ASSIGN(const double v, scalar_real(t, what));
  return static_cast<float>(v);
}

Result<Tensors> with_range(Tensor codes, float low, float high, Context& ctx) {
  Tensors out = one(std::move(codes));
  for (float v : {low, high}) {
    WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kFloat, {}, ctx));
    t.mutable_values<float>()[0] = v;
    out.push_back(std::move(t));
  }
  return out;
}

// The code that stands for zero.
int64_t zero_code(const CodeRange& r, float low, float high) {
  return code_of_float(0, r, low, high);
}

float step_of(const CodeRange& r, float low, float high) {
  return (high - low) / static_cast<float>(r.high - r.low);
}

struct Operand {
  Tensor codes;
  CodeRange range;
  float low = 0, high = 0;
};

Result<Operand> operand(const Tensor& codes, const Tensor& low, const Tensor& high) {
  Operand o;
  o.codes = codes;
  WHITTLE_ASSIGN(o.range, code_range(codes.dtype()));
  WHITTLE_ASSIGN(o.low, edge(low, "min"));
  WHITTLE_ASSIGN(o.high, edge(high, "max"));
  return o;
}

// Codes with the zero code taken away, as 64-bit integers.
Result<Tensor> differences(const Operand& o, Context& ctx) {
  WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kInt64, dims_of(o.codes), ctx));
  const int64_t zero = zero_code(o.range, o.low, o.high);
  auto out = t.mutable_values<int64_t>();
  for (uint64_t i = 0; i < o.codes.elements(); ++i) out[i] = code_at(o.codes, i) - zero;
  return t;
}

Result<Tensors> give_product(const Tensor& sums, const Operand& a, const Operand& b, Context& ctx) {
  WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kQint32, dims_of(sums), ctx));
  const auto in = sums.values<int64_t>();
  for (uint64_t i = 0; i < t.elements(); ++i) put_code(t, i, in[i]);
  const float step = step_of(a.range, a.low, a.high) * step_of(b.range, b.low, b.high);
  return with_range(std::move(t), step * static_cast<float>(INT32_MIN),
                    step * static_cast<float>(INT32_MAX), ctx);
}

// Runs the float op of that name on the differences: products of integers are exact in any order.
Result<Tensors> as_integer_op(KernelCall& call, std::string_view op, const Operand& a,
                              const Operand& b) {
  WHITTLE_ASSIGN(Tensor x, differences(a, call.ctx));
  WHITTLE_ASSIGN(Tensor y, differences(b, call.ctx));
  Tensor inputs[2] = {std::move(x), std::move(y)};
  WHITTLE_ASSIGN(Tensors sums, run_kernel(*find_kernel(op), call.node, inputs, call.ctx));
  return give_product(sums[0], a, b, call.ctx);
}

Result<Tensors> conv2d(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 6));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[2], call.in[3]));
  WHITTLE_ASSIGN(const Operand b, operand(call.in[1], call.in[4], call.in[5]));
  return as_integer_op(call, "Conv2D", a, b);
}

Result<Tensors> mat_mul(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 6));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[2], call.in[3]));
  WHITTLE_ASSIGN(const Operand b, operand(call.in[1], call.in[4], call.in[5]));
  return as_integer_op(call, "MatMul", a, b);
}

Result<Tensors> mul(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 6));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[2], call.in[3]));
  WHITTLE_ASSIGN(const Operand b, operand(call.in[1], call.in[4], call.in[5]));
  return as_integer_op(call, "Mul", a, b);
}

// Both requantized to 32 bits over one range that leaves room for the sum.
Result<Tensors> bias_add(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 6));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[2], call.in[3]));
  WHITTLE_ASSIGN(const Operand b, operand(call.in[1], call.in[4], call.in[5]));
  WHITTLE_CHECK(need_rank(b.codes, 1, "bias"));
  if (rank_of(a.codes) < 1 || dims_of(a.codes).back() != dims_of(b.codes)[0]) {
    return invalid_argument("the bias does not fit");
  }
  const float largest = std::max(std::max(std::max(a.high, b.high), -a.low), -b.low);
  // Headroom of 17 bits, as TensorFlow leaves it.
  const float high = largest * static_cast<float>(1 << 17), low = -high;
  const CodeRange wide{INT32_MIN, INT32_MAX, 32, true};
  WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kQint32, dims_of(a.codes), call.ctx));
  const uint64_t n = b.codes.elements();
  for (uint64_t i = 0; i < t.elements(); ++i) {
    const int64_t x = code_of_float(
        static_cast<float>(float_of_code(code_at(a.codes, i), a.range, a.low, a.high)), wide, low, high);
    const int64_t y = code_of_float(
        static_cast<float>(float_of_code(code_at(b.codes, i % n), b.range, b.low, b.high)), wide, low, high);
    put_code(t, i, x + y);
  }
  return with_range(std::move(t), low, high, call.ctx);
}

template <int kTop>  // 0 or 6
Result<Tensors> relu(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[1], call.in[2]));
  const int64_t zero = zero_code(a.range, a.low, a.high);
  const int64_t top = kTop == 0 ? a.range.high : code_of_float(kTop, a.range, a.low, a.high);
  WHITTLE_ASSIGN(Tensor t, make_tensor(a.codes.dtype(), dims_of(a.codes), call.ctx));
  for (uint64_t i = 0; i < t.elements(); ++i) {
    put_code(t, i, std::min(std::max(code_at(a.codes, i), zero), std::max(top, zero)));
  }
  return with_range(std::move(t), a.low, a.high, call.ctx);
}

Result<Tensors> max_pool(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[1], call.in[2]));
  Tensor inputs[1] = {a.codes};
  WHITTLE_ASSIGN(Tensors t, run_kernel(*find_kernel("MaxPool"), call.node, inputs, call.ctx));
  return with_range(std::move(t[0]), a.low, a.high, call.ctx);
}

Result<Tensors> avg_pool(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[1], call.in[2]));
  WHITTLE_ASSIGN(Tensor wide, make_tensor(DType::kDouble, dims_of(a.codes), call.ctx));
  for (uint64_t i = 0; i < wide.elements(); ++i) {
    wide.mutable_values<double>()[i] = static_cast<double>(code_at(a.codes, i));
  }
  Tensor inputs[1] = {std::move(wide)};
  WHITTLE_ASSIGN(Tensors pooled, run_kernel(*find_kernel("AvgPool"), call.node, inputs, call.ctx));
  WHITTLE_ASSIGN(Tensor t, make_tensor(a.codes.dtype(), dims_of(pooled[0]), call.ctx));
  for (uint64_t i = 0; i < t.elements(); ++i) {
    // Integer division of the sum: towards zero.
    put_code(t, i, static_cast<int64_t>(pooled[0].values<double>()[i] + 1e-9));
  }
  return with_range(std::move(t), a.low, a.high, call.ctx);
}

Result<Tensors> reshape(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[2], call.in[3]));
  Tensor inputs[2] = {a.codes, call.in[1]};
  WHITTLE_ASSIGN(Tensors t, run_kernel(*find_kernel("Reshape"), call.node, inputs, call.ctx));
  return with_range(std::move(t[0]), a.low, a.high, call.ctx);
}

// Parts keep their codes where ranges are equal, and are requantized to the widest otherwise.
Result<Tensors> concat(KernelCall& call) {
  const size_t n = (call.in.size() - 1) / 3;
  if (n == 0 || call.in.size() != 3 * n + 1) return invalid_argument("QuantizedConcat needs triples");
  std::vector<Operand> parts;
  float low = 0, high = 0;
  for (size_t i = 0; i < n; ++i) {
    WHITTLE_ASSIGN(Operand o, operand(call.in[1 + i], call.in[1 + n + i], call.in[1 + 2 * n + i]));
    low = i == 0 ? o.low : std::min(low, o.low);
    high = i == 0 ? o.high : std::max(high, o.high);
    parts.push_back(std::move(o));
  }
  low = std::min(low, 0.0f);
  std::vector<Tensor> inputs;
  inputs.push_back(call.in[0]);
  for (Operand& o : parts) {
    if (o.low == low && o.high == high) {
      inputs.push_back(o.codes);
      continue;
    }
    WHITTLE_ASSIGN(Tensor t, make_tensor(o.codes.dtype(), dims_of(o.codes), call.ctx));
    for (uint64_t i = 0; i < t.elements(); ++i) {
      const float v = static_cast<float>(float_of_code(code_at(o.codes, i), o.range, o.low, o.high));
      put_code(t, i, code_of_float(v, o.range, low, high));
    }
    inputs.push_back(std::move(t));
  }
  WHITTLE_ASSIGN(Tensors t, run_kernel(*find_kernel("Concat"), call.node, inputs, call.ctx));
  return with_range(std::move(t[0]), low, high, call.ctx);
}

// The range that the codes really use, with zero in it.
Result<Tensors> requantization_range(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[1], call.in[2]));
  int64_t least = a.range.high, most = a.range.low;
  for (uint64_t i = 0; i < a.codes.elements(); ++i) {
    least = std::min(least, code_at(a.codes, i));
    most = std::max(most, code_at(a.codes, i));
  }
  const float low = static_cast<float>(float_of_code(least, a.range, a.low, a.high));
  const float high = static_cast<float>(float_of_code(most, a.range, a.low, a.high));
  WHITTLE_ASSIGN(Tensors out, with_range(Tensor(), std::min(low, 0.0f), high, call.ctx));
  out.erase(out.begin());
  return out;
}

Result<Tensors> requantized(const Operand& a, DType dtype, float low, float high, Context& ctx) {
  WHITTLE_ASSIGN(const CodeRange to, code_range(dtype));
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, dims_of(a.codes), ctx));
  for (uint64_t i = 0; i < t.elements(); ++i) {
    const float v = static_cast<float>(float_of_code(code_at(a.codes, i), a.range, a.low, a.high));
    put_code(t, i, code_of_float(v, to, low, high));
  }
  return with_range(std::move(t), low, high, ctx);
}

Result<Tensors> requantize(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 5));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[1], call.in[2]));
  WHITTLE_ASSIGN(const float low, edge(call.in[3], "requested_output_min"));
  WHITTLE_ASSIGN(const float high, edge(call.in[4], "requested_output_max"));
  if (low > 0 || high < low) return invalid_argument("the requested range is no range around zero");
  return requantized(a, call.node.attrs.type_or("out_type", DType::kQuint8), low, high, call.ctx);
}

Result<Tensors> down_and_shrink(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Operand a, operand(call.in[0], call.in[1], call.in[2]));
  WHITTLE_ASSIGN(Tensors edges, requantization_range(call));
  WHITTLE_ASSIGN(const float low, edge(edges[0], "min"));
  WHITTLE_ASSIGN(const float high, edge(edges[1], "max"));
  return requantized(a, call.node.attrs.type_or("out_type", DType::kQuint8), low, high, call.ctx);
}

constexpr KernelInfo row(std::string_view op, Cost cost, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "") {
  return {.op = op, .dtypes = kQuantized, .attrs = attrs, .cost = cost,
          .exactness = Exactness::kSum, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("QuantizeDownAndShrinkRange", Cost::kElement, down_and_shrink, "out_type"),
    row("QuantizedAvgPool", Cost::kReduce, avg_pool, "ksize,strides,padding"),
    row("QuantizedBiasAdd", Cost::kElement, bias_add),
    row("QuantizedConcat", Cost::kMove, concat),
    row("QuantizedConv2D", Cost::kProduct, conv2d, "strides,padding,dilations"),
    row("QuantizedMatMul", Cost::kProduct, mat_mul, "transpose_a,transpose_b"),
    row("QuantizedMaxPool", Cost::kReduce, max_pool, "ksize,strides,padding"),
    row("QuantizedMul", Cost::kElement, mul),
    row("QuantizedRelu", Cost::kElement, relu<0>),
    row("QuantizedRelu6", Cost::kElement, relu<6>),
    row("QuantizedReshape", Cost::kView, reshape),
    row("RequantizationRange", Cost::kReduce, requantization_range),
    row("Requantize", Cost::kElement, requantize, "out_type"),
};

}  // namespace

Rows quantized_kernels() { return kRows; }

}  // namespace whittle::eval
