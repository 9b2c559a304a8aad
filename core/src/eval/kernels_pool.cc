// Max and average pooling in two and three dimensions.
//
// Positions outside of the image count neither for the maximum nor for the average.
#include <algorithm>
#include <limits>

#include "lanes.h"
#include "window.h"

namespace whittle::eval {
namespace {

struct Range {
  int64_t from, to;
};
Range covered(const Window& w, int64_t o) {
  const int64_t start = o * w.stride - w.pad;
  return {std::max<int64_t>(start, 0), std::min(start + w.kernel, w.in)};
}

// Calls visit(output index of channel 0, d, h, w ranges, batch) for every output position.
template <class Visit>
Status for_each_position(const Windows& ws, int64_t batches, int64_t channels, Context& ctx,
                         Visit visit) {
  int64_t at = 0;
  for (int64_t b = 0; b < batches; ++b) {
    for (int64_t od = 0; od < ws.d.out; ++od) {
      for (int64_t oh = 0; oh < ws.h.out; ++oh) {
        WHITTLE_CHECK(ctx.check_cancelled());
        for (int64_t ow = 0; ow < ws.w.out; ++ow, at += channels) {
          visit(at, b, covered(ws.d, od), covered(ws.h, oh), covered(ws.w, ow));
        }
      }
    }
  }
  return {};
}

template <class T>
Status pool_max(const T* in, T* out, const Windows& ws, int64_t batches, int64_t channels,
                Context& ctx) {
  return for_each_position(
      ws, batches, channels, ctx,
      [&](int64_t at, int64_t b, Range rd, Range rh, Range rw) {
        T* o = out + at;
        std::fill(o, o + channels,
                  std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                       : std::numeric_limits<T>::lowest());
        for (int64_t d = rd.from; d < rd.to; ++d) {
          for (int64_t h = rh.from; h < rh.to; ++h) {
            for (int64_t w = rw.from; w < rw.to; ++w) {
              const T* x = in + (((b * ws.d.in + d) * ws.h.in + h) * ws.w.in + w) * channels;
              for (int64_t c = 0; c < channels; ++c) {
                o[c] = o[c] < x[c] || x[c] != x[c] ? x[c] : o[c];
              }
            }
          }
        }
      });
}

template <class T>
Status pool_average(const T* in, T* out, const Windows& ws, int64_t batches, int64_t channels,
                    Context& ctx) {
  return for_each_position(
      ws, batches, channels, ctx,
      [&](int64_t at, int64_t b, Range rd, Range rh, Range rw) {
        T* o = out + at;
        std::fill(o, o + channels, T{0});
        int64_t count = 0;
        for (int64_t d = rd.from; d < rd.to; ++d) {
          for (int64_t h = rh.from; h < rh.to; ++h) {
            for (int64_t w = rw.from; w < rw.to; ++w, ++count) {
              const T* x = in + (((b * ws.d.in + d) * ws.h.in + h) * ws.w.in + w) * channels;
              for (int64_t c = 0; c < channels; ++c) o[c] += x[c];
            }
          }
        }
        for (int64_t c = 0; c < channels; ++c) o[c] /= static_cast<T>(count);
      });
}

Result<Tensors> pooled(KernelCall& call, const Dims& ksize, const WindowAttrs& attrs,
                       bool average) {
  const DType dtype = call.in[0].dtype();
  WHITTLE_ASSIGN(const Dims kernel, spatial_entries(ksize, attrs, "ksize"));
  WHITTLE_ASSIGN(const Tensor last, to_channels_last(call.in[0], attrs, call.ctx));
  WHITTLE_ASSIGN(const Tensor x, widened(last, call.ctx));
  const Dims& in = dims_of(x);
  const Dims spatial_in =
      attrs.spatial == 3 ? Dims{in[1], in[2], in[3]} : Dims{in[2], in[3]};
  WHITTLE_ASSIGN(const Windows ws, make_windows(attrs, spatial_in, kernel));
  WHITTLE_ASSIGN(Tensor y, make_tensor(x.dtype(), {in[0], ws.d.out, ws.h.out, ws.w.out, in[4]},
                                       call.ctx));
  const uint8_t* from = x.bytes().data();
  uint8_t* to = y.mutable_bytes();
  if (x.dtype() == DType::kFloat) {
    const float* f = reinterpret_cast<const float*>(from);
    float* o = reinterpret_cast<float*>(to);
    WHITTLE_CHECK(average ? pool_average(f, o, ws, in[0], in[4], call.ctx)
                          : pool_max(f, o, ws, in[0], in[4], call.ctx));
  } else if (x.dtype() == DType::kDouble) {
    const double* f = reinterpret_cast<const double*>(from);
    double* o = reinterpret_cast<double*>(to);
    WHITTLE_CHECK(average ? pool_average(f, o, ws, in[0], in[4], call.ctx)
                          : pool_max(f, o, ws, in[0], in[4], call.ctx));
  } else if (average) {
    return no_kernel("average pooling of integers");
  } else if (x.dtype() == DType::kInt64) {
    WHITTLE_CHECK(pool_max(reinterpret_cast<const int64_t*>(from), reinterpret_cast<int64_t*>(to),
                           ws, in[0], in[4], call.ctx));
  } else if (x.dtype() == DType::kUint64) {
    WHITTLE_CHECK(pool_max(reinterpret_cast<const uint64_t*>(from),
                           reinterpret_cast<uint64_t*>(to), ws, in[0], in[4], call.ctx));
  } else {
    return no_kernel("pooling of that dtype");
  }
  WHITTLE_ASSIGN(y, narrowed(y, dtype, call.ctx));
  WHITTLE_ASSIGN(y, from_channels_last(y, attrs, call.ctx));
  return one(std::move(y));
}

template <int kSpatial, bool kAverage>
Result<Tensors> pool(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(const WindowAttrs attrs, window_attrs(call.node, kSpatial));
  return pooled(call, ints_attr(call.node, "ksize"), attrs, kAverage);
}

// MaxPoolV2 takes ksize and strides as inputs.
Result<Tensors> max_pool_v2(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(WindowAttrs attrs, window_attrs(call.node, 2));
  WHITTLE_ASSIGN(const Dims ksize, int_vector(call.in[1], "ksize"));
  WHITTLE_ASSIGN(const Dims strides, int_vector(call.in[2], "strides"));
  WHITTLE_ASSIGN(attrs.strides, spatial_entries(strides, attrs, "strides"));
  return pooled(call, ksize, attrs, false);
}

// The place of each maximum as an index into the flattened image (with the batch when told).
Result<Tensors> max_pool_with_argmax(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(const WindowAttrs attrs, window_attrs(call.node, 2));
  WHITTLE_ASSIGN(const Dims kernel, spatial_entries(ints_attr(call.node, "ksize"), attrs, "ksize"));
  const bool with_batch = call.node.attrs.bool_or("include_batch_in_index", false);
  const DType index_dtype = call.node.attrs.type_or("Targmax", DType::kInt64);
  const Tensor& original = call.in[0];
  WHITTLE_ASSIGN(const Tensor last, to_channels_last(original, attrs, call.ctx));
  WHITTLE_ASSIGN(const Tensor x, widened(last, call.ctx));
  if (x.dtype() != DType::kFloat) return no_kernel("MaxPoolWithArgmax of that dtype");
  const Dims& in = dims_of(x);
  WHITTLE_ASSIGN(const Windows ws, make_windows(attrs, {in[2], in[3]}, kernel));
  const Dims out_dims{in[0], ws.h.out, ws.w.out, in[4]};
  WHITTLE_ASSIGN(Tensor y, make_tensor(x.dtype(), out_dims, call.ctx));
  std::vector<int64_t> places(static_cast<size_t>(y.elements()), 0);
  WHITTLE_CHECK(within_budget(y.elements() * 8, call.ctx));
  const float* f = reinterpret_cast<const float*>(x.bytes().data());
  float* o = reinterpret_cast<float*>(y.mutable_bytes());
  const int64_t channels = in[4], image = ws.h.in * ws.w.in * channels;
  WHITTLE_CHECK(for_each_position(
      ws, in[0], channels, call.ctx, [&](int64_t at, int64_t b, Range, Range rh, Range rw) {
        for (int64_t c = 0; c < channels; ++c) {
          float best = std::numeric_limits<float>::lowest();
          int64_t place = -1;
          for (int64_t h = rh.from; h < rh.to; ++h) {
            for (int64_t w = rw.from; w < rw.to; ++w) {
              const int64_t i = (h * ws.w.in + w) * channels + c;
              const float v = f[b * image + i];
              if (place < 0 || v > best) {
                best = v;
                place = i;
              }
            }
          }
          o[at + c] = best;
          places[static_cast<size_t>(at + c)] = place + (with_batch ? b * image : 0);
        }
      }));
  WHITTLE_ASSIGN(y, narrowed(y, original.dtype(), call.ctx));
  WHITTLE_ASSIGN(Tensor index, int_tensor(index_dtype, out_dims, places, call.ctx));
  Tensors out = one(std::move(y));
  out.push_back(std::move(index));
  return out;
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Exactness exactness,
                         Result<Tensors> (*run)(KernelCall&), std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kReduce,
          .exactness = exactness, .run = run};
}
constexpr std::string_view kPool = "ksize,strides,padding,data_format";

constexpr KernelInfo kRows[] = {
    row("AvgPool", kFloats, Exactness::kSum, pool<2, true>, kPool),
    row("AvgPool3D", kFloats, Exactness::kSum, pool<3, true>, kPool),
    row("MaxPool", kReals, Exactness::kExact, pool<2, false>,
        "ksize,strides,padding,explicit_paddings,data_format"),
    row("MaxPool3D", kFloats, Exactness::kExact, pool<3, false>, kPool),
    row("MaxPoolV2", kReals, Exactness::kExact, max_pool_v2, "padding,data_format"),
    row("MaxPoolWithArgmax", kFloats, Exactness::kExact, max_pool_with_argmax,
        "ksize,strides,padding,Targmax,include_batch_in_index"),
};

}  // namespace

Rows pool_kernels() { return kRows; }

}  // namespace whittle::eval
