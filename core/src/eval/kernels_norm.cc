// Normalisations: FusedBatchNorm v1-v3, BatchNormWithGlobalNormalization, LRN, Softmax,
// LogSoftmax, L2Loss.
#include <algorithm>

#include "functions.h"
#include "kernel_util.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

// [outer, channels, inner] view of data with channels last (inner 1) or second.
struct ChannelView {
  uint64_t outer, channels, inner;
  uint64_t per_channel() const { return outer * inner; }
};

Result<ChannelView> channel_view(const Tensor& x, std::string_view format) {
  const Dims& d = dims_of(x);
  if (d.size() < 2) return invalid_argument("input needs channels");
  if (format == "NCHW" || format == "NCDHW") {
    return ChannelView{static_cast<uint64_t>(d[0]), static_cast<uint64_t>(d[1]),
                       product(d, 2, d.size())};
  }
  if (format != "NHWC" && format != "NDHWC") return no_kernel("data_format");
  return ChannelView{product(d, 0, d.size() - 1), static_cast<uint64_t>(d.back()), 1};
}

// y = x * multiplier[c] + offset of the shifted value: (x - mean) * factor + offset, in float.
Result<Tensor> affine(const Tensor& x, const ChannelView& v, const float* mean, const float* factor,
                      const float* offset, Context& ctx) {
  WHITTLE_ASSIGN(Tensor y, make_tensor(DType::kFloat, dims_of(x), ctx));
  const float* in = reinterpret_cast<const float*>(x.bytes().data());
  float* out = reinterpret_cast<float*>(y.mutable_bytes());
  if (v.inner == 1) {
    for (uint64_t o = 0; o < v.outer; ++o, in += v.channels, out += v.channels) {
      for (uint64_t c = 0; c < v.channels; ++c) {
        out[c] = flush((flush(in[c]) - mean[c]) * factor[c] + offset[c]);
      }
    }
  } else {
    for (uint64_t o = 0; o < v.outer; ++o) {
      for (uint64_t c = 0; c < v.channels; ++c, in += v.inner, out += v.inner) {
        for (uint64_t i = 0; i < v.inner; ++i) {
          out[i] = flush((flush(in[i]) - mean[c]) * factor[c] + offset[c]);
        }
      }
    }
  }
  return y;
}

Result<Tensors> fused_batch_norm(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 5));
  const Node& node = call.node;
  const DType dtype = call.in[0].dtype();
  WHITTLE_ASSIGN(const Tensor x, widened(call.in[0], call.ctx));
  if (x.dtype() != DType::kFloat) return no_kernel("FusedBatchNorm of that dtype");
  WHITTLE_ASSIGN(const ChannelView v, channel_view(x, node.attrs.string_or("data_format", "NHWC")));
  for (size_t i = 1; i < 5; ++i) {
    WHITTLE_CHECK(need_dtype(call.in[i], DType::kFloat, "a parameter"));
    WHITTLE_CHECK(need_rank(call.in[i], 1, "a parameter"));
  }
  const bool training = node.attrs.bool_or("is_training", true);
  const float epsilon = node.attrs.float_or("epsilon", 1e-4f);
  const float average = node.attrs.float_or("exponential_avg_factor", 1.0f);
  const uint64_t n = v.channels;
  const bool need_old = !training || average != 1.0f;
  if (call.in[1].elements() != n || call.in[2].elements() != n ||
      (need_old && (call.in[3].elements() != n || call.in[4].elements() != n))) {
    return invalid_argument(cat("parameters do not have one value for each of ", n, " channels"));
  }
  const auto scale = call.in[1].values<float>(), offset = call.in[2].values<float>();
  const auto old_mean = call.in[3].values<float>(), old_variance = call.in[4].values<float>();
  const Dims per_channel{static_cast<int64_t>(n)};
  WHITTLE_ASSIGN(Tensor mean, make_tensor(DType::kFloat, per_channel, call.ctx));
  WHITTLE_ASSIGN(Tensor variance, make_tensor(DType::kFloat, per_channel, call.ctx));
  WHITTLE_ASSIGN(Tensor new_mean, make_tensor(DType::kFloat, per_channel, call.ctx));
  WHITTLE_ASSIGN(Tensor new_variance, make_tensor(DType::kFloat, per_channel, call.ctx));
  WHITTLE_ASSIGN(Tensor factor, make_tensor(DType::kFloat, per_channel, call.ctx));
  auto m = mean.mutable_values<float>(), s = variance.mutable_values<float>();
  auto new_m = new_mean.mutable_values<float>(), new_s = new_variance.mutable_values<float>();
  const uint64_t count = v.per_channel();
  const float* in = reinterpret_cast<const float*>(x.bytes().data());
  for (uint64_t c = 0; c < n; ++c) {
    if (!training) {
      m[c] = new_m[c] = old_mean[c];
      s[c] = new_s[c] = old_variance[c];
      continue;
    }
    double sum = 0, squares = 0;
    for (uint64_t o = 0; o < v.outer; ++o) {
      for (uint64_t i = 0; i < v.inner; ++i) {
        sum += static_cast<double>(in[(o * n + c) * v.inner + i]);
      }
    }
    const double mu = count == 0 ? fn::kNan : sum / static_cast<double>(count);
    for (uint64_t o = 0; o < v.outer; ++o) {
      for (uint64_t i = 0; i < v.inner; ++i) {
        const double d = static_cast<double>(in[(o * n + c) * v.inner + i]) - mu;
        squares += d * d;
      }
    }
    const double biased = count == 0 ? fn::kNan : squares / static_cast<double>(count);
    const double unbiased =
        count > 1 ? squares / static_cast<double>(count - 1) : biased;
    m[c] = static_cast<float>(mu);
    s[c] = static_cast<float>(biased);
    new_m[c] = static_cast<float>(mu);
    new_s[c] = static_cast<float>(unbiased);
    if (average != 1.0f) {
      new_m[c] = old_mean[c] * (1.0f - average) + new_m[c] * average;
      new_s[c] = old_variance[c] * (1.0f - average) + new_s[c] * average;
    }
  }
  auto f = factor.mutable_values<float>();
  for (uint64_t c = 0; c < n; ++c) f[c] = scale[c] / __builtin_sqrtf(s[c] + epsilon);
  WHITTLE_ASSIGN(Tensor y, affine(x, v, m.data(), f.data(), offset.data(), call.ctx));
  if (node.op == "_FusedBatchNormEx" && node.attrs.string_or("activation_mode", "") == "Relu") {
    for (float& value : y.mutable_values<float>()) value = value > 0 ? value : 0;
  }
  WHITTLE_ASSIGN(y, narrowed(y, dtype, call.ctx));
  Tensors out = one(std::move(y));
  out.push_back(std::move(new_mean));
  out.push_back(std::move(new_variance));
  out.push_back(std::move(mean));
  out.push_back(std::move(variance));
  if (node.op != "FusedBatchNorm" && node.op != "FusedBatchNormV2") {
    WHITTLE_ASSIGN(Tensor reserved, make_tensor(DType::kFloat, {}, call.ctx));
    out.push_back(std::move(reserved));
  }
  return out;
}

Result<Tensors> batch_norm_global(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 5));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kFloat, "t"));
  WHITTLE_ASSIGN(const ChannelView v, channel_view(call.in[0], "NHWC"));
  for (size_t i = 1; i < 5; ++i) {
    WHITTLE_CHECK(need_dtype(call.in[i], DType::kFloat, "a parameter"));
    if (call.in[i].elements() != v.channels) return invalid_argument("parameters do not fit");
  }
  const float epsilon = call.node.attrs.float_or("variance_epsilon", 0);
  const bool scaled = call.node.attrs.bool_or("scale_after_normalization", false);
  WHITTLE_ASSIGN(Tensor factor, make_tensor(DType::kFloat, {static_cast<int64_t>(v.channels)},
                                            call.ctx));
  auto f = factor.mutable_values<float>();
  const auto variance = call.in[2].values<float>(), gamma = call.in[4].values<float>();
  for (uint64_t c = 0; c < v.channels; ++c) {
    f[c] = 1.0f / __builtin_sqrtf(variance[c] + epsilon);
    if (scaled) f[c] *= gamma[c];
  }
  WHITTLE_ASSIGN(Tensor y, affine(call.in[0], v, call.in[1].values<float>().data(), f.data(),
                                  call.in[3].values<float>().data(), call.ctx));
  return one(std::move(y));
}

// y = x / (bias + alpha * sum of x^2 over neighbouring channels)^beta
Result<Tensors> lrn(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const DType dtype = call.in[0].dtype();
  WHITTLE_CHECK(need_rank(call.in[0], 4, "input"));
  WHITTLE_ASSIGN(const Tensor x, widened(call.in[0], call.ctx));
  if (x.dtype() != DType::kFloat) return no_kernel("LRN of that dtype");
  const int64_t radius = call.node.attrs.int_or("depth_radius", 5);
  const double bias = call.node.attrs.float_or("bias", 1), alpha = call.node.attrs.float_or("alpha", 1),
               beta = call.node.attrs.float_or("beta", 0.5f);
  const int64_t channels = dims_of(x)[3];
  if (radius < 0) return invalid_argument("depth_radius must not be negative");
  WHITTLE_ASSIGN(Tensor y, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  const auto in = x.values<float>();
  auto out = y.mutable_values<float>();
  for (size_t row = 0; row < in.size(); row += static_cast<size_t>(channels)) {
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      const int64_t last = c > channels - 1 - std::min(radius, channels) ? channels - 1 : c + radius;
      for (int64_t k = std::max<int64_t>(0, c - std::min(radius, channels)); k <= last; ++k) {
        const double value = in[row + static_cast<size_t>(k)];
        sum += value * value;
      }
      const size_t i = row + static_cast<size_t>(c);
      out[i] = static_cast<float>(in[i] * fn::pow(bias + alpha * sum, -beta));
    }
  }
  WHITTLE_ASSIGN(y, narrowed(y, dtype, call.ctx));
  return one(std::move(y));
}

// Rows of the last dimension: e^(x - max) / sum, or x - max - log(sum); sums in double.
template <bool kLog>
Result<Tensors> softmax(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const DType dtype = call.in[0].dtype();
  if (rank_of(call.in[0]) < 1) return invalid_argument("logits must have at least rank 1");
  if (!kFloats.has(dtype)) return no_kernel("Softmax of that dtype");
  WHITTLE_ASSIGN(const Tensor x, widened(call.in[0], call.ctx));
  WHITTLE_ASSIGN(Tensor y, make_tensor(x.dtype(), dims_of(x), call.ctx));
  const size_t n = static_cast<size_t>(dims_of(x).back());
  WHITTLE_CHECK(within_budget(uint64_t{n} * 8, call.ctx));
  std::vector<double> row(n);
  for (uint64_t at = 0; at < x.elements(); at += n) {
    if (x.dtype() == DType::kFloat) {
      for (size_t i = 0; i < n; ++i) row[i] = x.values<float>()[at + i];
    } else {
      for (size_t i = 0; i < n; ++i) row[i] = x.values<double>()[at + i];
    }
    double largest = row[0];
    for (double v : row) largest = largest < v || v != v ? v : largest;
    double sum = 0;
    for (double& v : row) {
      v -= largest;
      const double e = fn::exp(v);
      sum += e;
      if (!kLog) v = e;
    }
    const double log_sum = kLog ? fn::log(sum) : 0;
    for (size_t i = 0; i < n; ++i) {
      const double v = kLog ? row[i] - log_sum : row[i] / sum;
      if (x.dtype() == DType::kFloat) {
        y.mutable_values<float>()[at + i] = flush(static_cast<float>(v));
      } else {
        y.mutable_values<double>()[at + i] = flush(v);
      }
    }
  }
  WHITTLE_ASSIGN(y, narrowed(y, dtype, call.ctx));
  return one(std::move(y));
}

Result<Tensors> l2_loss(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const DType dtype = call.in[0].dtype();
  if (!kFloats.has(dtype)) return no_kernel("L2Loss of that dtype");
  WHITTLE_ASSIGN(const Tensor x, widened(call.in[0], call.ctx));
  double sum = 0;
  if (x.dtype() == DType::kFloat) {
    for (float v : x.values<float>()) sum += static_cast<double>(v) * v;
  } else {
    for (double v : x.values<double>()) sum += v * v;
  }
  sum *= 0.5;
  WHITTLE_ASSIGN(Tensor wide, make_tensor(x.dtype(), {}, call.ctx));
  if (x.dtype() == DType::kFloat) {
    wide.mutable_values<float>()[0] = static_cast<float>(sum);
  } else {
    wide.mutable_values<double>()[0] = sum;
  }
  WHITTLE_ASSIGN(Tensor t, narrowed(wide, dtype, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kReduce,
          .exactness = Exactness::kSum, .run = run};
}
constexpr DTypeSet kUpToFloat = dtypes(DType::kFloat, DType::kHalf, DType::kBfloat16);
constexpr std::string_view kBatchNorm = "epsilon,exponential_avg_factor,data_format,is_training";

constexpr KernelInfo kRows[] = {
    row("BatchNormWithGlobalNormalization", dtypes(DType::kFloat), batch_norm_global,
        "variance_epsilon,scale_after_normalization"),
    row("FusedBatchNorm", dtypes(DType::kFloat), fused_batch_norm, kBatchNorm),
    row("FusedBatchNormV2", kUpToFloat, fused_batch_norm, kBatchNorm),
    row("FusedBatchNormV3", kUpToFloat, fused_batch_norm, kBatchNorm),
    row("L2Loss", kFloats, l2_loss, ""),
    row("LRN", kUpToFloat, lrn, "depth_radius,bias,alpha,beta"),
    row("LogSoftmax", kFloats, softmax<true>, ""),
    row("Softmax", kFloats, softmax<false>, ""),
};

}  // namespace

Rows norm_kernels() { return kRows; }

}  // namespace whittle::eval
