// Boxes, patches, morphology and colours.
#include <algorithm>

#include "families.h"
#include "functions.h"
#include "window.h"

namespace whittle::eval {
namespace {

struct Box {
  float y1, x1, y2, x2;
};

Box ordered(const float* p) {
  return {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
}

float overlap(const Box& a, const Box& b) {
  const float area_a = (a.y2 - a.y1) * (a.x2 - a.x1), area_b = (b.y2 - b.y1) * (b.x2 - b.x1);
  if (area_a <= 0 || area_b <= 0) return 0;
  const float h = std::max(std::min(a.y2, b.y2) - std::max(a.y1, b.y1), 0.0f);
  const float w = std::max(std::min(a.x2, b.x2) - std::max(a.x1, b.x1), 0.0f);
  return h * w / (area_a + area_b - h * w);
}

// Greedy: highest score first, the earlier of equal ones; V5 may decay scores instead of dropping.
Result<Tensors> suppression(KernelCall& call) {
  const std::string_view op = call.node.op;
  const int version = op.back() == 'n' ? 1 : op.back() - '0';
  WHITTLE_CHECK(need_at_least(call, 3));
  const Tensor &boxes = call.in[0], &scores = call.in[1];
  WHITTLE_CHECK(need_dtype(boxes, DType::kFloat, "boxes"));
  WHITTLE_CHECK(need_dtype(scores, DType::kFloat, "scores"));
  if (rank_of(boxes) != 2 || dims_of(boxes)[1] != 4 || rank_of(scores) != 1 ||
      dims_of(scores)[0] != dims_of(boxes)[0]) {
    return invalid_argument("boxes must be [n, 4] and scores [n]");
  }
  WHITTLE_ASSIGN(int64_t limit, scalar_int(call.in[2], "max_output_size"));
  if (limit < 0) return invalid_argument("max_output_size must not be negative");
  float iou = call.node.attrs.float_or("iou_threshold", 0.5f), least = -fn::kInf, sigma = 0;
  const auto real = [&](size_t i, std::string_view what, float* to) -> Status {
    WHITTLE_ASSIGN(const double v, scalar_real(call.in[i], what));
    *to = static_cast<float>(v);
    return {};
  };
  WHITTLE_CHECK(need_inputs(call, version == 1 ? 3 : version == 2 ? 4 : version == 5 ? 6 : 5));
  if (version >= 2) WHITTLE_CHECK(real(3, "iou_threshold", &iou));
  if (version >= 3) WHITTLE_CHECK(real(4, "score_threshold", &least));
  if (version == 5) WHITTLE_CHECK(real(5, "soft_nms_sigma", &sigma));
  if (!(iou >= 0 && iou <= 1) || sigma < 0) return invalid_argument("thresholds are out of range");
  const bool pad = call.node.attrs.bool_or("pad_to_max_output_size", false);
  const int64_t n = dims_of(boxes)[0];
  if (!pad) limit = std::min(limit, n);

  struct Candidate {
    float score;
    int64_t index;
    size_t seen;  // selected boxes it has been compared with
  };
  const auto worse = [](const Candidate& a, const Candidate& b) {
    return a.score < b.score || (a.score == b.score && a.index > b.index);
  };
  std::vector<Candidate> heap;
  std::vector<Box> all;
  for (int64_t i = 0; i < n; ++i) {
    all.push_back(ordered(boxes.values<float>().data() + 4 * i));
    const float s = scores.values<float>()[static_cast<size_t>(i)];
    if (s > least) heap.push_back({s, i, 0});
  }
  std::make_heap(heap.begin(), heap.end(), worse);
  std::vector<int64_t> kept;
  std::vector<float> kept_scores;
  const float scale = sigma > 0 ? -0.5f / sigma : 0;
  while (static_cast<int64_t>(kept.size()) < limit && !heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    Candidate c = heap.back();
    heap.pop_back();
    const float original = c.score;
    bool dropped = false;
    for (size_t k = kept.size(); k-- > c.seen && !dropped;) {
      const float o = overlap(all[static_cast<size_t>(c.index)], all[static_cast<size_t>(kept[k])]);
      if (sigma > 0) {
        c.score *= o <= iou || version == 5 ? static_cast<float>(fn::exp(static_cast<double>(scale * o * o))) : 0;
        if (o > iou && version != 5) dropped = true;
        if (c.score <= least) dropped = true;
      } else if (o > iou) {
        dropped = true;
      }
    }
    c.seen = kept.size();
    if (dropped) continue;
    if (c.score == original) {
      kept.push_back(c.index);
      kept_scores.push_back(c.score);
    } else if (c.score > least) {
      heap.push_back(c);
      std::push_heap(heap.begin(), heap.end(), worse);
    }
  }
  const int64_t valid = static_cast<int64_t>(kept.size());
  if (pad) {
    WHITTLE_CHECK(within_budget(static_cast<uint64_t>(limit) * 12, call.ctx));
    kept.resize(static_cast<size_t>(limit), 0);
    kept_scores.resize(static_cast<size_t>(limit), 0);
  }
  WHITTLE_ASSIGN(Tensor index, int_tensor(DType::kInt32, {static_cast<int64_t>(kept.size())}, kept, call.ctx));
  Tensors out = one(std::move(index));
  if (version == 5) {
    WHITTLE_ASSIGN(Tensor s, make_tensor(DType::kFloat, {static_cast<int64_t>(kept.size())}, call.ctx));
    std::copy(kept_scores.begin(), kept_scores.end(), s.mutable_values<float>().begin());
    out.push_back(std::move(s));
  }
  if (version >= 4) {
    WHITTLE_ASSIGN(Tensor count, int_tensor(DType::kInt32, {}, {valid}, call.ctx));
    out.push_back(std::move(count));
  }
  return out;
}

// Windows of the image as rows of channels, zeros outside.
Result<Tensors> extract_patches(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_rank(x, 4, "images"));
  WindowAttrs attrs;
  attrs.pad_before = attrs.pad_after = {0, 0};
  attrs.padding = std::string(call.node.attrs.string_or("padding", ""));
  WHITTLE_ASSIGN(attrs.strides, spatial_entries(ints_attr(call.node, "strides"), attrs, "strides"));
  WHITTLE_ASSIGN(attrs.dilations, spatial_entries(ints_attr(call.node, "rates"), attrs, "rates"));
  WHITTLE_ASSIGN(const Dims kernel, spatial_entries(ints_attr(call.node, "ksizes"), attrs, "ksizes"));
  const Dims& d = dims_of(x);
  WHITTLE_ASSIGN(const Windows ws, make_windows(attrs, {d[1], d[2]}, kernel));
  WHITTLE_ASSIGN(const uint64_t depth, element_count({ws.h.kernel, ws.w.kernel, d[3]}));
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), {d[0], ws.h.out, ws.w.out, static_cast<int64_t>(depth)},
                                        call.ctx));
  if (out.elements() == 0) {
    WHITTLE_ASSIGN(Tensor t, out.take());
    return one(std::move(t));
  }
  uint64_t at = 0;
  const uint64_t c = static_cast<uint64_t>(d[3]);
  for (int64_t b = 0; b < d[0]; ++b) {
    for (int64_t oh = 0; oh < ws.h.out; ++oh) {
      for (int64_t ow = 0; ow < ws.w.out; ++ow) {
        for (int64_t kh = 0; kh < ws.h.kernel; ++kh) {
          for (int64_t kw = 0; kw < ws.w.kernel; ++kw, at += c) {
            const int64_t h = oh * ws.h.stride - ws.h.pad + kh * ws.h.dilation,
                          w = ow * ws.w.stride - ws.w.pad + kw * ws.w.dilation;
            if (h < 0 || h >= d[1] || w < 0 || w >= d[2]) continue;
            out.copy(at, x, static_cast<uint64_t>((b * d[1] + h) * d[2] + w) * c, c);
          }
        }
      }
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// Greyscale dilation: max over the window of input + filter.
Result<Tensors> dilation(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &x = call.in[0], &filter = call.in[1];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "input"));
  WHITTLE_CHECK(need_dtype(filter, DType::kFloat, "filter"));
  WHITTLE_CHECK(need_rank(x, 4, "input"));
  WHITTLE_CHECK(need_rank(filter, 3, "filter"));
  WindowAttrs attrs;
  attrs.pad_before = attrs.pad_after = {0, 0};
  attrs.padding = std::string(call.node.attrs.string_or("padding", ""));
  WHITTLE_ASSIGN(attrs.strides, spatial_entries(ints_attr(call.node, "strides"), attrs, "strides"));
  WHITTLE_ASSIGN(attrs.dilations, spatial_entries(ints_attr(call.node, "rates"), attrs, "rates"));
  const Dims &d = dims_of(x), &f = dims_of(filter);
  if (f[2] != d[3]) return invalid_argument("filter and input differ in channels");
  WHITTLE_ASSIGN(const Windows ws, make_windows(attrs, {d[1], d[2]}, {f[0], f[1]}));
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {d[0], ws.h.out, ws.w.out, d[3]}, call.ctx));
  const float* in = reinterpret_cast<const float*>(x.bytes().data());
  const float* weights = reinterpret_cast<const float*>(filter.bytes().data());
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  for (int64_t b = 0; b < d[0]; ++b) {
    for (int64_t oh = 0; oh < ws.h.out; ++oh) {
      WHITTLE_CHECK(call.ctx.check_cancelled());
      for (int64_t ow = 0; ow < ws.w.out; ++ow) {
        for (int64_t c = 0; c < d[3]; ++c) {
          float best = -3.4028234663852886e38f;
          for (int64_t kh = 0; kh < ws.h.kernel; ++kh) {
            for (int64_t kw = 0; kw < ws.w.kernel; ++kw) {
              const int64_t h = oh * ws.h.stride - ws.h.pad + kh * ws.h.dilation,
                            w = ow * ws.w.stride - ws.w.pad + kw * ws.w.dilation;
              if (h < 0 || h >= d[1] || w < 0 || w >= d[2]) continue;
              const float v = in[((b * d[1] + h) * d[2] + w) * d[3] + c] +
                              weights[(kh * f[1] + kw) * d[3] + c];
              if (v > best) best = v;
            }
          }
          *to++ = best;
        }
      }
    }
  }
  return one(std::move(out));
}

Result<Tensors> rgb_to_hsv(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "images"));
  if (rank_of(x) < 1 || dims_of(x).back() != 3) return invalid_argument("images need three channels");
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  const auto in = x.values<float>();
  auto o = out.mutable_values<float>();
  for (size_t i = 0; i < in.size(); i += 3) {
    const float r = in[i], g = in[i + 1], b = in[i + 2];
    const float v = std::max(r, std::max(g, b)), range = v - std::min(r, std::min(g, b));
    const float s = v > 0 ? range / v : 0;
    float h = 0;
    if (range > 0) {
      const float norm = 1.0f / (6.0f * range);
      h = v == r ? norm * (g - b) : v == g ? norm * (b - r) + 2.0f / 6.0f : norm * (r - g) + 4.0f / 6.0f;
      if (h < 0) h += 1;
    }
    o[i] = h;
    o[i + 1] = s;
    o[i + 2] = v;
  }
  return one(std::move(out));
}

Result<Tensors> hsv_to_rgb(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "images"));
  if (rank_of(x) < 1 || dims_of(x).back() != 3) return invalid_argument("images need three channels");
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  const auto in = x.values<float>();
  auto o = out.mutable_values<float>();
  for (size_t i = 0; i < in.size(); i += 3) {
    const float h = in[i] * 6, s = in[i + 1], v = in[i + 2];
    const auto clip = [](float t) { return std::min(std::max(t, 0.0f), 1.0f); };
    const float r = clip(__builtin_fabsf(h - 3) - 1), g = clip(2 - __builtin_fabsf(h - 2)),
                b = clip(2 - __builtin_fabsf(h - 4));
    o[i] = ((r - 1) * s + 1) * v;
    o[i + 1] = ((g - 1) * s + 1) * v;
    o[i + 2] = ((b - 1) * s + 1) * v;
  }
  return one(std::move(out));
}

// (x - mean of the image's channel) * factor + mean
Result<Tensors> adjust_contrast(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "images"));
  if (rank_of(x) < 3) return invalid_argument("images must have at least rank 3");
  WHITTLE_ASSIGN(const double factor, scalar_real(call.in[1], "contrast_factor"));
  const size_t rank = dims_of(x).size();
  const uint64_t channels = static_cast<uint64_t>(dims_of(x)[rank - 1]);
  const uint64_t pixels = static_cast<uint64_t>(dims_of(x)[rank - 2] * dims_of(x)[rank - 3]);
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, dims_of(x), call.ctx));
  const auto in = x.values<float>();
  auto o = out.mutable_values<float>();
  for (uint64_t base = 0; base < in.size(); base += pixels * channels) {
    for (uint64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (uint64_t p = 0; p < pixels; ++p) sum += static_cast<double>(in[base + p * channels + c]);
      const float mean = static_cast<float>(sum / static_cast<double>(pixels));
      for (uint64_t p = 0; p < pixels; ++p) {
        const uint64_t i = base + p * channels + c;
        o[i] = (in[i] - mean) * static_cast<float>(factor) + mean;
      }
    }
  }
  return one(std::move(out));
}

// Output pixel (x, y) reads ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.
Result<Tensors> projective(KernelCall& call) {
  const bool v3 = call.node.op == "ImageProjectiveTransformV3";
  WHITTLE_CHECK(need_inputs(call, v3 ? 4 : 3));
  const Tensor &x = call.in[0], &transforms = call.in[1];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "images"));
  WHITTLE_CHECK(need_dtype(transforms, DType::kFloat, "transforms"));
  WHITTLE_CHECK(need_rank(x, 4, "images"));
  WHITTLE_ASSIGN(const Dims size, shape_input(call.in[2], "output_shape"));
  const Dims& d = dims_of(x);
  if (size.size() != 2 || rank_of(transforms) != 2 || dims_of(transforms)[1] != 8 ||
      (dims_of(transforms)[0] != 1 && dims_of(transforms)[0] != d[0])) {
    return invalid_argument("transforms must be [1 or batch, 8]");
  }
  float fill = 0;
  if (v3) {
    WHITTLE_ASSIGN(const double v, scalar_real(call.in[3], "fill_value"));
    fill = static_cast<float>(v);
  }
  const std::string_view mode = call.node.attrs.string_or("fill_mode", "CONSTANT");
  if (mode != "CONSTANT") return no_kernel("ImageProjectiveTransform with another fill_mode than CONSTANT");
  const std::string_view interpolation = call.node.attrs.string_or("interpolation", "");
  const bool linear = interpolation == "BILINEAR";
  if (!linear && interpolation != "NEAREST") return invalid_argument("interpolation");
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {d[0], size[0], size[1], d[3]}, call.ctx));
  const float* in = reinterpret_cast<const float*>(x.bytes().data());
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  for (int64_t b = 0; b < d[0]; ++b) {
    const float* t = transforms.values<float>().data() + (dims_of(transforms)[0] == 1 ? 0 : b * 8);
    const float* image = in + b * d[1] * d[2] * d[3];
    const auto pixel = [&](float py, float px, int64_t c) {
      const bool inside = py >= 0 && py < static_cast<float>(d[1]) && px >= 0 && px < static_cast<float>(d[2]);
      return inside ? image[(static_cast<int64_t>(py) * d[2] + static_cast<int64_t>(px)) * d[3] + c] : fill;
    };
    for (int64_t oy = 0; oy < size[0]; ++oy) {
      WHITTLE_CHECK(call.ctx.check_cancelled());
      for (int64_t ox = 0; ox < size[1]; ++ox) {
        const float fx = static_cast<float>(ox), fy = static_cast<float>(oy);
        const float k = t[6] * fx + t[7] * fy + 1.0f;
        const float px = (t[0] * fx + t[1] * fy + t[2]) / k, py = (t[3] * fx + t[4] * fy + t[5]) / k;
        for (int64_t c = 0; c < d[3]; ++c) {
          if (k == 0 || px - px != 0 || py - py != 0) {
            *to++ = fill;
          } else if (!linear) {
            *to++ = pixel(__builtin_roundf(py), __builtin_roundf(px), c);
          } else {
            const float y0 = __builtin_floorf(py), x0 = __builtin_floorf(px), y1 = y0 + 1, x1 = x0 + 1;
            const float top = (x1 - px) * pixel(y0, x0, c) + (px - x0) * pixel(y0, x1, c);
            const float bottom = (x1 - px) * pixel(y1, x0, c) + (px - x0) * pixel(y1, x1, c);
            *to++ = (y1 - py) * top + (py - y0) * bottom;
          }
        }
      }
    }
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, Exactness exactness, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "", DTypeSet types = dtypes(DType::kFloat)) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement, .exactness = exactness,
          .run = run};
}
constexpr auto kExact = Exactness::kExact;
constexpr auto kUlp = Exactness::kUlp;
constexpr auto kSum = Exactness::kSum;

constexpr KernelInfo kRows[] = {
    row("AdjustContrastv2", kSum, adjust_contrast),
    row("Dilation2D", kExact, dilation, "strides,rates,padding"),
    row("ExtractImagePatches", kExact, extract_patches, "ksizes,strides,rates,padding", kMovable),
    row("HSVToRGB", kUlp, hsv_to_rgb),
    row("ImageProjectiveTransformV2", kSum, projective, "interpolation,fill_mode=CONSTANT"),
    row("ImageProjectiveTransformV3", kSum, projective, "interpolation,fill_mode=CONSTANT"),
    row("NonMaxSuppression", kExact, suppression, "iou_threshold"),
    row("NonMaxSuppressionV2", kExact, suppression),
    row("NonMaxSuppressionV3", kExact, suppression),
    row("NonMaxSuppressionV4", kExact, suppression, "pad_to_max_output_size"),
    row("NonMaxSuppressionV5", kUlp, suppression, "pad_to_max_output_size"),
    row("RGBToHSV", kUlp, rgb_to_hsv),
};

}  // namespace

Rows image_kernels() { return kRows; }

}  // namespace whittle::eval
