// Image resizing with every corner convention, and crops.
//
//   align_corners        corners of input and output coincide: scale (in-1)/(out-1)
//   half_pixel_centers   pixel centres are at 0.5: source = (i + 0.5) * scale - 0.5
//   neither              source = i * scale, the convention of old models
// Arithmetic in float, as TensorFlow's.
#include <algorithm>

#include "families.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

struct Resize {
  Tensor image;  // float, [b, h, w, c]
  int64_t b, h, w, c, out_h, out_w;
  bool align, half;
};

Result<Resize> resize_of(KernelCall& call, bool as_float) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_rank(call.in[0], 4, "images"));
  WHITTLE_ASSIGN(const Dims size, int_vector(call.in[1], "size"));
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) {
    return invalid_argument("size must be two positive integers");
  }
  const Dims& d = dims_of(call.in[0]);
  Resize r{{}, d[0], d[1], d[2], d[3], size[0], size[1],
           call.node.attrs.bool_or("align_corners", false),
           call.node.attrs.bool_or("half_pixel_centers", false)};
  if (r.align && r.half) return invalid_argument("align_corners and half_pixel_centers together");
  if (r.h < 1 || r.w < 1) return invalid_argument("the image is empty");
  if (r.out_h > 1 << 24 || r.out_w > 1 << 24) return over_limit("the size is too large");
  if (as_float) {
    Tensor& x = call.in[0];
    WHITTLE_ASSIGN(r.image, make_tensor(DType::kFloat, d, call.ctx));
    float* to = reinterpret_cast<float*>(r.image.mutable_bytes());
    const Lane lane = lane_of(x.dtype());
    const uint32_t width = byte_width(x.dtype());
    for (uint64_t i = 0; i < x.elements(); ++i) {
      uint64_t v = 0;
      widen(x.dtype(), x.bytes().data() + i * width, 1, &v, 1);
      if (lane == Lane::kF32) {
        std::memcpy(to + i, &v, 4);
      } else if (lane == Lane::kF64) {
        double real;
        std::memcpy(&real, &v, 8);
        to[i] = static_cast<float>(real);
      } else {
        to[i] = lane == Lane::kI64 ? static_cast<float>(static_cast<int64_t>(v))
                                   : static_cast<float>(v);
      }
    }
  }
  return r;
}

float scale_of(int64_t in, int64_t out, bool align) {
  return align && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                          : static_cast<float>(in) / static_cast<float>(out);
}

float source_of(int64_t i, float scale, bool half) {
  return half ? (static_cast<float>(i) + 0.5f) * scale - 0.5f : static_cast<float>(i) * scale;
}

struct Lerp {
  int64_t low, high;
  float t;
};

std::vector<Lerp> lerps(int64_t in, int64_t out, bool align, bool half) {
  std::vector<Lerp> result;
  const float scale = scale_of(in, out, align);
  for (int64_t i = 0; i < out; ++i) {
    const float at = source_of(i, scale, half), floor = __builtin_floorf(at);
    result.push_back({std::max<int64_t>(static_cast<int64_t>(floor), 0),
                      std::min<int64_t>(static_cast<int64_t>(__builtin_ceilf(at)), in - 1),
                      at - floor});
  }
  return result;
}

Result<Tensors> bilinear(KernelCall& call) {
  WHITTLE_ASSIGN(const Resize r, resize_of(call, true));
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {r.b, r.out_h, r.out_w, r.c}, call.ctx));
  const std::vector<Lerp> ys = lerps(r.h, r.out_h, r.align, r.half),
                          xs = lerps(r.w, r.out_w, r.align, r.half);
  const float* in = reinterpret_cast<const float*>(r.image.bytes().data());
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  for (int64_t b = 0; b < r.b; ++b, in += r.h * r.w * r.c) {
    for (const Lerp& y : ys) {
      WHITTLE_CHECK(call.ctx.check_cancelled());
      for (const Lerp& x : xs) {
        const float* tl = in + (y.low * r.w + x.low) * r.c;
        const float* tr = in + (y.low * r.w + x.high) * r.c;
        const float* bl = in + (y.high * r.w + x.low) * r.c;
        const float* br = in + (y.high * r.w + x.high) * r.c;
        for (int64_t c = 0; c < r.c; ++c) {
          const float top = tl[c] + (tr[c] - tl[c]) * x.t;
          const float bottom = bl[c] + (br[c] - bl[c]) * x.t;
          *to++ = top + (bottom - top) * y.t;
        }
      }
    }
  }
  return one(std::move(out));
}

int64_t nearest_of(int64_t i, float scale, int64_t in, bool align, bool half) {
  const float at = half ? (static_cast<float>(i) + 0.5f) * scale : static_cast<float>(i) * scale;
  const int64_t k = static_cast<int64_t>(align ? __builtin_roundf(at) : __builtin_floorf(at));
  return std::clamp<int64_t>(k, 0, in - 1);
}

Result<Tensors> nearest(KernelCall& call) {
  WHITTLE_ASSIGN(const Resize r, resize_of(call, false));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), {r.b, r.out_h, r.out_w, r.c}, call.ctx));
  const float sy = scale_of(r.h, r.out_h, r.align), sx = scale_of(r.w, r.out_w, r.align);
  uint64_t to = 0;
  for (int64_t b = 0; b < r.b; ++b) {
    for (int64_t i = 0; i < r.out_h; ++i) {
      const int64_t y = nearest_of(i, sy, r.h, r.align, r.half);
      for (int64_t j = 0; j < r.out_w; ++j, to += static_cast<uint64_t>(r.c)) {
        const int64_t k = (b * r.h + y) * r.w + nearest_of(j, sx, r.w, r.align, r.half);
        out.copy(to, x, static_cast<uint64_t>(k * r.c), static_cast<uint64_t>(r.c));
      }
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// Four taps from the cubic of Keys, tabulated at 1024 places between two pixels.
struct Cubic {
  int64_t index[4];
  float weight[4];
};

std::vector<Cubic> cubics(int64_t in, int64_t out, bool align, bool half) {
  constexpr int64_t kTable = 1024;
  const double a = half ? -0.5 : -0.75;
  const auto inner = [&](int64_t i) {
    const double x = static_cast<double>(i) / kTable;
    return static_cast<float>(((a + 2) * x - (a + 3)) * x * x + 1);
  };
  const auto outer = [&](int64_t i) {
    const double x = static_cast<double>(i) / kTable + 1;
    return static_cast<float>(((a * x - 5 * a) * x + 8 * a) * x - 4 * a);
  };
  std::vector<Cubic> result;
  const float scale = scale_of(in, out, align);
  for (int64_t i = 0; i < out; ++i) {
    const float at = source_of(i, scale, half), floor = __builtin_floorf(at);
    const int64_t base = static_cast<int64_t>(floor);
    // Rounds half to even, as lrintf does.
    const float scaled = (at - floor) * kTable;
    int64_t k = static_cast<int64_t>(scaled);
    const float rest = scaled - static_cast<float>(k);
    if (rest > 0.5f || (rest == 0.5f && (k & 1) != 0)) ++k;
    Cubic c;
    const float weights[4] = {outer(k), inner(k), inner(kTable - k), outer(kTable - k)};
    float sum = 0;
    for (int64_t t = 0; t < 4; ++t) {
      const int64_t want = base - 1 + t;
      c.index[t] = std::clamp<int64_t>(want, 0, in - 1);
      // With pixel centres, taps outside of the image do not count.
      c.weight[t] = half && c.index[t] != want ? 0.0f : weights[t];
      sum += c.weight[t];
    }
    if (half && __builtin_fabsf(sum) >= 1000.0f * 1.17549435e-38f) {
      const float inverse = 1.0f / sum;
      for (float& w : c.weight) w *= inverse;
    }
    result.push_back(c);
  }
  return result;
}

Result<Tensors> bicubic(KernelCall& call) {
  WHITTLE_ASSIGN(const Resize r, resize_of(call, true));
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {r.b, r.out_h, r.out_w, r.c}, call.ctx));
  const std::vector<Cubic> ys = cubics(r.h, r.out_h, r.align, r.half),
                           xs = cubics(r.w, r.out_w, r.align, r.half);
  const float* in = reinterpret_cast<const float*>(r.image.bytes().data());
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  for (int64_t b = 0; b < r.b; ++b, in += r.h * r.w * r.c) {
    for (const Cubic& y : ys) {
      WHITTLE_CHECK(call.ctx.check_cancelled());
      for (const Cubic& x : xs) {
        for (int64_t c = 0; c < r.c; ++c) {
          float column[4];
          for (int t = 0; t < 4; ++t) {
            const auto pixel = [&](int s) { return in[(y.index[s] * r.w + x.index[t]) * r.c + c]; };
            column[t] = pixel(0) * y.weight[0] + pixel(1) * y.weight[1] + pixel(2) * y.weight[2] +
                        pixel(3) * y.weight[3];
          }
          *to++ = column[0] * x.weight[0] + column[1] * x.weight[1] + column[2] * x.weight[2] +
                  column[3] * x.weight[3];
        }
      }
    }
  }
  return one(std::move(out));
}

Result<Tensors> crop_and_resize(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  const Tensor &boxes = call.in[1], &which = call.in[2];
  WHITTLE_CHECK(need_dtype(boxes, DType::kFloat, "boxes"));
  WHITTLE_CHECK(need_dtype(which, DType::kInt32, "box_ind"));
  if (rank_of(boxes) != 2 || dims_of(boxes)[1] != 4 || rank_of(which) != 1 ||
      dims_of(which)[0] != dims_of(boxes)[0]) {
    return invalid_argument("boxes must be [n, 4] and box_ind [n]");
  }
  const std::string_view method = call.node.attrs.string_or("method", "bilinear");
  if (method != "bilinear" && method != "nearest") return no_kernel("CropAndResize method");
  Tensor inputs[2] = {call.in[0], call.in[3]};
  KernelCall as_resize{call.node, inputs, call.ctx};
  WHITTLE_ASSIGN(const Resize r, resize_of(as_resize, true));
  const float outside = call.node.attrs.float_or("extrapolation_value", 0);
  const int64_t n = dims_of(boxes)[0];
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {n, r.out_h, r.out_w, r.c}, call.ctx));
  const float* image = reinterpret_cast<const float*>(r.image.bytes().data());
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  for (int64_t k = 0; k < n; ++k) {
    const int32_t b = which.values<int32_t>()[static_cast<size_t>(k)];
    if (b < 0 || b >= r.b) return invalid_argument(cat("box_ind ", b, " is out of range"));
    const float* box = boxes.values<float>().data() + k * 4;
    const float* in = image + b * r.h * r.w * r.c;
    const auto place = [](int64_t i, int64_t count, float low, float high, int64_t size) {
      const float last = static_cast<float>(size - 1);
      const float step = count > 1 ? (high - low) * last / static_cast<float>(count - 1) : 0;
      return count > 1 ? low * last + static_cast<float>(i) * step : 0.5f * (low + high) * last;
    };
    for (int64_t i = 0; i < r.out_h; ++i) {
      WHITTLE_CHECK(call.ctx.check_cancelled());
      const float y = place(i, r.out_h, box[0], box[2], r.h);
      const bool row_in = y >= 0 && y <= static_cast<float>(r.h - 1);
      for (int64_t j = 0; j < r.out_w; ++j) {
        const float x = place(j, r.out_w, box[1], box[3], r.w);
        if (!row_in || !(x >= 0 && x <= static_cast<float>(r.w - 1))) {
          for (int64_t c = 0; c < r.c; ++c) *to++ = outside;
          continue;
        }
        if (method == "nearest") {
          const int64_t py = static_cast<int64_t>(__builtin_roundf(y)),
                        px = static_cast<int64_t>(__builtin_roundf(x));
          for (int64_t c = 0; c < r.c; ++c) *to++ = in[(py * r.w + px) * r.c + c];
          continue;
        }
        const int64_t top = static_cast<int64_t>(__builtin_floorf(y)),
                      bottom = static_cast<int64_t>(__builtin_ceilf(y)),
                      left = static_cast<int64_t>(__builtin_floorf(x)),
                      right = static_cast<int64_t>(__builtin_ceilf(x));
        const float ty = y - static_cast<float>(top), tx = x - static_cast<float>(left);
        for (int64_t c = 0; c < r.c; ++c) {
          const auto pixel = [&](int64_t py, int64_t px) { return in[(py * r.w + px) * r.c + c]; };
          const float up = pixel(top, left) + (pixel(top, right) - pixel(top, left)) * tx;
          const float down = pixel(bottom, left) + (pixel(bottom, right) - pixel(bottom, left)) * tx;
          *to++ = up + (down - up) * ty;
        }
      }
    }
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, Exactness exactness, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs, DTypeSet types) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement,
          .exactness = exactness, .run = run};
}
constexpr std::string_view kCorners = "align_corners,half_pixel_centers";

constexpr KernelInfo kRows[] = {
    row("CropAndResize", Exactness::kSum, crop_and_resize, "method,extrapolation_value", kReals),
    row("ResizeBicubic", Exactness::kSum, bicubic, kCorners, kReals),
    row("ResizeBilinear", Exactness::kSum, bilinear, kCorners, kReals),
    row("ResizeNearestNeighbor", Exactness::kExact, nearest, kCorners, kReals),
};

}  // namespace

Rows resize_kernels() { return kRows; }

}  // namespace whittle::eval
