// Between floats and codes: QuantizeV2, Dequantize, fake quantization.
//
// Formulas are those of graph-transforms.md, Appendix A: TensorFlow's kernels in their float form.
#include <algorithm>

#include "families.h"
#include "functions.h"
#include "lanes.h"
#include "quantized.h"

namespace whittle::eval {

Result<CodeRange> code_range(DType dtype) {
  switch (dtype) {
    case DType::kQint8: return CodeRange{-128, 127, 8, true};
    case DType::kQuint8: return CodeRange{0, 255, 8, false};
    case DType::kQint16: return CodeRange{-32768, 32767, 16, true};
    case DType::kQuint16: return CodeRange{0, 65535, 16, false};
    case DType::kQint32: return CodeRange{INT32_MIN, INT32_MAX, 32, true};
    default: return no_kernel(cat(dtype_name(dtype), " is no quantized dtype"));
  }
}

int64_t code_at(const Tensor& t, uint64_t i) {
  int64_t v = 0;
  widen(t.dtype(), t.bytes().data() + i * byte_width(t.dtype()), 1, &v, 1);
  return v;
}

void put_code(Tensor& t, uint64_t i, int64_t v) {
  narrow(t.dtype(), &v, t.mutable_bytes() + i * byte_width(t.dtype()), 1);
}

// Half away from zero, as std::round.
double round_away(double x) {
  const double t = fn::trunc(x);
  return fn::abs(x - t) >= 0.5 ? t + fn::copy_sign(1.0, x) : t;
}

double float_of_code(int64_t q, const CodeRange& range, float low, float high) {
  if (low == high) return low;
  const double steps = static_cast<double>(uint64_t{1} << range.bits);
  const double adjusted = static_cast<double>(high - low) * (steps / (steps - 1.0));
  const double scale = adjusted / steps;
  const double low_rounded = round_away(low / static_cast<float>(scale)) * static_cast<float>(scale);
  return low_rounded + static_cast<double>(q - range.low) * scale;
}

int64_t code_of_float(float x, const CodeRange& range, float low, float high) {
  if (low == high) return range.low;
  const double steps = static_cast<double>(uint64_t{1} << range.bits);
  const double adjusted = static_cast<double>(high - low) * (steps / (steps - 1.0));
  const double scale = steps / adjusted;
  const double code = round_away(x * scale) - round_away(low * scale) + static_cast<double>(range.low);
  if (!(code > static_cast<double>(range.low))) return range.low;
  return code >= static_cast<double>(range.high) ? range.high : static_cast<int64_t>(code);
}

namespace {

// Scalars, or one value for each slice along `axis`.
struct Ranges {
  std::vector<float> low, high;
  uint64_t inner = 1, slices = 1;
  size_t of(uint64_t i) const { return static_cast<size_t>(i / inner % slices); }
};

Result<Ranges> ranges_of(const Tensor& x, const Tensor& low, const Tensor& high, int64_t axis) {
  WHITTLE_CHECK(need_dtype(low, DType::kFloat, "min_range"));
  WHITTLE_CHECK(need_dtype(high, DType::kFloat, "max_range"));
  Ranges r;
  if (axis != -1) {
    WHITTLE_ASSIGN(const int a, axis_in(axis, rank_of(x), "axis"));
    r.slices = static_cast<uint64_t>(dims_of(x)[static_cast<size_t>(a)]);
    r.inner = product(dims_of(x), static_cast<size_t>(a) + 1, dims_of(x).size());
    if (r.inner == 0) r.inner = 1;
  }
  if (low.elements() != r.slices || high.elements() != r.slices || r.slices == 0) {
    return invalid_argument("min_range and max_range need one value, or one for each slice");
  }
  r.low.assign(low.values<float>().begin(), low.values<float>().end());
  r.high.assign(high.values<float>().begin(), high.values<float>().end());
  return r;
}

Result<Tensors> dequantize(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& x = call.in[0];
  const AttrMap& attrs = call.node.attrs;
  WHITTLE_ASSIGN(const CodeRange range, code_range(x.dtype()));
  WHITTLE_ASSIGN(const Ranges ranges,
                 ranges_of(x, call.in[1], call.in[2], attrs.int_or("axis", -1)));
  const std::string_view mode = attrs.string_or("mode", "MIN_COMBINED");
  const bool narrow_range = attrs.bool_or("narrow_range", false);
  const DType dtype = attrs.type_or("dtype", DType::kFloat);
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  auto o = out.mutable_values<float>();
  struct Line {
    float offset, scale, shift;
  };
  std::vector<Line> lines;
  for (size_t k = 0; k < ranges.low.size(); ++k) {
    const float low = ranges.low[k], high = ranges.high[k];
    if (mode == "MIN_COMBINED") {
      const float half = range.is_signed ? static_cast<float>((range.high - range.low + 1) / 2.0) : 0;
      const float span = static_cast<float>(range.high) - static_cast<float>(range.low);
      lines.push_back({half, (high - low) / span, low});
    } else if (mode == "MIN_FIRST") {
      if (low == high) {
        lines.push_back({0, 0, low});
        continue;
      }
      const double steps = static_cast<double>(uint64_t{1} << range.bits);
      const float scale = static_cast<float>((high - low) / (steps - 1.0));
      const float low_rounded = static_cast<float>(round_away(low / scale)) * scale;
      lines.push_back({0, scale, low_rounded - static_cast<float>(range.low) * scale});
    } else if (mode == "SCALED") {
      const int64_t lowest = range.low + (narrow_range ? 1 : 0);
      const float top = high / static_cast<float>(range.high);
      const float scale = range.is_signed ? std::max(low / static_cast<float>(lowest), top) : top;
      lines.push_back({0, scale, 0});
    } else {
      return invalid_argument("unknown mode of Dequantize");
    }
  }
  for (uint64_t i = 0; i < x.elements(); ++i) {
    const Line& line = lines[ranges.of(i)];
    o[i] = (static_cast<float>(code_at(x, i)) + line.offset) * line.scale + line.shift;
  }
  WHITTLE_ASSIGN(Tensor t, narrowed(out, dtype, call.ctx));
  return one(std::move(t));
}

Result<Tensors> quantize_v2(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "input"));
  const AttrMap& attrs = call.node.attrs;
  const DType dtype = attrs.type_or("T", DType::kInvalid);
  WHITTLE_ASSIGN(const CodeRange range, code_range(dtype));
  if (attrs.int_or("axis", -1) != -1) return no_kernel("QuantizeV2 along an axis");
  const std::string_view mode = attrs.string_or("mode", "MIN_COMBINED");
  const bool even = attrs.string_or("round_mode", "HALF_AWAY_FROM_ZERO") == "HALF_TO_EVEN";
  const bool narrow_range = attrs.bool_or("narrow_range", false);
  WHITTLE_ASSIGN(const double low_given, scalar_real(call.in[1], "min_range"));
  WHITTLE_ASSIGN(const double high_given, scalar_real(call.in[2], "max_range"));
  float low = std::min(0.0f, static_cast<float>(low_given));
  const float ensure = attrs.float_or("ensure_minimum_range", 0.01f);
  if (high_given < low_given) return invalid_argument("max_range must be larger than min_range");
  const float given_low = static_cast<float>(low_given), given_high = static_cast<float>(high_given);
  const float epsilon =
      std::max(1.0f, std::max(__builtin_fabsf(given_low), __builtin_fabsf(given_high))) * ensure;
  float high = std::max(0.0f, std::max(given_high, low + epsilon));
  WHITTLE_ASSIGN(Tensor out, make_tensor(dtype, dims_of(x), call.ctx));
  const auto in = x.values<float>();
  if (mode == "MIN_FIRST") {
    for (size_t i = 0; i < in.size(); ++i) {
      // The kernel's own form in float.
      const float scale = low == high ? 0
                                      : static_cast<float>((static_cast<double>(range.high) -
                                                            static_cast<double>(range.low)) /
                                                           static_cast<double>(high - low));
      const double offset = round_away(low * scale) - static_cast<double>(range.low);
      const double code = low == high ? static_cast<double>(range.low)
                                      : round_away(in[i] * scale) - offset;
      put_code(out, i, code <= static_cast<double>(range.low)    ? range.low
                       : code >= static_cast<double>(range.high) ? range.high
                                                                 : static_cast<int64_t>(code));
    }
  } else if (mode == "MIN_COMBINED") {
    const float half = range.is_signed ? static_cast<float>((range.high - range.low + 1) / 2.0) : 0;
    const float span = static_cast<float>(range.high) - static_cast<float>(range.low);
    const float scale = span / (high - low);
    for (size_t i = 0; i < in.size(); ++i) {
      const float v = std::clamp(in[i], low, high);
      // Signed codes are shifted before they are rounded.
      const double code = round_away((v - low) * scale - half);
      put_code(out, i, static_cast<int64_t>(code));
    }
  } else if (mode == "SCALED") {
    const int64_t lowest = range.is_signed ? range.low + (narrow_range ? 1 : 0) : 0;
    const float max_abs = std::max(__builtin_fabsf(low), __builtin_fabsf(high));
    const float target = static_cast<float>(range.high);
    const float scale = max_abs == 0 ? 0
                        : range.is_signed
                            ? std::min(low != 0 ? static_cast<float>(lowest) / low : 3.4e38f,
                                       high != 0 ? target / high : 3.4e38f)
                            : target / max_abs;
    if (range.is_signed) {
      low = static_cast<float>(lowest) / scale;
      high = target / scale;
    } else {
      low = 0;
      high = target / scale;
    }
    for (size_t i = 0; i < in.size(); ++i) {
      const double v = std::clamp(in[i], low, high) * scale;
      const double code = even ? fn::rint(v) : round_away(v);
      put_code(out, i, std::clamp(static_cast<int64_t>(code), lowest, range.high));
    }
  } else {
    return invalid_argument("unknown mode of QuantizeV2");
  }
  Tensors result = one(std::move(out));
  for (float edge : {low, high}) {
    WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kFloat, {}, call.ctx));
    t.mutable_values<float>()[0] = edge;
    result.push_back(std::move(t));
  }
  return result;
}

// The range moved so that zero is a code; [low, high] -> nudged edges and step.
struct Nudged {
  float low, high, scale, inverse;
};
Nudged nudge(float low, float high, int64_t quant_low, int64_t quant_high) {
  const float ql = static_cast<float>(quant_low), qh = static_cast<float>(quant_high);
  const float scale = (high - low) / (qh - ql);
  const float zero = ql - low / scale;
  const float nudged_zero = zero < ql   ? ql
                            : zero > qh ? qh
                                        : static_cast<float>(round_away(zero));
  return {(ql - nudged_zero) * scale, (qh - nudged_zero) * scale, scale, (qh - ql) / (high - low)};
}

Result<Tensors> fake_quant(KernelCall& call, const std::vector<float>& low,
                           const std::vector<float>& high) {
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "inputs"));
  const int64_t bits = call.node.attrs.int_or("num_bits", 8);
  if (bits < 2 || bits > 16) return invalid_argument("num_bits must lie in 2..16");
  const int64_t ql = call.node.attrs.bool_or("narrow_range", false) ? 1 : 0, qh = (1 << bits) - 1;
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  auto o = out.mutable_values<float>();
  const auto in = x.values<float>();
  std::vector<Nudged> ranges;
  for (size_t k = 0; k < low.size(); ++k) {
    if (low[k] == 0 && high[k] == 0) {
      ranges.push_back({0, 0, 0, 0});
      continue;
    }
    if (!(low[k] < high[k])) return invalid_argument("min must be below max");
    ranges.push_back(nudge(low[k], high[k], ql, qh));
  }
  for (size_t i = 0; i < in.size(); ++i) {
    const Nudged& n = ranges[i % ranges.size()];
    if (n.scale == 0) {
      o[i] = 0;
      continue;
    }
    const float clamped = std::min(std::max(in[i], n.low), n.high);
    const float shifted = clamped - n.low;
    o[i] = __builtin_floorf(shifted * n.inverse + 0.5f) * n.scale + n.low;
  }
  return one(std::move(out));
}

Result<Tensors> fake_quant_args(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  return fake_quant(call, {call.node.attrs.float_or("min", -6)}, {call.node.attrs.float_or("max", 6)});
}

Result<Tensors> fake_quant_vars(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_CHECK(need_dtype(call.in[1], DType::kFloat, "min"));
  WHITTLE_CHECK(need_dtype(call.in[2], DType::kFloat, "max"));
  const bool per_channel = call.node.op == "FakeQuantWithMinMaxVarsPerChannel";
  const uint64_t want =
      per_channel && rank_of(call.in[0]) > 0 ? static_cast<uint64_t>(dims_of(call.in[0]).back()) : 1;
  if (call.in[1].elements() != want || call.in[2].elements() != want || want == 0) {
    return invalid_argument("min and max do not fit the input");
  }
  const auto low = call.in[1].values<float>(), high = call.in[2].values<float>();
  return fake_quant(call, {low.begin(), low.end()}, {high.begin(), high.end()});
}

// Quantizes and comes back: what quantization-aware training leaves in a graph.
Result<Tensors> quantize_and_dequantize(KernelCall& call) {
  const std::string_view op = call.node.op;
  const bool v3 = op == "QuantizeAndDequantizeV3";
  WHITTLE_CHECK(need_inputs(call, v3 ? 4 : 3));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "input"));
  const AttrMap& attrs = call.node.attrs;
  const bool is_signed = attrs.bool_or("signed_input", true), given = attrs.bool_or("range_given", v3);
  const bool narrow_range = attrs.bool_or("narrow_range", false);
  if (attrs.int_or("axis", -1) != -1) return no_kernel("QuantizeAndDequantize along an axis");
  const bool even = attrs.string_or("round_mode", "HALF_TO_EVEN") == "HALF_TO_EVEN";
  int64_t bits = attrs.int_or("num_bits", 8);
  if (v3) {
    WHITTLE_ASSIGN(bits, scalar_int(call.in[3], "num_bits"));
  }
  if (bits < 1 || bits > 62) return invalid_argument("num_bits is out of range");
  const auto in = x.values<float>();
  float low = 0, high = 0;
  if (given) {
    WHITTLE_ASSIGN(const double a, scalar_real(call.in[1], "input_min"));
    WHITTLE_ASSIGN(const double b, scalar_real(call.in[2], "input_max"));
    low = static_cast<float>(a);
    high = static_cast<float>(b);
    if (low > high) return invalid_argument("input_min is above input_max");
  } else if (!in.empty()) {
    low = *std::min_element(in.begin(), in.end());
    high = *std::max_element(in.begin(), in.end());
  }
  const int64_t ql = is_signed ? -(int64_t{1} << (bits - 1)) + (narrow_range ? 1 : 0) : 0;
  const int64_t qh = is_signed ? (int64_t{1} << (bits - 1)) - 1 : (int64_t{1} << bits) - 1;
  const float scale_low = ql * low > 0 ? static_cast<float>(ql) / low : 3.4028234663852886e38f;
  const float scale_high = qh * high > 0 ? static_cast<float>(qh) / high : 3.4028234663852886e38f;
  float scale, inverse;
  if (scale_low < scale_high) {
    scale = scale_low;
    inverse = low / static_cast<float>(ql);
    high = static_cast<float>(qh) * inverse;
  } else {
    scale = scale_high;
    inverse = high / static_cast<float>(qh);
    low = static_cast<float>(ql) * inverse;
  }
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  auto o = out.mutable_values<float>();
  for (size_t i = 0; i < in.size(); ++i) {
    const float v = given ? std::min(std::max(in[i], low), high) : in[i];
    const float code = v * scale;
    o[i] = (even ? static_cast<float>(fn::rint(code)) : __builtin_floorf(code + 0.5f)) * inverse;
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement,
          .exactness = Exactness::kUlp, .run = run};
}
constexpr DTypeSet kFloat32 = dtypes(DType::kFloat);

constexpr KernelInfo kRows[] = {
    row("Dequantize", kQuantized, dequantize, "mode,narrow_range,axis,dtype"),
    row("FakeQuantWithMinMaxArgs", kFloat32, fake_quant_args, "min,max,num_bits,narrow_range"),
    row("FakeQuantWithMinMaxVars", kFloat32, fake_quant_vars, "num_bits,narrow_range"),
    row("FakeQuantWithMinMaxVarsPerChannel", kFloat32, fake_quant_vars, "num_bits,narrow_range"),
    row("QuantizeAndDequantizeV2", kFloat32, quantize_and_dequantize,
        "signed_input,num_bits,range_given,round_mode,narrow_range,axis=-1"),
    row("QuantizeAndDequantizeV3", kFloat32, quantize_and_dequantize,
        "signed_input,range_given,narrow_range,axis=-1"),
    row("QuantizeV2", kFloat32, quantize_v2,
        "T,mode,round_mode,narrow_range,axis=-1,ensure_minimum_range"),
};

}  // namespace

Rows quantize_kernels() { return kRows; }

}  // namespace whittle::eval
