// Conv2D, Conv3D, depthwise and transposed convolutions, patches.
//
//   patches   [positions, taps * channels]   rows of the input under each output position
//   result    patches x filter               one product per block of positions
//
// A filter with fewer input channels than the image has makes groups: each is a product of its own
// slice of channels.
#include <algorithm>

#include "conv_kernels.h"
#include "lanes.h"
#include "products.h"
#include "window.h"

namespace whittle::eval {
namespace {

// Scratch for patches: enough rows that the product reuses the filter, few enough for the cache.
constexpr uint64_t kPatchBytes = 1 << 20;

// Input offsets of one output position, one per tap; -1 outside of the image.
void tap_offsets(const Windows& ws, int64_t position, std::vector<int64_t>& offsets) {
  const int64_t ow = position % ws.w.out, oh = position / ws.w.out % ws.h.out,
                od = position / ws.w.out / ws.h.out;
  size_t t = 0;
  for (int64_t kd = 0; kd < ws.d.kernel; ++kd) {
    const int64_t d = od * ws.d.stride - ws.d.pad + kd * ws.d.dilation;
    for (int64_t kh = 0; kh < ws.h.kernel; ++kh) {
      const int64_t h = oh * ws.h.stride - ws.h.pad + kh * ws.h.dilation;
      const bool row_inside = d >= 0 && d < ws.d.in && h >= 0 && h < ws.h.in;
      for (int64_t kw = 0; kw < ws.w.kernel; ++kw) {
        const int64_t w = ow * ws.w.stride - ws.w.pad + kw * ws.w.dilation;
        offsets[t++] = row_inside && w >= 0 && w < ws.w.in ? (d * ws.h.in + h) * ws.w.in + w : -1;
      }
    }
  }
}

// x [b,d,h,w,c], filter [taps…, c/groups, n]; both in a lane dtype.
Result<Tensor> convolve(const Tensor& x, const Tensor& filter, const Windows& ws, Context& ctx) {
  const Dims& in = dims_of(x);
  const Dims& f = dims_of(filter);
  const int64_t channels = in[4], per_group = f[f.size() - 2], outputs = f[f.size() - 1];
  if (per_group == 0 || channels % per_group != 0 || outputs % (channels / per_group) != 0) {
    return invalid_argument(cat("input depth ", channels, " and filter depth ", per_group,
                                " do not fit"));
  }
  const int64_t groups = channels / per_group;
  const DType lane = x.dtype();
  const size_t width = byte_width(lane);
  WHITTLE_ASSIGN(Tensor out,
                 make_tensor(lane, {in[0], ws.d.out, ws.h.out, ws.w.out, outputs}, ctx));
  if (out.elements() == 0) return out;

  const uint64_t taps = static_cast<uint64_t>(ws.taps());
  const size_t k = static_cast<size_t>(taps * static_cast<uint64_t>(per_group));
  const size_t n = static_cast<size_t>(outputs / groups);
  const size_t positions = static_cast<size_t>(ws.positions());
  const size_t image = static_cast<size_t>(ws.d.in * ws.h.in * ws.w.in * channels);
  const uint8_t* weights = filter.bytes().data();
  const bool plain = taps == 1 && groups == 1 && positions * static_cast<size_t>(channels) == image;
  if (plain) {
    // Kernel 1, stride 1: the input is its own patch matrix.
    gemm(lane, static_cast<size_t>(in[0]) * positions, n, k, x.bytes().data(), k, weights, n,
         out.mutable_bytes(), n, false);
    return out;
  }
  const uint64_t row_bytes = std::max<uint64_t>(k * width, 1);
  const size_t rows = static_cast<size_t>(std::clamp<uint64_t>(kPatchBytes / row_bytes, 1, positions));
  WHITTLE_ASSIGN(Tensor patches, make_tensor(lane, {static_cast<int64_t>(rows), static_cast<int64_t>(k)},
                                             ctx));
  WHITTLE_CHECK(within_budget(taps * 8, ctx));
  std::vector<int64_t> offsets(static_cast<size_t>(taps));
  const size_t run = static_cast<size_t>(per_group) * width;
  for (int64_t b = 0; b < in[0]; ++b) {
    const uint8_t* pixels = x.bytes().data() + static_cast<size_t>(b) * image * width;
    for (size_t p0 = 0; p0 < positions; p0 += rows) {
      WHITTLE_CHECK(ctx.check_cancelled());
      const size_t count = std::min(rows, positions - p0);
      for (int64_t g = 0; g < groups; ++g) {
        uint8_t* to = patches.mutable_bytes();
        for (size_t p = 0; p < count; ++p) {
          tap_offsets(ws, static_cast<int64_t>(p0 + p), offsets);
          for (size_t t = 0; t < offsets.size();) {
            if (offsets[t] < 0) {
              std::memset(to, 0, run);
              to += run;
              ++t;
              continue;
            }
            // Neighbouring taps of one group are one copy.
            size_t joined = 1;
            while (groups == 1 && t + joined < offsets.size() &&
                   offsets[t + joined] == offsets[t] + static_cast<int64_t>(joined)) {
              ++joined;
            }
            std::memcpy(to,
                        pixels + static_cast<size_t>(offsets[t] * channels + g * per_group) * width,
                        run * joined);
            to += run * joined;
            t += joined;
          }
        }
        const size_t column = static_cast<size_t>(g) * n;
        gemm(lane, count, n, k, patches.bytes().data(), k, weights + column * width,
             static_cast<size_t>(outputs),
             out.mutable_bytes() +
                 ((static_cast<size_t>(b) * positions + p0) * static_cast<size_t>(outputs) + column) *
                     width,
             static_cast<size_t>(outputs), false);
      }
    }
  }
  return out;
}

Dims spatial_of(const Dims& filter, int spatial) {
  return Dims(filter.begin(), filter.begin() + spatial);
}

template <int kSpatial>
Result<Tensors> conv(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_same_dtype(call.in[0], call.in[1]));
  const DType dtype = call.in[0].dtype();
  WHITTLE_ASSIGN(const WindowAttrs attrs, window_attrs(call.node, kSpatial));
  WHITTLE_CHECK(need_rank(call.in[1], kSpatial + 2, "filter"));
  WHITTLE_ASSIGN(const Tensor x, to_channels_last(call.in[0], attrs, call.ctx));
  const Dims in = dims_of(x);
  const Dims spatial_in = kSpatial == 3 ? Dims{in[1], in[2], in[3]} : Dims{in[2], in[3]};
  WHITTLE_ASSIGN(const Windows ws,
                 make_windows(attrs, spatial_in, spatial_of(dims_of(call.in[1]), kSpatial)));
  WHITTLE_ASSIGN(const Tensor wide, widened(x, call.ctx));
  WHITTLE_ASSIGN(const Tensor filter, widened(call.in[1], call.ctx));
  if (kComplex.has(wide.dtype())) return no_kernel("convolution of complex numbers");
  WHITTLE_ASSIGN(Tensor y, convolve(wide, filter, ws, call.ctx));
  WHITTLE_ASSIGN(y, narrowed(y, dtype, call.ctx));
  WHITTLE_ASSIGN(y, from_channels_last(y, attrs, call.ctx));
  return one(std::move(y));
}

// Double precision goes through the same loops as two floats would not: computed plainly.
void depthwise_pixel_f64(size_t channels, size_t multiplier, size_t taps,
                         const double* const* in, const double* filter, double* out) {
  for (size_t c = 0; c < channels; ++c) {
    for (size_t m = 0; m < multiplier; ++m) {
      double acc = 0;
      for (size_t t = 0; t < taps; ++t) {
        if (in[t] != nullptr) acc += in[t][c] * filter[(t * channels + c) * multiplier + m];
      }
      out[c * multiplier + m] = acc;
    }
  }
}

Result<Tensors> depthwise(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_same_dtype(call.in[0], call.in[1]));
  const DType dtype = call.in[0].dtype();
  if (!kFloats.has(dtype)) return no_kernel("depthwise convolution of that dtype");
  WHITTLE_ASSIGN(const WindowAttrs attrs, window_attrs(call.node, 2));
  WHITTLE_CHECK(need_rank(call.in[1], 4, "filter"));
  WHITTLE_ASSIGN(const Tensor last, to_channels_last(call.in[0], attrs, call.ctx));
  WHITTLE_ASSIGN(const Tensor x, widened(last, call.ctx));
  WHITTLE_ASSIGN(const Tensor filter, widened(call.in[1], call.ctx));
  const Dims &in = dims_of(x), &f = dims_of(filter);
  if (f[2] != in[4]) {
    return invalid_argument(cat("filter ", dims_text(f), " does not fit ", in[4], " channels"));
  }
  WHITTLE_ASSIGN(const Windows ws, make_windows(attrs, {in[2], in[3]}, {f[0], f[1]}));
  const int64_t outputs = in[4] * f[3];
  WHITTLE_ASSIGN(Tensor y, make_tensor(x.dtype(), {in[0], 1, ws.h.out, ws.w.out, outputs}, call.ctx));
  const size_t channels = static_cast<size_t>(in[4]), multiplier = static_cast<size_t>(f[3]);
  const size_t taps = static_cast<size_t>(ws.taps()), positions = static_cast<size_t>(ws.positions());
  const size_t image = static_cast<size_t>(ws.h.in * ws.w.in) * channels;
  WHITTLE_CHECK(within_budget(uint64_t{taps} * 16, call.ctx));
  std::vector<int64_t> offsets(taps);
  std::vector<const float*> in32(taps);
  std::vector<const double*> in64(taps);
  for (int64_t b = 0; b < in[0] && y.elements() != 0; ++b) {
    for (size_t p = 0; p < positions; ++p) {
      if (p % 256 == 0) WHITTLE_CHECK(call.ctx.check_cancelled());
      tap_offsets(ws, static_cast<int64_t>(p), offsets);
      const size_t at = (static_cast<size_t>(b) * positions + p) * static_cast<size_t>(outputs);
      const size_t base = static_cast<size_t>(b) * image;
      if (x.dtype() == DType::kFloat) {
        const float* pixels = reinterpret_cast<const float*>(x.bytes().data()) + base;
        for (size_t t = 0; t < taps; ++t) {
          in32[t] = offsets[t] < 0 ? nullptr : pixels + static_cast<size_t>(offsets[t]) * channels;
        }
        const float* weights = reinterpret_cast<const float*>(filter.bytes().data());
        float* out = reinterpret_cast<float*>(y.mutable_bytes()) + at;
        if (multiplier == 1) {
          depthwise_pixel(channels, taps, in32.data(), weights, out);
        } else {
          depthwise_pixel_multiplied(channels, multiplier, taps, in32.data(), weights, out);
        }
      } else {
        const double* pixels = reinterpret_cast<const double*>(x.bytes().data()) + base;
        for (size_t t = 0; t < taps; ++t) {
          in64[t] = offsets[t] < 0 ? nullptr : pixels + static_cast<size_t>(offsets[t]) * channels;
        }
        depthwise_pixel_f64(channels, multiplier, taps, in64.data(),
                            reinterpret_cast<const double*>(filter.bytes().data()),
                            reinterpret_cast<double*>(y.mutable_bytes()) + at);
      }
    }
  }
  WHITTLE_ASSIGN(y, narrowed(y, dtype, call.ctx));
  WHITTLE_ASSIGN(y, from_channels_last(y, attrs, call.ctx));
  return one(std::move(y));
}

// The gradient of a convolution by its input, used as a transposed convolution:
//   columns = out_backprop [positions, n] x filter^T [n, taps * c], added up where taps fall.
template <class T>
void add_columns(const T* columns, const std::vector<int64_t>& offsets, size_t channels, T* image) {
  for (size_t t = 0; t < offsets.size(); ++t, columns += channels) {
    if (offsets[t] < 0) continue;
    T* to = image + static_cast<size_t>(offsets[t]) * channels;
    for (size_t c = 0; c < channels; ++c) to[c] += columns[c];
  }
}

template <int kSpatial>
Result<Tensors> conv_backprop_input(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_CHECK(need_same_dtype(call.in[1], call.in[2]));
  const DType dtype = call.in[1].dtype();
  if (!kFloats.has(dtype)) return no_kernel("transposed convolution of that dtype");
  WHITTLE_ASSIGN(const WindowAttrs attrs, window_attrs(call.node, kSpatial));
  WHITTLE_CHECK(need_rank(call.in[1], kSpatial + 2, "filter"));
  WHITTLE_ASSIGN(Dims sizes, shape_input(call.in[0], "input_sizes"));
  WHITTLE_ASSIGN(const Tensor last, to_channels_last(call.in[2], attrs, call.ctx));
  WHITTLE_ASSIGN(const Tensor g, widened(last, call.ctx));
  WHITTLE_ASSIGN(const Tensor filter, widened(call.in[1], call.ctx));
  const Dims &f = dims_of(filter), &out = dims_of(g);
  const size_t spatial = kSpatial;
  if (sizes.size() == spatial) {
    // Only the spatial sizes are given.
    sizes.insert(sizes.begin(), out[0]);
    sizes.insert(attrs.channels_first ? sizes.begin() + 1 : sizes.end(), f[spatial]);
  }
  if (sizes.size() != spatial + 2) return invalid_argument("input_sizes has the wrong length");
  if (attrs.channels_first) {
    sizes.push_back(sizes[1]);
    sizes.erase(sizes.begin() + 1);
  }
  const int64_t channels = sizes.back();
  const Dims spatial_in(sizes.begin() + 1, sizes.end() - 1);
  WHITTLE_ASSIGN(const Windows ws, make_windows(attrs, spatial_in, spatial_of(f, kSpatial)));
  if (ws.d.out != out[1] || ws.h.out != out[2] || ws.w.out != out[3] || sizes[0] != out[0] ||
      f[spatial + 1] != out[4]) {
    return invalid_argument(cat("out_backprop of shape ", dims_text(dims_of(call.in[2])),
                                " does not fit input_sizes and filter"));
  }
  if (f[spatial] != channels) return no_kernel("transposed convolution in groups");
  WHITTLE_ASSIGN(Tensor image, make_tensor(g.dtype(), {sizes[0], ws.d.in, ws.h.in, ws.w.in, channels},
                                           call.ctx));
  const size_t taps = static_cast<size_t>(ws.taps()), n = static_cast<size_t>(out[4]);
  const size_t k = taps * static_cast<size_t>(channels), positions = static_cast<size_t>(ws.positions());
  if (image.elements() != 0 && positions != 0) {
    // filter [taps, c, n] -> [n, taps * c]
    WHITTLE_ASSIGN(const Tensor turned,
                   materialize(filter, {{out[4], static_cast<int64_t>(k)}, {1, out[4]}, 0},
                               {out[4], static_cast<int64_t>(k)}, call.ctx));
    const size_t width = byte_width(g.dtype());
    const size_t rows = static_cast<size_t>(
        std::clamp<uint64_t>(kPatchBytes / std::max<uint64_t>(k * width, 1), 1, positions));
    WHITTLE_ASSIGN(Tensor columns, make_tensor(g.dtype(), {static_cast<int64_t>(rows),
                                                           static_cast<int64_t>(k)}, call.ctx));
    WHITTLE_CHECK(within_budget(uint64_t{taps} * 8, call.ctx));
    std::vector<int64_t> offsets(taps);
    const size_t pixels = static_cast<size_t>(ws.d.in * ws.h.in * ws.w.in * channels);
    for (int64_t b = 0; b < sizes[0]; ++b) {
      for (size_t p0 = 0; p0 < positions; p0 += rows) {
        WHITTLE_CHECK(call.ctx.check_cancelled());
        const size_t count = std::min(rows, positions - p0);
        gemm(g.dtype(), count, k, n,
             g.bytes().data() + (static_cast<size_t>(b) * positions + p0) * n * width, n,
             turned.bytes().data(), k, columns.mutable_bytes(), k, false);
        uint8_t* to = image.mutable_bytes() + static_cast<size_t>(b) * pixels * width;
        for (size_t p = 0; p < count; ++p) {
          tap_offsets(ws, static_cast<int64_t>(p0 + p), offsets);
          if (g.dtype() == DType::kFloat) {
            add_columns(reinterpret_cast<const float*>(columns.bytes().data()) + p * k, offsets,
                        static_cast<size_t>(channels), reinterpret_cast<float*>(to));
          } else {
            add_columns(reinterpret_cast<const double*>(columns.bytes().data()) + p * k, offsets,
                        static_cast<size_t>(channels), reinterpret_cast<double*>(to));
          }
        }
      }
    }
  }
  WHITTLE_ASSIGN(Tensor t, narrowed(image, dtype, call.ctx));
  WHITTLE_ASSIGN(t, from_channels_last(t, attrs, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kProduct,
          .exactness = Exactness::kSum, .run = run};
}
constexpr std::string_view kWindow = "strides,padding,explicit_paddings,data_format,dilations";

constexpr KernelInfo kRows[] = {
    row("Conv2D", kFloats | dtypes(DType::kInt32), conv<2>, kWindow),
    row("Conv2DBackpropInput", kFloats, conv_backprop_input<2>, kWindow),
    row("Conv3D", kFloats, conv<3>, "strides,padding,data_format,dilations"),
    row("Conv3DBackpropInputV2", kFloats, conv_backprop_input<3>, "strides,padding,data_format,dilations"),
    row("DepthwiseConv2dNative", kFloats, depthwise, kWindow),
};

}  // namespace

Rows conv_kernels() { return kRows; }

}  // namespace whittle::eval
