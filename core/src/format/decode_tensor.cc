#include <algorithm>
#include <cstring>

#include "decode.h"
#include "tensor_fields.h"
#include "whittle/math.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

// Below this a constant of equal elements is spelled out: small ones are often compared and folded.
constexpr uint64_t kOwnedSplat = 4096;
constexpr uint64_t kStringCost = 32;  // memory of a string besides its bytes, as on 64-bit targets
constexpr uint32_t kLastKnownField = 18;
constexpr uint32_t kLazyContentField = 536870911;

bool known_dtype(DType dtype) { return dtype >= DType::kFloat && dtype <= DType::kFloat4E2m1fn; }

// The typed values of a tensor as bytes of at most `limit`, in the layout of its dtype.
class TypedValues {
 public:
  TypedValues(DType dtype, uint64_t limit)
      : width_(byte_width(dtype)), is_bool_(dtype == DType::kBool), limit_(limit) {}

  Status add(const WireField& field) {
    const uint32_t unit = typed_unit(field.number);
    if (field.type != WireType::kBytes) {
      append(field.value, unit == 0 ? width_ : unit);
      return {};
    }
    std::span<const uint8_t> packed = field.bytes;
    if (unit != 0) {
      if (packed.size() % unit != 0) return corrupt("typed values end in the middle of one");
      const uint64_t room = limit_ - out_.size();
      if (packed.size() > room) packed = packed.first(static_cast<size_t>(room));
      out_.insert(out_.end(), packed.begin(), packed.end());
      return {};
    }
    while (!packed.empty()) {
      uint64_t value = 0;
      const size_t size = decode_varint(packed, &value);
      if (size == 0) return corrupt("typed values end in the middle of one");
      append(value, width_);
      packed = packed.subspan(size);
    }
    return {};
  }

  // Whole elements.
  std::vector<uint8_t> take() {
    out_.resize(out_.size() / width_ * width_);
    return std::move(out_);
  }

 private:
  void append(uint64_t value, uint32_t bytes) {
    if (out_.size() >= limit_) return;
    if (is_bool_) value = value != 0;
    for (uint32_t i = 0; i < bytes; ++i) out_.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }

  uint32_t width_;
  bool is_bool_;
  uint64_t limit_;
  std::vector<uint8_t> out_;
};

// Strings in tensor_content: N varint32 lengths, then the bytes back to back.
Result<std::vector<std::string>> content_strings(std::string_view content, uint64_t elements) {
  constexpr std::string_view kShort = "tensor_content is too short for its strings";
  if (elements > content.size()) return corrupt(std::string(kShort));
  std::vector<uint64_t> lengths;
  for (uint64_t i = 0; i < elements; ++i) {
    uint64_t length = 0;
    const size_t size = decode_varint(as_bytes(content), &length);
    if (size == 0) return corrupt(std::string(kShort));
    lengths.push_back(length);
    content.remove_prefix(size);
  }
  std::vector<std::string> strings;
  strings.reserve(lengths.size());
  for (const uint64_t length : lengths) {
    if (length > content.size()) return corrupt(std::string(kShort));
    strings.emplace_back(content.substr(0, static_cast<size_t>(length)));
    content.remove_prefix(static_cast<size_t>(length));
  }
  if (!content.empty()) return corrupt("tensor_content goes on after its strings");
  return strings;
}

}  // namespace

// A TensorProto, as far as it is understood before its dtype is.
struct ValueDecoder::TensorFields {
  std::string_view proto;
  DType dtype = DType::kInvalid;
  std::string_view shape, content;
  std::vector<uint64_t> lazy;
};

bool ValueDecoder::spend(uint64_t bytes) const {
  if (bytes > expand_left_) return false;
  expand_left_ -= bytes;
  return true;
}

Result<Shape> ValueDecoder::shape(std::string_view proto) const {
  Found found;
  return shape(proto, &found);
}

Result<Shape> ValueDecoder::shape(std::string_view proto, Found* found) const {
  Shape shape;
  bool unknown_rank = false;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    if (field.is(3, WireType::kVarint)) {
      unknown_rank = field.flag();
    } else if (!field.is(2, WireType::kBytes)) {
      found->unknown = true;
    } else {
      int64_t size = 0;
      Status dim = for_each_field(field.text(), [&](const WireField& part) -> Status {
        if (part.is(1, WireType::kVarint)) {
          size = part.i64();
        } else if (part.number != 2) {  // the dimension's name, which nobody reads
          found->unknown = true;
        }
        return {};
      });
      if (!dim.ok()) return dim;
      if (shape.dims.size() == kMaxRank)
        return corrupt(cat("a shape has more than ", kMaxRank, " dimensions"));
      if (size < -1) return corrupt(cat("a shape has a dimension of size ", size));
      shape.dims.push_back(size);
    }
    return {};
  }));
  return unknown_rank ? Shape::unknown() : shape;
}

Result<TensorRef> ValueDecoder::tensor(std::string_view proto) const {
  Found found;
  return tensor(proto, &found);
}

Result<TensorRef> ValueDecoder::tensor(std::string_view proto, Found* found) const {
  TensorFields t;
  t.proto = proto;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    if (field.is(1, WireType::kVarint)) t.dtype = static_cast<DType>(field.i32());
    if (field.is(2, WireType::kBytes)) t.shape = field.text();
    if (field.is(4, WireType::kBytes)) t.content = field.text();
    if (field.number == kLazyContentField) {
      found->lazy = true;
      std::span<const uint8_t> packed = field.bytes;
      uint64_t value = 0;
      for (size_t size; t.lazy.size() < 3 && (size = decode_varint(packed, &value)) != 0;) {
        t.lazy.push_back(value);
        packed = packed.subspan(size);
      }
    } else if (field.number > kLastKnownField) {
      found->unknown = true;
    }
    return {};
  }));
  if (t.dtype == DType::kResource || t.dtype == DType::kVariant) found->unknown = true;
  if (!known_dtype(t.dtype)) return corrupt(cat("a tensor has dtype ", dtype_name(t.dtype)));
  WHITTLE_ASSIGN(Shape dims, shape(t.shape, found));
  if (!dims.fully_defined()) return corrupt(cat("a tensor has the shape ", dims.to_string()));
  WHITTLE_ASSIGN(const uint64_t elements, dims.elements());
  if (t.dtype == DType::kString) return string_tensor(t, std::move(dims), elements);
  if (byte_width(t.dtype) == 0) return unsupported(cat("a tensor of ", dtype_name(t.dtype)));
  WHITTLE_ASSIGN(const uint64_t bytes, byte_size(t.dtype, dims));
  if (elements == 0) {
    WHITTLE_ASSIGN(Tensor empty, Tensor::make(t.dtype, std::move(dims)));
    return TensorRef::owned(std::move(empty));
  }
  if (!t.lazy.empty() || !t.content.empty()) return content_tensor(t, std::move(dims), bytes);
  return typed_tensor(t, std::move(dims), bytes);
}

Result<TensorRef> ValueDecoder::content_tensor(const TensorFields& t, Shape shape,
                                               uint64_t bytes) const {
  LazyContent content;
  const bool lazy = t.content.empty();
  if (lazy) {
    if (t.lazy.size() == 2) content = {t.lazy[0], t.lazy[1]};
    if (t.lazy.size() != 2 || !contents_.has(content)) {
      return corrupt("a tensor names bytes that are not its own");
    }
  } else if (!t.lazy.empty()) {
    return corrupt("a tensor has two contents");
  }
  const uint64_t length = lazy ? content.length : t.content.size();
  if (length != bytes) {
    return corrupt(cat("tensor_content has ", length, " bytes; ", dtype_name(t.dtype),
                       shape.to_string(), " takes ", bytes));
  }
  if (lazy) {
    return TensorRef::file(t.dtype, std::move(shape),
                           {FilePiece{{contents_.file(), content.offset, length}}}, std::nullopt,
                           false);
  }
  WHITTLE_ASSIGN(std::shared_ptr<Buffer> buffer, Buffer::copy_of(as_bytes(t.content)));
  return TensorRef::owned(Tensor(t.dtype, std::move(shape), std::move(buffer)));
}

Result<TensorRef> ValueDecoder::typed_tensor(const TensorFields& t, Shape shape,
                                             uint64_t bytes) const {
  const uint64_t width = byte_width(t.dtype);
  TypedValues values(t.dtype, bytes);
  WHITTLE_CHECK(for_each_field(t.proto, [&](const WireField& field) -> Status {
    return field.number == typed_field(t.dtype) ? values.add(field) : Status();
  }));
  std::vector<uint8_t> stored = values.take();
  if (stored.size() <= width && (bytes > kOwnedSplat || !spend(bytes))) {
    stored.resize(static_cast<size_t>(width));  // no value at all is zero
    return TensorRef::splat(t.dtype, std::move(shape), std::move(stored));
  }
  if (stored.size() > width && stored.size() < bytes && !spend(bytes - stored.size())) {
    return over_limit(cat("a tensor repeats its last value over ", human_bytes(bytes)));
  }
  WHITTLE_ASSIGN(Tensor tensor, Tensor::make(t.dtype, std::move(shape)));
  uint8_t* out = tensor.mutable_bytes();
  if (!stored.empty()) {
    std::memcpy(out, stored.data(), stored.size());
    for (uint64_t at = stored.size(); at < bytes; at += width) {
      std::memcpy(out + at, out + at - width, width);
    }
  }
  return TensorRef::owned(std::move(tensor));
}

Result<TensorRef> ValueDecoder::string_tensor(const TensorFields& t, Shape shape,
                                              uint64_t elements) const {
  if (!t.lazy.empty()) {
    return over_limit("a tensor of strings has a tensor_content of 16 KiB or more");
  }
  std::vector<std::string> strings;
  if (elements != 0 && !t.content.empty()) {
    WHITTLE_ASSIGN(strings, content_strings(t.content, elements));
    return TensorRef::owned(Tensor(std::move(shape), std::move(strings)));
  }
  WHITTLE_ASSIGN(std::vector<std::string_view> stored, bytes_fields(t.proto, 8));
  if (stored.size() > elements) stored.resize(static_cast<size_t>(elements));
  std::string last(stored.empty() ? std::string_view() : stored.back());
  uint64_t fill = 0;
  if (mul_overflows(elements - stored.size(), kStringCost + last.size(), &fill)) fill = UINT64_MAX;
  if (stored.size() <= 1 && (fill > kOwnedSplat || !spend(fill))) {
    return TensorRef::splat_string(std::move(shape), std::move(last));
  }
  if (stored.size() > 1 && !spend(fill))
    return over_limit("a tensor repeats its last string too often");
  strings.reserve(static_cast<size_t>(elements));
  strings.assign(stored.begin(), stored.end());
  strings.resize(static_cast<size_t>(elements), last);
  return TensorRef::owned(Tensor(std::move(shape), std::move(strings)));
}

}  // namespace whittle::format
