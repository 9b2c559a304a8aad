#include "probes.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <vector>

#include "examples.h"
#include "random.h"
#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

constexpr uint64_t kMostElements = 16 << 20;

// What an attempt assumes of sizes that the signature leaves open.
struct Sizes {
  int64_t side;    // of images
  int64_t length;  // of everything else
};
constexpr Sizes kSizes[] = {{64, 16}, {224, 128}, {128, 1}, {299, 2}, {32, 16000}, {256, 8}, {512, 64}};
constexpr int64_t kIds[] = {1000, 100, 10, 2};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
bool is_float(DType t) {
  return t == DType::kFloat || t == DType::kDouble || t == DType::kHalf || t == DType::kBfloat16;
}

// Octaves of interpolated noise whose strength falls with the frequency, as in photographs; -1 to 1.
// One value a pixel of `height` × `width`, the same shape in every channel but for a third of it.
std::vector<double> photograph(int64_t height, int64_t width, int64_t channels, Random& random) {
  std::vector<double> out(static_cast<size_t>(height * width * channels));
  double amplitude = 0.5;
  for (int64_t grid = 2; grid <= 64; grid *= 2, amplitude *= 0.6) {
    const size_t side = static_cast<size_t>(grid) + 1;
    std::vector<double> knots(side * side * static_cast<size_t>(channels + 1));
    for (double& k : knots) k = random.unit() * 2 - 1;
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        const double v = static_cast<double>(y * grid) / static_cast<double>(height);
        const double u = static_cast<double>(x * grid) / static_cast<double>(width);
        const size_t row = static_cast<size_t>(v), column = static_cast<size_t>(u);
        const double fv = v - static_cast<double>(row), fu = u - static_cast<double>(column);
        const auto at = [&](int64_t plane) {
          const double* k = &knots[(static_cast<size_t>(plane) * side + row) * side + column];
          return (k[0] * (1 - fu) + k[1] * fu) * (1 - fv) + (k[side] * (1 - fu) + k[side + 1] * fu) * fv;
        };
        const double shared = at(channels);
        double* pixel = &out[static_cast<size_t>((y * width + x) * channels)];
        for (int64_t c = 0; c < channels; ++c) pixel[c] += amplitude * (0.67 * shared + 0.33 * at(c));
      }
    }
  }
  for (double& v : out) v = std::clamp(v * 1.5, -1.0, 1.0);
  return out;
}

void put_real(Tensor& t, size_t i, double value) {
  switch (t.dtype()) {
    case DType::kFloat: t.mutable_values<float>()[i] = static_cast<float>(value); break;
    case DType::kDouble: t.mutable_values<double>()[i] = value; break;
    case DType::kHalf: t.mutable_values<uint16_t>()[i] = float_to_half(static_cast<float>(value)); break;
    default: t.mutable_values<uint16_t>()[i] = float_to_bfloat16(static_cast<float>(value));
  }
}

void fill_floats(Tensor& t, uint64_t probe, Random& random) {
  const std::vector<int64_t>& d = t.shape().dims;
  const size_t n = static_cast<size_t>(t.elements());
  if (d.empty()) return put_real(t, 0, 1);
  if (d.size() == 4) {
    const bool channels_first = d[1] <= 4 && d[3] > 4;
    const int64_t height = channels_first ? d[2] : d[1], width = channels_first ? d[3] : d[2];
    const int64_t channels = channels_first ? d[1] : d[3];
    const int64_t pixels = height * width;
    if (channels <= 4) {
      const double scale = probe % 3 == 0 ? 1 : probe % 3 == 1 ? 0.5 : 127.5;
      const double offset = probe % 3 == 0 ? 0 : scale;
      for (int64_t image = 0; image < d[0]; ++image) {
        const std::vector<double> values = photograph(height, width, channels, random);
        for (int64_t p = 0; p < pixels; ++p) {
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t at = channels_first ? c * pixels + p : p * channels + c;
            put_real(t, static_cast<size_t>(image * pixels * channels + at), values[static_cast<size_t>(p * channels + c)] * scale + offset);
          }
        }
      }
      return;
    }
  }
  for (size_t i = 0; i < n; ++i) put_real(t, i, probe % 2 == 0 ? random.normal() : random.unit());
}

// Numbers from 0 up to `most`, whatever the width.
void put_integer(Tensor& t, size_t i, uint64_t value) {
  const size_t width = static_cast<size_t>(byte_width(t.dtype()));
  std::memcpy(t.mutable_bytes() + i * width, &value, width);
}

std::string some_words(Random& random) {
  static constexpr std::string_view kWords[] = {"the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "0", "1", ""};
  std::string text;
  for (int k = 0; k < 4; ++k) text += cat(k == 0 ? "" : " ", kWords[random.below(std::size(kWords))]);
  return text;
}

// Words, or what the op that parses them expects.
Tensor strings(const Shape& shape, const ExampleSpec* example, int64_t ids, Random& random) {
  std::vector<std::string> out;
  for (uint64_t i = 0; i < shape.elements().value(); ++i) {
    out.push_back(example != nullptr ? make_example(*example, ids, random) : some_words(random));
  }
  return Tensor(shape, std::move(out));
}

Shape guess(const TensorInfo& info, const Sizes& sizes) {
  Shape s = info.shape;
  if (s.unknown_rank || !info.has_shape) return Shape{1, sizes.length};
  for (size_t k = 0; k < s.dims.size(); ++k) {
    int64_t& d = s.dims[k];
    if (d >= 0) continue;
    if (s.dims.size() == 4 && (k == 1 || k == 2)) d = sizes.side;
    else if (s.dims.size() == 4 && k == 3) d = 3;
    else d = k == 0 && !(s.dims.size() == 1 && is_float(info.dtype)) ? 1 : sizes.length;
  }
  return s;
}

bool leaves_open(const TensorInfo& info) {
  if (info.shape.unknown_rank || !info.has_shape) return true;
  const size_t first = info.shape.dims.size() == 1 && is_float(info.dtype) ? 0 : 1;
  return std::any_of(info.shape.dims.begin() + static_cast<std::ptrdiff_t>(std::min(first, info.shape.dims.size())),
                     info.shape.dims.end(), [](int64_t d) { return d < 0; });
}

Result<Tensor> make_input(const std::string& key, const TensorInfo& info, const ExampleSpec* example, const Sizes& sizes, int64_t ids,
                          uint64_t probe) {
  const Shape shape = guess(info, sizes);
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  const uint64_t most_elements = info.dtype == DType::kString ? kMostElements / 32 : kMostElements;
  if (elements > most_elements) return over_limit(cat("input ", printable(key), " has ", elements, " elements"));
  Random random(key, probe);
  if (info.dtype == DType::kString) return strings(shape, example, ids, random);
  if (byte_width(info.dtype) == 0 || byte_width(info.dtype) > 8 || info.dtype == DType::kComplex64) return unsupported(cat("input ", printable(key), " is ", dtype_name(info.dtype), ": give samples"));
  WHITTLE_ASSIGN(Tensor t, Tensor::make(info.dtype, shape));
  if (is_float(info.dtype)) {
    fill_floats(t, probe, random);
    return t;
  }
  const bool one = contains(key, "mask") || contains(key, "length") || (shape.dims.empty() && info.dtype != DType::kBool);
  const bool wide = info.dtype == DType::kUint8 && shape.dims.size() >= 3;
  uint64_t most = static_cast<uint64_t>(ids);
  if (info.dtype == DType::kBool) most = shape.dims.empty() ? 1 : 2;
  if (contains(key, "type") || contains(key, "segment")) most = 2;
  if (byte_width(info.dtype) == 1 && info.dtype != DType::kBool) most = wide ? 256 : std::min<uint64_t>(most, 100);
  for (size_t i = 0; i < elements; ++i) put_integer(t, i, one ? 1 : random.below(most));
  return t;
}

// A sparse tensor with values in its first and its last column.
Status make_sparse(const std::string& key, const TensorInfo& info, const Sizes& sizes, int64_t ids, uint64_t probe, NamedTensors* out) {
  Shape dense = guess(info, sizes);
  if (dense.dims.empty()) dense.dims = {1};
  const int64_t count = dense.dims.back() > 1 ? 2 : 1;
  TensorInfo values = info;
  values.shape = Shape{count};
  values.has_shape = true;
  WHITTLE_ASSIGN((*out)[key + kSparseValues], make_input(key, values, nullptr, sizes, ids, probe));
  const int64_t rank = static_cast<int64_t>(dense.dims.size());
  WHITTLE_ASSIGN(Tensor indices, Tensor::make(DType::kInt64, Shape{count, rank}));
  if (count == 2) indices.mutable_values<int64_t>().back() = dense.dims.back() - 1;
  (*out)[key + kSparseIndices] = std::move(indices);
  WHITTLE_ASSIGN((*out)[key + kSparseShape], Tensor::of<int64_t>(DType::kInt64, Shape{rank}, dense.dims));
  return {};
}

}  // namespace

ProbeMaker::ProbeMaker(const std::map<std::string, TensorInfo>& inputs, const MetaGraph& meta) : inputs_(inputs) {
  for (const auto& [key, info] : inputs) {
    if (info.dtype == DType::kString && info.encoding == TensorInfo::Encoding::kName && !info.tensors.empty()) {
      if (std::optional<ExampleSpec> spec = find_example_parser(meta, info.tensors[0])) {
        has_ids_ = true;
        examples_[key] = std::move(*spec);
      }
    }
    unknown_dims_ |= leaves_open(info);
    has_ids_ |= !is_float(info.dtype) && info.dtype != DType::kString && info.dtype != DType::kBool &&
                info.dtype != DType::kUint8;
  }
}

int ProbeMaker::attempts() const {
  return (unknown_dims_ ? static_cast<int>(std::size(kSizes)) : 1) * (has_ids_ ? static_cast<int>(std::size(kIds)) : 1);
}

Result<NamedTensors> ProbeMaker::make(int attempt, uint64_t probe) const {
  const int per_size = has_ids_ ? static_cast<int>(std::size(kIds)) : 1;
  const Sizes& sizes = kSizes[static_cast<size_t>(attempt / per_size) % std::size(kSizes)];
  const int64_t ids = kIds[static_cast<size_t>(attempt % per_size)];
  NamedTensors out;
  for (const auto& [key, info] : inputs_) {
    if (info.encoding == TensorInfo::Encoding::kComposite) return unsupported(cat("input ", printable(key), " is no plain tensor"));
    if (info.encoding == TensorInfo::Encoding::kCooSparse) {
      WHITTLE_CHECK(make_sparse(key, info, sizes, ids, probe, &out));
      continue;
    }
    const auto example = examples_.find(key);
    WHITTLE_ASSIGN(out[key], make_input(key, info, example == examples_.end() ? nullptr : &example->second, sizes, ids, probe));
  }
  return out;
}

}  // namespace whittle::verify
