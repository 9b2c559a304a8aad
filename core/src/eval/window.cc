#include "window.h"

namespace whittle::eval {
namespace {

constexpr int64_t kLargest = int64_t{1} << 31;  // strides, kernels and dilations stay below

Result<Window> make_window(int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                           const std::string& padding, int64_t before, int64_t after) {
  if (kernel < 1 || stride < 1 || dilation < 1 || kernel >= kLargest || stride >= kLargest ||
      dilation >= kLargest || in < 0 || in >= kLargest) {
    return invalid_argument("window sizes, strides and dilations must be positive and below 2^31");
  }
  Window w{in, kernel, stride, dilation, 0, 0};
  const int64_t reach = (kernel - 1) * dilation + 1;
  if (padding == "SAME") {
    w.out = (in + stride - 1) / stride;
    const int64_t total = (w.out - 1) * stride + reach - in;
    w.pad = total > 0 ? total / 2 : 0;
    return w;
  }
  if (padding == "EXPLICIT") {
    w.pad = before;
    in += before + after;
  }
  if (in - reach + stride < 0) {
    return invalid_argument(cat("a window of ", reach, " does not fit an input of ", in));
  }
  w.out = (in - reach + stride) / stride;
  return w;
}

}  // namespace

Result<Dims> spatial_entries(const Dims& all, const WindowAttrs& attrs, std::string_view what) {
  const size_t spatial = static_cast<size_t>(attrs.spatial);
  if (all.size() != spatial + 2) {
    return invalid_argument(cat(what, " needs ", spatial + 2, " entries, not ", all.size()));
  }
  const size_t channel = attrs.channels_first ? 1 : spatial + 1;
  if (all[0] != 1 || all[channel] != 1) {
    return no_kernel(cat(what, " over batch or channels"));
  }
  const size_t first = attrs.channels_first ? 2 : 1;
  return Dims(all.begin() + static_cast<int64_t>(first),
              all.begin() + static_cast<int64_t>(first + spatial));
}

Result<WindowAttrs> window_attrs(const Node& node, int spatial) {
  WindowAttrs a;
  a.spatial = spatial;
  const std::string_view format =
      node.attrs.string_or("data_format", spatial == 3 ? "NDHWC" : "NHWC");
  if (format == "NCHW" || format == "NCDHW") {
    a.channels_first = true;
  } else if (format != "NHWC" && format != "NDHWC") {
    return no_kernel(cat("data_format ", printable(format)));
  }
  const Dims ones(static_cast<size_t>(spatial) + 2, 1);
  const Dims& strides = ints_attr(node, "strides");
  WHITTLE_ASSIGN(a.strides, spatial_entries(strides.empty() ? ones : strides, a, "strides"));
  const Dims& dilations = ints_attr(node, "dilations");
  WHITTLE_ASSIGN(a.dilations, spatial_entries(dilations.empty() ? ones : dilations, a, "dilations"));
  a.padding = std::string(node.attrs.string_or("padding", ""));
  a.pad_before.assign(static_cast<size_t>(spatial), 0);
  a.pad_after = a.pad_before;
  if (a.padding == "EXPLICIT") {
    const Dims& pads = ints_attr(node, "explicit_paddings");
    if (pads.size() != 2 * (static_cast<size_t>(spatial) + 2)) {
      return invalid_argument("explicit_paddings has the wrong number of entries");
    }
    const size_t first = a.channels_first ? 2 : 1;
    for (size_t i = 0; i < pads.size(); ++i) {
      if (pads[i] < 0 || pads[i] >= kLargest) return invalid_argument("negative padding");
    }
    for (size_t i = 0; i < static_cast<size_t>(spatial); ++i) {
      a.pad_before[i] = pads[2 * (first + i)];
      a.pad_after[i] = pads[2 * (first + i) + 1];
    }
  } else if (a.padding != "SAME" && a.padding != "VALID") {
    return invalid_argument(cat("unknown padding '", printable(a.padding), "'"));
  }
  return a;
}

Result<Windows> make_windows(const WindowAttrs& attrs, const Dims& in, const Dims& kernel) {
  Windows windows;
  Window* const slots[3] = {&windows.d, &windows.h, &windows.w};
  for (int i = 0; i < attrs.spatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    WHITTLE_ASSIGN(*slots[3 - attrs.spatial + i],
                   make_window(in[s], kernel[s], attrs.strides[s], attrs.dilations[s],
                               attrs.padding, attrs.pad_before[s], attrs.pad_after[s]));
  }
  WHITTLE_CHECK(element_count({windows.d.out, windows.h.out, windows.w.out}));
  WHITTLE_CHECK(element_count({windows.d.kernel, windows.h.kernel, windows.w.kernel}));
  return windows;
}

Result<Tensor> to_channels_last(const Tensor& t, const WindowAttrs& attrs, Context& ctx) {
  WHITTLE_CHECK(need_rank(t, attrs.spatial + 2, "input"));
  Dims dims = dims_of(t), strides = row_major_strides(dims);
  if (attrs.channels_first) {
    dims.push_back(dims[1]);
    dims.erase(dims.begin() + 1);
    strides.push_back(strides[1]);
    strides.erase(strides.begin() + 1);
  }
  Dims out = dims;
  if (attrs.spatial == 2) out.insert(out.begin() + 1, 1);
  return materialize(t, {std::move(dims), std::move(strides), 0}, std::move(out), ctx);
}

Result<Tensor> from_channels_last(const Tensor& t, const WindowAttrs& attrs, Context& ctx) {
  Dims dims = dims_of(t), strides = row_major_strides(dims);
  if (attrs.channels_first) {
    dims.insert(dims.begin() + 1, dims.back());
    dims.pop_back();
    strides.insert(strides.begin() + 1, strides.back());
    strides.pop_back();
  }
  Dims out = dims;
  if (attrs.spatial == 2) out.erase(out.begin() + (attrs.channels_first ? 2 : 1));
  return materialize(t, {std::move(dims), std::move(strides), 0}, std::move(out), ctx);
}

}  // namespace whittle::eval
