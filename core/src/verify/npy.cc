#include "npy.h"

#include <cstring>

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

struct Header {
  char order = '<', kind = 0;
  uint64_t size = 0;  // the number behind the kind: bytes, or characters of U
  bool fortran = false;
  Shape shape;
};

Error broken() { return invalid_argument("its header is not one of an .npy file"); }

// What stands behind 'key': up to where the value's first character is.
std::string_view value_of(std::string_view header, std::string_view key) {
  const size_t at = header.find(cat("'", key, "'"));
  if (at == std::string_view::npos) return {};
  std::string_view rest = header.substr(at + key.size() + 2);
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == ':')) rest.remove_prefix(1);
  return rest;
}

Status read_type(std::string_view text, Header* h) {
  if (text.substr(0, 1) == "[") return unsupported("it holds records; only plain arrays are read");
  const size_t end = text.find('\'', 1);
  if (text.substr(0, 1) != "'" || end == std::string_view::npos || end < 3) return broken();
  const std::string_view descr = text.substr(1, end - 1);
  h->order = descr[0];
  h->kind = descr[1];
  if (h->kind == 'O')
    return unsupported(
        "it holds pickled objects, which are never read: save plain numbers or strings");
  int64_t size = 0;
  if (std::string_view("<>|=").find(h->order) == std::string_view::npos ||
      !parse_int64(descr.substr(2), &size) || size < 0 || size > INT32_MAX) {
    return unsupported(cat("it holds ", printable(descr, 40), ", which no input takes"));
  }
  h->size = static_cast<uint64_t>(size);
  return {};
}

Status read_shape(std::string_view text, Shape* shape) {
  const size_t end = text.find(')');
  if (text.substr(0, 1) != "(" || end == std::string_view::npos) return broken();
  for (std::string_view d : split(text.substr(1, end - 1), ',')) {
    while (!d.empty() && d.front() == ' ') d.remove_prefix(1);
    if (d.empty()) continue;
    int64_t v = 0;
    if (!parse_int64(d, &v) || v < 0 || shape->dims.size() == static_cast<size_t>(kMaxRank))
      return broken();
    shape->dims.push_back(v);
  }
  return {};
}

// The header, and where the data begin.
Result<Header> read_header(std::string_view file, size_t* data) {
  if (file.size() < 10 || file.substr(0, 6) != "\x93NUMPY")
    return invalid_argument("it is no .npy file");
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<uint8_t>(file[at])); };
  const size_t version = byte(6), start = version == 1 ? 10 : 12;
  if (version < 1 || version > 3 || file.size() < start) return broken();
  size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > file.size() - start) return invalid_argument("it ends within its header");
  const std::string_view text = file.substr(start, length);
  Header h;
  WHITTLE_CHECK(read_type(value_of(text, "descr"), &h));
  WHITTLE_CHECK(read_shape(value_of(text, "shape"), &h.shape));
  h.fortran = value_of(text, "fortran_order").substr(0, 4) == "True";
  *data = start + length;
  return h;
}

DType dtype_of(const Header& h) {
  static constexpr struct {
    char kind;
    uint8_t size;
    DType dtype;
  } kTypes[] = {
      {'f', 2, DType::kHalf},     {'f', 4, DType::kFloat},     {'f', 8, DType::kDouble},
      {'i', 1, DType::kInt8},     {'i', 2, DType::kInt16},     {'i', 4, DType::kInt32},
      {'i', 8, DType::kInt64},    {'u', 1, DType::kUint8},     {'u', 2, DType::kUint16},
      {'u', 4, DType::kUint32},   {'u', 8, DType::kUint64},    {'b', 1, DType::kBool},
      {'V', 2, DType::kBfloat16}, {'c', 8, DType::kComplex64}, {'c', 16, DType::kComplex128}};
  for (const auto& t : kTypes) {
    if (t.kind == h.kind && t.size == h.size) return t.dtype;
  }
  return h.kind == 'S' || h.kind == 'U' ? DType::kString : DType::kInvalid;
}

bool append_utf8(std::string& out, uint32_t c) {
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
    return true;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  out.push_back(static_cast<char>((0xff00 >> (more + 1) & 0xff) | c >> (6 * more)));
  for (int k = more - 1; k >= 0; --k)
    out.push_back(static_cast<char>(0x80 | (c >> (6 * k) & 0x3f)));
  return true;
}

// One element of S or U; the zeros that fill it up go.
Result<std::string> read_string(std::string_view cell, const Header& h) {
  std::string out;
  if (h.kind == 'S') {
    out = std::string(cell.substr(0, cell.find_last_not_of('\0') + 1));
    return out;
  }
  for (size_t i = 0; i < cell.size(); i += 4) {
    uint32_t c = 0;
    std::memcpy(&c, cell.data() + i, 4);
    if (h.order == '>') c = __builtin_bswap32(c);
    if (!append_utf8(out, c)) return invalid_argument("a text holds a character that is none");
  }
  out.resize(out.find_last_not_of('\0') + 1);
  return out;
}

// Where the elements are stored, in row-major order of their places in the array.
class Places {
 public:
  Places(const Shape& shape, bool fortran) : fortran_(fortran) {
    uint64_t step = 1;
    for (int64_t d : shape.dims) {
      if (d != 1)
        axes_.push_back({d, 0, step});  // each carry of next() then follows at least two elements
      step *= static_cast<uint64_t>(d);
    }
  }
  uint64_t next() {
    const uint64_t here = place_;
    if (!fortran_) {
      ++place_;
      return here;
    }
    for (size_t k = axes_.size(); k-- > 0;) {
      Axis& axis = axes_[k];
      place_ += axis.stride;
      if (++axis.at < axis.size) break;
      place_ -= axis.stride * static_cast<uint64_t>(axis.size);
      axis.at = 0;
    }
    return here;
  }

 private:
  struct Axis {
    int64_t size, at;
    uint64_t stride;
  };
  std::vector<Axis> axes_;
  bool fortran_;
  uint64_t place_ = 0;
};

void swap_bytes(uint8_t* bytes, size_t size, size_t width) {
  for (size_t at = 0; at + width <= size; at += width) {
    for (size_t k = 0; k < width / 2; ++k) std::swap(bytes[at + k], bytes[at + width - 1 - k]);
  }
}

}  // namespace

Result<Tensor> read_npy(std::string_view file, Allowance& allowance) {
  size_t start = 0;
  WHITTLE_ASSIGN(const Header h, read_header(file, &start));
  const DType dtype = dtype_of(h);
  if (dtype == DType::kInvalid) {
    return unsupported(cat("it holds ", printable(std::string_view(&h.kind, 1)), h.size,
                           ", which no input takes"));
  }
  const Result<uint64_t> counted = h.shape.elements();
  const uint64_t width = h.kind == 'U' ? h.size * 4 : h.size;
  uint64_t bytes = 0;
  if (!counted.ok() || mul_overflows(*counted, width, &bytes)) return broken();
  const uint64_t elements = *counted;
  if (width == 0) return invalid_argument("its strings have no room for a character");
  const std::string_view data = file.substr(start);
  if (bytes > data.size()) {
    return invalid_argument(cat("it ends too early: ", h.shape.to_string(), " takes ", bytes,
                                " bytes, ", data.size(), " are there"));
  }
  Places places(h.shape, h.fortran);
  if (dtype == DType::kString) {
    WHITTLE_CHECK(allowance.take(elements * kStringCost + bytes));
    std::vector<std::string> strings;
    for (uint64_t i = 0; i < elements; ++i) {
      WHITTLE_ASSIGN(std::string s,
                     read_string(data.substr(static_cast<size_t>(places.next() * width),
                                             static_cast<size_t>(width)),
                                 h));
      strings.push_back(std::move(s));
    }
    return Tensor(h.shape, std::move(strings));
  }
  WHITTLE_CHECK(allowance.take(bytes));
  WHITTLE_ASSIGN(Tensor out, Tensor::make(dtype, h.shape));
  if (bytes == 0) return out;
  uint8_t* to = out.mutable_bytes();
  if (!h.fortran) {
    std::memcpy(to, data.data(), static_cast<size_t>(bytes));
  } else {
    for (uint64_t i = 0; i < elements; ++i) {
      std::memcpy(to + i * width, data.data() + places.next() * width, static_cast<size_t>(width));
    }
  }
  if (h.order == '>') swap_bytes(to, static_cast<size_t>(bytes), swap_width(dtype));
  for (uint64_t i = 0; dtype == DType::kBool && i < elements; ++i) to[i] = to[i] != 0 ? 1 : 0;
  return out;
}

}  // namespace whittle::verify
