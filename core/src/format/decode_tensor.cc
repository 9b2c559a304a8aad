#include <algorithm>
#include <cstring>

#include "decode.h"
#include "whittle/math.h"
#include "whittle/saved_model.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

// Below this a constant of equal elements is spelled out: small ones are often compared and folded.
constexpr uint64_t kOwnedSplat = 4096;
constexpr uint64_t kStringCost =
    32;  // memory of one string besides its bytes, the same on every target

bool known_dtype(int32_t dtype) {
  return dtype >= static_cast<int32_t>(DType::kFloat) &&
         dtype <= static_cast<int32_t>(DType::kFloat4E2m1fn);
}

template <class T>
void append(std::vector<uint8_t>& out, T value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

// The first `limit` stored values as elements of T, each cast as C++ casts integers (modulo 2^n).
template <class T, class Values>
std::vector<uint8_t> as_elements(const Values& values, uint64_t limit) {
  std::vector<uint8_t> out;
  const uint64_t count = std::min<uint64_t>(static_cast<uint64_t>(values.size()), limit);
  out.reserve(static_cast<size_t>(count) * sizeof(T));
  for (int i = 0; i < static_cast<int>(count); ++i) append(out, static_cast<T>(values.Get(i)));
  return out;
}

// The typed values that belong to `dtype`, as bytes of at most `elements` elements.
std::vector<uint8_t> typed_values(const pb::Tensor& t, DType dtype, uint64_t elements) {
  switch (dtype) {
    case DType::kFloat: return as_elements<float>(t.float_val(), elements);
    case DType::kDouble: return as_elements<double>(t.double_val(), elements);
    case DType::kInt64: return as_elements<int64_t>(t.int64_val(), elements);
    case DType::kUint64: return as_elements<uint64_t>(t.uint64_val(), elements);
    case DType::kUint32: return as_elements<uint32_t>(t.uint32_val(), elements);
    case DType::kBool: return as_elements<uint8_t>(t.bool_val(), elements);
    case DType::kHalf:
    case DType::kBfloat16: return as_elements<uint16_t>(t.half_val(), elements);
    case DType::kComplex64: {
      std::vector<uint8_t> out = as_elements<float>(t.scomplex_val(), 2 * elements);
      out.resize(out.size() / 8 * 8);
      return out;
    }
    case DType::kComplex128: {
      std::vector<uint8_t> out = as_elements<double>(t.dcomplex_val(), 2 * elements);
      out.resize(out.size() / 16 * 16);
      return out;
    }
    case DType::kFloat8E5m2:
    case DType::kFloat8E4m3fn:
    case DType::kFloat8E4m3fnuz:
    case DType::kFloat8E4m3b11fnuz:
    case DType::kFloat8E5m2fnuz: {
      const std::string& v = t.float8_val();
      return {v.begin(),
              v.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(v.size(), elements))};
    }
    default: break;
  }
  switch (byte_width(dtype)) {
    case 1: return as_elements<uint8_t>(t.int_val(), elements);
    case 2: return as_elements<uint16_t>(t.int_val(), elements);
    default: return as_elements<uint32_t>(t.int_val(), elements);
  }
}

std::span<const uint8_t> as_bytes(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

// Strings in tensor_content: N varint32 lengths, then the bytes back to back.
Result<std::vector<std::string>> content_strings(const std::string& content, uint64_t elements) {
  if (elements > content.size()) return corrupt("tensor_content is too short for its strings");
  std::vector<uint64_t> lengths;
  size_t pos = 0;
  for (uint64_t i = 0; i < elements; ++i) {
    uint64_t length = 0;
    for (int shift = 0;; shift += 7) {
      if (pos == content.size() || shift > 28)
        return corrupt("tensor_content has a broken string length");
      const auto byte = static_cast<uint8_t>(content[pos++]);
      length |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    lengths.push_back(length);
  }
  std::vector<std::string> strings;
  strings.reserve(lengths.size());
  for (const uint64_t length : lengths) {
    if (length > content.size() - pos)
      return corrupt("tensor_content is too short for its strings");
    strings.push_back(content.substr(pos, static_cast<size_t>(length)));
    pos += static_cast<size_t>(length);
  }
  if (pos != content.size()) return corrupt("tensor_content goes on after its strings");
  return strings;
}

}  // namespace

bool ValueDecoder::spend(uint64_t bytes) const {
  if (bytes > expand_left_) return false;
  expand_left_ -= bytes;
  return true;
}

Result<Shape> ValueDecoder::shape(const pb::TensorShape& proto) const {
  if (proto.unknown_rank()) return Shape::unknown();
  if (proto.dim_size() > kMaxRank)
    return corrupt(cat("a shape has ", proto.dim_size(), " dimensions"));
  Shape shape;
  shape.dims.reserve(static_cast<size_t>(proto.dim_size()));
  for (const pb::TensorShape::Dim& dim : proto.dim()) {
    if (dim.size() < -1) return corrupt(cat("a shape has a dimension of size ", dim.size()));
    shape.dims.push_back(dim.size());
  }
  return shape;
}

Result<TensorRef> ValueDecoder::tensor(const pb::Tensor& proto) const {
  const auto dtype = static_cast<DType>(proto.dtype());
  if (!known_dtype(proto.dtype())) return corrupt(cat("a tensor has dtype ", dtype_name(dtype)));
  WHITTLE_ASSIGN(Shape shape, this->shape(proto.tensor_shape()));
  if (!shape.fully_defined()) return corrupt(cat("a tensor has the shape ", shape.to_string()));
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  if (dtype == DType::kString) return string_tensor(proto, std::move(shape), elements);
  WHITTLE_ASSIGN(const uint64_t bytes, byte_size(dtype, shape));
  if (elements == 0) {
    WHITTLE_ASSIGN(Tensor empty, Tensor::make(dtype, std::move(shape)));
    return TensorRef::owned(std::move(empty));
  }
  if (proto.lazy_content_size() != 0 || !proto.tensor_content().empty()) {
    return content_tensor(proto, dtype, std::move(shape), bytes);
  }
  return typed_tensor(proto, dtype, std::move(shape), bytes);
}

Result<TensorRef> ValueDecoder::content_tensor(const pb::Tensor& proto, DType dtype, Shape shape,
                                               uint64_t bytes) const {
  const bool lazy = proto.lazy_content_size() != 0;
  LazyContent content;
  if (lazy) {
    if (proto.lazy_content_size() != 2 || !proto.tensor_content().empty()) {
      return corrupt("a tensor has two contents");
    }
    content = {proto.lazy_content(0), proto.lazy_content(1)};
    if (!contents_.has(content)) return corrupt("a tensor names bytes that are not its own");
  }
  const uint64_t length = lazy ? content.length : proto.tensor_content().size();
  if (length != bytes) {
    return corrupt(cat("tensor_content has ", length, " bytes; ", dtype_name(dtype),
                       shape.to_string(), " takes ", bytes));
  }
  if (lazy) {
    return TensorRef::file(dtype, std::move(shape),
                           {FilePiece{{contents_.file(), content.offset, length}}}, std::nullopt,
                           false);
  }
  WHITTLE_ASSIGN(std::shared_ptr<Buffer> buffer, Buffer::copy_of(as_bytes(proto.tensor_content())));
  return TensorRef::owned(Tensor(dtype, std::move(shape), std::move(buffer)));
}

Result<TensorRef> ValueDecoder::typed_tensor(const pb::Tensor& proto, DType dtype, Shape shape,
                                             uint64_t bytes) const {
  const uint64_t width = byte_width(dtype);
  std::vector<uint8_t> stored = typed_values(proto, dtype, bytes / width);
  if (stored.size() <= width && (bytes > kOwnedSplat || !spend(bytes))) {
    stored.resize(static_cast<size_t>(width));  // no value at all is zero
    return TensorRef::splat(dtype, std::move(shape), std::move(stored));
  }
  if (stored.size() > width && stored.size() < bytes && !spend(bytes - stored.size())) {
    return over_limit(cat("a tensor repeats its last value over ", human_bytes(bytes)));
  }
  WHITTLE_ASSIGN(Tensor tensor, Tensor::make(dtype, std::move(shape)));
  uint8_t* out = tensor.mutable_bytes();
  if (!stored.empty()) {
    std::memcpy(out, stored.data(), stored.size());
    for (uint64_t at = stored.size(); at < bytes; at += width)
      std::memcpy(out + at, out + at - width, width);
  }
  return TensorRef::owned(std::move(tensor));
}

Result<TensorRef> ValueDecoder::string_tensor(const pb::Tensor& proto, Shape shape,
                                              uint64_t elements) const {
  if (proto.lazy_content_size() != 0) {
    return over_limit("a tensor of strings has a tensor_content of 16 KiB or more");
  }
  std::vector<std::string> strings;
  if (elements != 0 && !proto.tensor_content().empty()) {
    WHITTLE_ASSIGN(strings, content_strings(proto.tensor_content(), elements));
    return TensorRef::owned(Tensor(std::move(shape), std::move(strings)));
  }
  const auto stored = std::min<uint64_t>(static_cast<uint64_t>(proto.string_val_size()), elements);
  std::string last = stored == 0 ? std::string() : proto.string_val(static_cast<int>(stored) - 1);
  uint64_t fill = 0;
  if (mul_overflows(elements - stored, kStringCost + last.size(), &fill)) fill = UINT64_MAX;
  if (stored <= 1 && (fill > kOwnedSplat || !spend(fill))) {
    return TensorRef::splat_string(std::move(shape), std::move(last));
  }
  if (stored > 1 && !spend(fill)) return over_limit("a tensor repeats its last string too often");
  strings.reserve(static_cast<size_t>(elements));
  for (uint64_t i = 0; i < stored; ++i) strings.push_back(proto.string_val(static_cast<int>(i)));
  strings.resize(static_cast<size_t>(elements), last);
  return TensorRef::owned(Tensor(std::move(shape), std::move(strings)));
}

}  // namespace whittle::format

namespace whittle {

Result<TensorRef> decode_tensor_proto(std::string_view bytes) {
  pb::Tensor proto;
  if (!format::parse(bytes, &proto)) return corrupt("not a TensorProto");
  return format::ValueDecoder(format::LazyContents()).tensor(proto);
}

}  // namespace whittle
