#include "picture.h"

#include <algorithm>
#include <cstring>

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

constexpr int kNone = -1;
constexpr int64_t kMostSide = 1 << 16;

// Which axis of the input is what.
struct Layout {
  int batch = kNone, height = kNone, width = kNone, channel = kNone;
};

bool is_channels(int64_t d) { return d == 1 || d == 3 || d == 4; }

Layout layout_of(const std::vector<int64_t>& d) {
  if (d.size() == 4) {
    if (is_channels(d[1]) && d[3] >= 0 && !is_channels(d[3])) return {0, 2, 3, 1};
    return {0, 1, 2, 3};
  }
  if (d[2] < 0 || is_channels(d[2])) return {kNone, 0, 1, 2};
  return {0, 1, 2, kNone};
}

// Channels of one pixel, as the input has them. Alpha is dropped, not blended, as TensorFlow's decoder does.
void convert_channels(const uint8_t* from, int64_t have, uint8_t* to, int64_t want) {
  if (want == 1 && have > 1) {
    to[0] = static_cast<uint8_t>((299 * from[0] + 587 * from[1] + 114 * from[2] + 500) / 1000);
    return;
  }
  for (int64_t k = 0; k < want; ++k) to[k] = k == 3 && have < 4 ? 255 : from[have == 1 ? 0 : k];
}

struct Lerp {
  int64_t low, high;
  float share;  // of high
};

std::vector<Lerp> lerps(int64_t in, int64_t out) {
  std::vector<Lerp> result;
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  for (int64_t i = 0; i < out; ++i) {
    const float at = std::max(0.0f, (static_cast<float>(i) + 0.5f) * scale - 0.5f);
    const int64_t low = std::min<int64_t>(static_cast<int64_t>(at), in - 1);
    result.push_back({low, std::min(low + 1, in - 1), at - static_cast<float>(low)});
  }
  return result;
}

void put(Tensor& t, size_t i, float value) {
  switch (t.dtype()) {
    case DType::kFloat: t.mutable_values<float>()[i] = value / 255; break;
    case DType::kDouble: t.mutable_values<double>()[i] = static_cast<double>(value) / 255; break;
    case DType::kHalf: t.mutable_values<uint16_t>()[i] = float_to_half(value / 255); break;
    case DType::kBfloat16: t.mutable_values<uint16_t>()[i] = float_to_bfloat16(value / 255); break;
    default: {
      const uint64_t whole = static_cast<uint64_t>(value + 0.5f);
      const uint32_t width = byte_width(t.dtype());
      std::memcpy(t.mutable_bytes() + i * width, &whole, width);
    }
  }
}

}  // namespace

Result<Tensor> picture_for(const Tensor& picture, const TensorInfo& input, Allowance& allowance) {
  const DType dtype = base_dtype(input.dtype);
  const int64_t height = picture.shape().dims[0], width = picture.shape().dims[1],
                have = picture.shape().dims[2];
  Shape shape = input.shape;
  if (!input.has_shape || shape.unknown_rank) shape = Shape{1, -1, -1, -1};
  if (shape.rank() != 3 && shape.rank() != 4)
    return invalid_argument(cat("the input takes ", shape.to_string(), ", which is no picture"));
  if (!(is_floating(dtype) || (is_integer(dtype) && dtype != DType::kInt8))) {
    return invalid_argument(cat("the input takes ", dtype_name(dtype), ", which holds no picture"));
  }
  const Layout at = layout_of(shape.dims);
  const auto settle = [&](int axis, int64_t otherwise) {
    if (axis == kNone) return int64_t{1};
    int64_t& d = shape.dims[static_cast<size_t>(axis)];
    if (d < 0) d = otherwise;
    return d;
  };
  const int64_t batch = settle(at.batch, 1), h = settle(at.height, height),
                w = settle(at.width, width);
  const int64_t channels = settle(at.channel, have == 1 ? 1 : 3);
  if (!is_channels(channels))
    return invalid_argument(
        cat("the input takes ", channels, " channels; pictures have 1, 3 or 4"));
  if (h > kMostSide || w > kMostSide)
    return over_limit(
        cat("the input takes ", shape.to_string(), ", which is too large for a picture"));
  const Result<uint64_t> bytes = byte_size(dtype, shape);
  if (!bytes.ok()) return invalid_argument(bytes.error().message);
  WHITTLE_CHECK(allowance.take(*bytes));
  WHITTLE_ASSIGN(Tensor out, Tensor::make(dtype, shape));
  if (*bytes == 0) return out;

  // The strides of the input's axes, in elements.
  int64_t strides[4] = {0, 0, 0, 0}, step = 1;
  for (int k = shape.rank() - 1; k >= 0; step *= shape.dims[static_cast<size_t>(k--)])
    strides[k] = step;
  const auto stride = [&](int axis) { return axis == kNone ? 0 : strides[axis]; };
  const std::vector<Lerp> ys = lerps(height, h), xs = lerps(width, w);
  const uint8_t* from = picture.bytes().data();
  const auto pixel = [&](int64_t y, int64_t x, uint8_t* to) {
    convert_channels(from + (y * width + x) * have, have, to, channels);
  };
  for (int64_t y = 0; y < h; ++y) {
    const Lerp& v = ys[static_cast<size_t>(y)];
    for (int64_t x = 0; x < w; ++x) {
      const Lerp& u = xs[static_cast<size_t>(x)];
      uint8_t corners[4][4];
      pixel(v.low, u.low, corners[0]);
      pixel(v.low, u.high, corners[1]);
      pixel(v.high, u.low, corners[2]);
      pixel(v.high, u.high, corners[3]);
      for (int64_t c = 0; c < channels; ++c) {
        const auto corner = [&](int k) { return static_cast<float>(corners[k][c]); };
        const float top = corner(0) + (corner(1) - corner(0)) * u.share;
        const float bottom = corner(2) + (corner(3) - corner(2)) * u.share;
        const float value = top + (bottom - top) * v.share;
        for (int64_t b = 0; b < batch; ++b) {
          put(out,
              static_cast<size_t>(b * stride(at.batch) + y * stride(at.height) +
                                  x * stride(at.width) + c * stride(at.channel)),
              value);
        }
      }
    }
  }
  return out;
}

}  // namespace whittle::verify
