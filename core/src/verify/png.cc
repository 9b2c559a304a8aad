#include "png.h"

#include <cstdlib>

#include "whittle/crc32.h"
#include "whittle/inflate.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

constexpr std::string_view kMagic("\x89PNG\r\n\x1a\n", 8);
constexpr uint32_t kMostSide = 1 << 16;

enum Color : uint8_t { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6 };

uint32_t big(std::string_view s, size_t at) {
  uint32_t v = 0;
  for (size_t k = 0; k < 4; ++k) v = v << 8 | static_cast<uint8_t>(s[at + k]);
  return v;
}

struct Png {
  uint32_t width = 0, height = 0;
  uint8_t depth = 0, color = 0;
  std::string_view palette, alphas;
  std::string packed;  // all IDAT chunks

  size_t samples() const {
    return color == kRgb ? 3 : color == kRgba ? 4 : color == kGreyAlpha ? 2 : 1;
  }
  uint64_t row_bytes() const { return (uint64_t{width} * samples() * depth + 7) / 8; }
};

Status read_header(std::string_view data, Png* png) {
  if (data.size() != 13) return invalid_argument("its header is broken");
  png->width = big(data, 0);
  png->height = big(data, 4);
  png->depth = static_cast<uint8_t>(data[8]);
  png->color = static_cast<uint8_t>(data[9]);
  if (png->width == 0 || png->height == 0) return invalid_argument("the picture is empty");
  if (png->width > kMostSide || png->height > kMostSide)
    return over_limit(cat("the picture is ", png->width, " x ", png->height));
  if (data[12] != 0) return unsupported("the picture is interlaced: save it without");
  const bool known = png->color == kGrey || png->color == kRgb || png->color == kPalette ||
                     png->color == kGreyAlpha || png->color == kRgba;
  const bool small = png->depth == 1 || png->depth == 2 || png->depth == 4;
  if (known && png->depth == 16)
    return unsupported("the picture has 16 bits a channel: save it with 8");
  if (!known || data[10] != 0 || data[11] != 0 ||
      !(png->depth == 8 || (small && (png->color == kGrey || png->color == kPalette)))) {
    return invalid_argument("its header is broken");
  }
  return {};
}

Result<Png> read_chunks(std::string_view file) {
  if (file.substr(0, 8) != kMagic) return invalid_argument("it is no PNG");
  Png png;
  bool header = false;
  for (size_t at = 8;;) {
    if (file.size() - at < 12) return invalid_argument("it ends too early");
    const uint32_t size = big(file, at);
    if (size > file.size() - at - 12) return invalid_argument("it ends too early");
    const std::string_view type = file.substr(at + 4, 4), data = file.substr(at + 8, size);
    if (crc32(0, bytes_of(file.substr(at + 4, size + 4))) != big(file, at + 8 + size))
      return invalid_argument("its bytes do not fit their checksum");
    if (!header && type != "IHDR") return invalid_argument("its header is missing");
    if (type == "IHDR") {
      if (header) return invalid_argument("it has two headers");
      WHITTLE_CHECK(read_header(data, &png));
      header = true;
    } else if (type == "PLTE") {
      png.palette = data;
    } else if (type == "tRNS") {
      png.alphas = data;
    } else if (type == "IDAT") {
      png.packed += data;
    } else if (type == "IEND") {
      return png;
    }
    at += 12 + size;
  }
}

// Undoes the filters of the rows in place; every row has a byte for its filter in front.
Status unfilter(const Png& png, uint8_t* bytes) {
  const size_t row = static_cast<size_t>(png.row_bytes());
  const size_t step = png.depth < 8 ? 1 : png.samples();
  for (uint32_t y = 0; y < png.height; ++y) {
    uint8_t* x = bytes + y * (row + 1) + 1;
    const uint8_t* above = y == 0 ? nullptr : x - row - 1;
    const int filter = x[-1];
    if (filter > 4) return invalid_argument("a row has an unknown filter");
    for (size_t i = 0; i < row; ++i) {
      const int a = i < step ? 0 : x[i - step], b = above != nullptr ? above[i] : 0;
      const int c = i < step || above == nullptr ? 0 : above[i - step];
      int predicted = 0;
      if (filter == 1) predicted = a;
      if (filter == 2) predicted = b;
      if (filter == 3) predicted = (a + b) / 2;
      if (filter == 4) {
        const int pa = std::abs(b - c), pb = std::abs(a - c), pc = std::abs(a + b - 2 * c);
        predicted = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      }
      x[i] = static_cast<uint8_t>(x[i] + predicted);
    }
  }
  return {};
}

}  // namespace

Result<Tensor> read_png(std::string_view file, Allowance& allowance) {
  WHITTLE_ASSIGN(const Png png, read_chunks(file));
  const bool palette = png.color == kPalette, grey_alpha = png.color == kGreyAlpha;
  const size_t colors = png.palette.size() / 3;
  if (palette && colors == 0) return invalid_argument("its palette is missing");
  const size_t channels = palette ? (png.alphas.empty() ? 3 : 4) : grey_alpha ? 4 : png.samples();
  const uint64_t bytes = (png.row_bytes() + 1) * png.height;
  const uint64_t pixels = uint64_t{png.width} * png.height;
  WHITTLE_CHECK(allowance.take(bytes + pixels * channels));
  WHITTLE_ASSIGN(std::string rows, inflate(bytes_of(png.packed), Wrapper::kZlib, bytes));
  if (rows.size() != bytes)
    return invalid_argument(cat("its rows take ", bytes, " bytes, ", rows.size(), " are there"));
  WHITTLE_CHECK(unfilter(png, reinterpret_cast<uint8_t*>(rows.data())));
  WHITTLE_ASSIGN(Tensor out, Tensor::make(DType::kUint8, Shape{png.height, png.width,
                                                               static_cast<int64_t>(channels)}));
  uint8_t* to = out.mutable_bytes();
  for (uint32_t y = 0; y < png.height; ++y) {
    const auto* row = reinterpret_cast<const uint8_t*>(rows.data()) + y * (png.row_bytes() + 1) + 1;
    for (uint32_t x = 0; x < png.width; ++x, to += channels) {
      if (grey_alpha) {
        to[0] = to[1] = to[2] = row[2 * x];
        to[3] = row[2 * x + 1];
      } else if (palette || png.depth < 8) {
        const size_t bit = size_t{x} * png.depth, most = (1u << png.depth) - 1;
        const size_t v = row[bit / 8] >> (8 - png.depth - bit % 8) & most;
        if (!palette) {
          to[0] = static_cast<uint8_t>(v * 255 / most);
          continue;
        }
        if (v >= colors)
          return invalid_argument("a pixel has a color that the palette does not have");
        for (size_t k = 0; k < 3; ++k) to[k] = static_cast<uint8_t>(png.palette[3 * v + k]);
        if (channels == 4)
          to[3] = v < png.alphas.size() ? static_cast<uint8_t>(png.alphas[v]) : 255;
      } else {
        for (size_t k = 0; k < channels; ++k) to[k] = row[channels * x + k];
      }
    }
  }
  return out;
}

}  // namespace whittle::verify
