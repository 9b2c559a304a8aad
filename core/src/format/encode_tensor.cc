#include <algorithm>
#include <cstring>

#include "encode.h"
#include "skeleton.h"
#include "whittle/math.h"

namespace whittle::format {
namespace {

constexpr uint64_t kMinRun =
    64;  // elements from which on a trailing run is looked for, as Grappler does

// The typed field of a dtype (formats.md §1.8).
uint32_t typed_field(DType dtype) {
  switch (dtype) {
    case DType::kFloat: return 5;
    case DType::kDouble: return 6;
    case DType::kComplex64: return 9;
    case DType::kInt64: return 10;
    case DType::kBool: return 11;
    case DType::kComplex128: return 12;
    case DType::kHalf:
    case DType::kBfloat16: return 13;
    case DType::kUint32: return 16;
    case DType::kUint64: return 17;
    case DType::kFloat8E5m2:
    case DType::kFloat8E4m3fn:
    case DType::kFloat8E4m3fnuz:
    case DType::kFloat8E4m3b11fnuz:
    case DType::kFloat8E5m2fnuz: return 18;
    default: return 7;
  }
}

bool is_signed(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kQint8:
    case DType::kQint16:
    case DType::kQint32:
    case DType::kInt4:
    case DType::kInt2: return true;
    default: return false;
  }
}

template <class T>
T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// One element as the varint that its typed field holds.
uint64_t varint_of(DType dtype, const uint8_t* at) {
  switch (byte_width(dtype)) {
    case 1:
      return dtype == DType::kBool ? *at != 0
             : is_signed(dtype)    ? static_cast<uint64_t>(int64_t{static_cast<int8_t>(*at)})
                                   : *at;
    case 2:
      return is_signed(dtype) ? static_cast<uint64_t>(int64_t{load<int16_t>(at)})
                              : load<uint16_t>(at);
    case 4:
      return is_signed(dtype) ? static_cast<uint64_t>(int64_t{load<int32_t>(at)})
                              : load<uint32_t>(at);
    default: return load<uint64_t>(at);
  }
}

// `count` elements as the packed content of their typed field.
std::string typed_values(DType dtype, std::span<const uint8_t> elements) {
  const uint32_t field = typed_field(dtype);
  const bool raw = field == 5 || field == 6 || field == 9 || field == 12 || field == 18;
  std::string out;
  if (raw) {
    out.assign(reinterpret_cast<const char*>(elements.data()), elements.size());
    return out;
  }
  const size_t width = byte_width(dtype);
  for (size_t at = 0; at < elements.size(); at += width)
    append_varint(out, varint_of(dtype, elements.data() + at));
  return out;
}

// Elements to keep so that repeating the last of them gives the rest.
uint64_t elements_before_run(std::span<const uint8_t> bytes, size_t width) {
  size_t end = bytes.size();
  while (end >= 2 * width &&
         std::memcmp(bytes.data() + end - width, bytes.data() + end - 2 * width, width) == 0) {
    end -= width;
  }
  return end / width;
}

bool all_zero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

void write_typed(DType dtype, std::span<const uint8_t> elements, Pieces* out) {
  WireWriter fields;
  fields.bytes(typed_field(dtype), typed_values(dtype, elements));
  out->literal(fields.data());
}

// Values of a fixed-size dtype that are in memory.
void write_owned(const TensorRef& ref, DType dtype, std::span<const uint8_t> bytes,
                 std::string_view name, Pieces* out) {
  const size_t width = byte_width(dtype);
  const bool narrow = width <= 2;
  const uint64_t elements = bytes.size() / width;
  const uint64_t kept = elements_before_run(bytes, width);
  const std::span<const uint8_t> head = bytes.first(static_cast<size_t>(kept * width));
  if (kept == 1 && all_zero(head)) return;
  if (kept == 1 && (elements > 1 || !narrow)) return write_typed(dtype, head, out);
  const bool large = bytes.size() >= kLargeContent;
  if (!large && !narrow && elements >= kMinRun && byte_width(dtype) != 16 &&
      head.size() * 2 <= bytes.size()) {
    WireWriter fields;
    fields.bytes(typed_field(dtype), typed_values(dtype, head));
    if (fields.data().size() * 2 <= bytes.size()) return out->literal(fields.data());
  }
  out->header(4, bytes.size());
  if (large) {
    out->tensor(ref, bytes.size(), name);
  } else {
    out->literal({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

// Never without a value: Python reads that as text instead of bytes.
void write_strings(const std::vector<std::string>& strings, Pieces* out) {
  const bool equal = std::all_of(strings.begin(), strings.end(),
                                 [&](const std::string& s) { return s == strings[0]; });
  WireWriter fields;
  for (size_t i = 0; i < (equal ? 1 : strings.size()); ++i) fields.bytes(8, strings[i]);
  out->literal(fields.data());
}

bool only_reshapes(const TensorRef& ref) {
  return std::all_of(ref.steps().begin(), ref.steps().end(),
                     [](const Step& step) { return step.kind == StepKind::kReshape; });
}

}  // namespace

std::string encode_shape(const Shape& shape) {
  WireWriter out;
  for (const int64_t dim : shape.dims) {
    WireWriter size;
    if (dim != 0) size.int64(1, dim);
    out.bytes(2, size.data());
  }
  if (shape.unknown_rank) out.varint(3, 1);
  return out.take();
}

// Small tensors that are not in memory as they will be written.
bool ValueEncoder::must_load(const TensorRef& ref) const {
  return options_.load_small && ref.byte_size() < kLargeContent && ref.dtype() != DType::kString &&
         (ref.kind() == TensorRef::Kind::kFile || !only_reshapes(ref));
}

Result<Pieces> ValueEncoder::tensor(const TensorRef& ref, std::string_view name) const {
  if (must_load(ref)) {
    WHITTLE_ASSIGN(Tensor loaded, options_.load_small(ref));
    return tensor(TensorRef::owned(std::move(loaded)), name);
  }
  Pieces out;
  WireWriter head;
  head.varint(1, static_cast<uint64_t>(ref.dtype()));
  head.bytes(2, encode_shape(ref.shape()));
  out.literal(head.data());
  if (ref.elements() == 0) return out;

  const bool plain = only_reshapes(ref);
  if (ref.dtype() == DType::kString) {
    if (ref.kind() == TensorRef::Kind::kSplat) {
      write_strings({ref.splat_text()}, &out);
    } else {
      write_strings(ref.tensor().strings(), &out);
    }
  } else if (ref.kind() == TensorRef::Kind::kSplat && plain) {
    const std::vector<uint8_t>& element = ref.splat_element();
    if (ref.elements() == 1) {
      write_owned(ref, ref.dtype(), element, name, &out);
    } else if (!all_zero(element)) {
      write_typed(ref.dtype(), element, &out);
    }
  } else if (ref.kind() == TensorRef::Kind::kOwned && plain) {
    write_owned(ref, ref.dtype(), ref.tensor().bytes(), name, &out);
  } else {
    out.header(4, ref.byte_size());
    out.tensor(ref, ref.byte_size(), name);
  }
  return out;
}

void ValueEncoder::want(const AttrValue& value) const {
  if (!options_.want_small) return;
  if (value.kind() == AttrValue::Kind::kTensor && must_load(value.tensor()))
    options_.want_small(value.tensor());
  if (value.kind() != AttrValue::Kind::kList) return;
  for (const TensorRef& ref : value.list().tensors) {
    if (must_load(ref)) options_.want_small(ref);
  }
}

}  // namespace whittle::format
