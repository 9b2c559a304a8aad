#include "encode.h"
#include "whittle/math.h"

namespace whittle::format {
namespace {

template <class Values, class Encode>
void packed(WireWriter* out, uint32_t field, const Values& values, const Encode& encode) {
  if (values.empty()) return;
  std::string content;
  for (const auto value : values) encode(content, value);
  out->bytes(field, content);
}

void append_fixed32(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

Result<Pieces> ValueEncoder::attr(const AttrValue& value, std::string_view name) const {
  Pieces out;
  WireWriter field;
  switch (value.kind()) {
    case AttrValue::Kind::kString: field.bytes(2, value.s()); break;
    case AttrValue::Kind::kInt: field.int64(3, value.i()); break;
    case AttrValue::Kind::kFloat: field.fixed32(4, bit_cast<uint32_t>(value.f())); break;
    case AttrValue::Kind::kBool: field.varint(5, value.b() ? 1 : 0); break;
    case AttrValue::Kind::kType: field.int64(6, static_cast<int64_t>(value.type())); break;
    case AttrValue::Kind::kShape: field.bytes(7, encode_shape(value.shape())); break;
    case AttrValue::Kind::kPlaceholder: field.bytes(9, value.s()); break;
    case AttrValue::Kind::kRaw: field.raw(value.s()); break;
    case AttrValue::Kind::kTensor: {
      WHITTLE_ASSIGN(Pieces nested, tensor(value.tensor(), name));
      out.nest(8, std::move(nested));
      return out;
    }
    case AttrValue::Kind::kFunc: {
      WHITTLE_ASSIGN(Pieces nested, func(value.func(), name));
      out.nest(10, std::move(nested));
      return out;
    }
    case AttrValue::Kind::kList: {
      WHITTLE_ASSIGN(Pieces nested, list(value.list(), name));
      out.nest(1, std::move(nested));
      return out;
    }
    case AttrValue::Kind::kNone: break;
  }
  out.literal(field.data());
  return out;
}

Result<Pieces> ValueEncoder::list(const AttrList& list, std::string_view name) const {
  Pieces out;
  WireWriter fields;
  for (const std::string& s : list.strings) fields.bytes(2, s);
  packed(&fields, 3, list.ints,
         [](std::string& to, int64_t v) { append_varint(to, static_cast<uint64_t>(v)); });
  packed(&fields, 4, list.floats,
         [](std::string& to, float v) { append_fixed32(to, bit_cast<uint32_t>(v)); });
  packed(&fields, 5, list.bools, [](std::string& to, bool v) { append_varint(to, v ? 1 : 0); });
  packed(&fields, 6, list.types, [](std::string& to, DType v) {
    append_varint(to, static_cast<uint64_t>(static_cast<int64_t>(v)));
  });
  for (const Shape& shape : list.shapes) fields.bytes(7, encode_shape(shape));
  out.literal(fields.data());
  for (const TensorRef& ref : list.tensors) {
    WHITTLE_ASSIGN(Pieces nested, tensor(ref, name));
    out.nest(8, std::move(nested));
  }
  for (const FuncRef& f : list.funcs) {
    WHITTLE_ASSIGN(Pieces nested, func(f, name));
    out.nest(9, std::move(nested));
  }
  return out;
}

Result<Pieces> ValueEncoder::func(const FuncRef& func, std::string_view name) const {
  Pieces out;
  WireWriter fields;
  if (!func.name.empty()) fields.bytes(1, func.name);
  out.literal(fields.data());
  WHITTLE_CHECK(attrs(func.attrs, 2, name, &out));
  return out;
}

Status ValueEncoder::attrs(const AttrMap& map, uint32_t field, std::string_view name,
                           Pieces* out) const {
  for (const Attr& item : map) WHITTLE_CHECK(entry(item.name, item.value, field, name, out));
  return {};
}

Status ValueEncoder::entry(std::string_view key, const AttrValue& value, uint32_t field,
                           std::string_view name, Pieces* out) const {
  if (value.kind() == AttrValue::Kind::kNone) return {};
  WHITTLE_ASSIGN(Pieces content, attr(value, name));
  Pieces nested;
  WireWriter head;
  head.bytes(1, key);
  nested.literal(head.data());
  nested.nest(2, std::move(content));
  out->nest(field, std::move(nested));
  return {};
}

}  // namespace whittle::format
