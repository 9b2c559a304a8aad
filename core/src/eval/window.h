// window.h: sliding windows of convolutions and pooling, for two or three spatial dimensions.
//
// Everything is computed as [batch, depth, height, width, channels]; two-dimensional ops have
// depth 1, and channels-first data is transposed on the way in and out.
#ifndef WHITTLE_EVAL_WINDOW_H_
#define WHITTLE_EVAL_WINDOW_H_

#include "kernel_util.h"

namespace whittle::eval {

// One spatial dimension: output o covers inputs o * stride - pad + t * dilation, 0 <= t < kernel.
struct Window {
  int64_t in = 1, kernel = 1, stride = 1, dilation = 1, pad = 0, out = 1;
};
struct Windows {
  Window d, h, w;
  int64_t positions() const { return d.out * h.out * w.out; }
  int64_t taps() const { return d.kernel * h.kernel * w.kernel; }
};

// strides, dilations, padding, explicit_paddings and data_format of a node with `spatial`
// dimensions; reading them checks what does not depend on shapes.
struct WindowAttrs {
  int spatial = 2;
  bool channels_first = false;
  Dims strides, dilations;        // per spatial dimension
  std::string padding;            // SAME, VALID or EXPLICIT
  Dims pad_before, pad_after;     // EXPLICIT
};
Result<WindowAttrs> window_attrs(const Node& node, int spatial);
// The entries of a list attribute (or of ksize given as a tensor) for the spatial dimensions; those
// of batch and channels must be 1.
Result<Dims> spatial_entries(const Dims& all, const WindowAttrs& attrs, std::string_view what);

// kInvalidArgument when a window does not fit.
Result<Windows> make_windows(const WindowAttrs& attrs, const Dims& in, const Dims& kernel);

// To and from [b, d, h, w, c]; `t` has rank spatial + 2.
Result<Tensor> to_channels_last(const Tensor& t, const WindowAttrs& attrs, Context& ctx);
Result<Tensor> from_channels_last(const Tensor& t, const WindowAttrs& attrs, Context& ctx);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_WINDOW_H_
