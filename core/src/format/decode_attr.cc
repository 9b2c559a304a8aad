#include <cstring>

#include "decode.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

constexpr int kMaxDepth =
    30;  // functions within functions' attributes; TensorFlow's own limit is 33

// The numbers of a repeated field, one by one or packed; `unit` bytes each, 0 for varints.
template <class Add>
Status numbers(const WireField& field, size_t unit, const Add& add) {
  if (field.type != WireType::kBytes) {
    add(field);
    return {};
  }
  WireField one;
  std::span<const uint8_t> packed = field.bytes;
  while (!packed.empty()) {
    size_t size = unit;
    if (unit == 0) {
      size = decode_varint(packed, &one.value);
    } else if (packed.size() >= unit) {
      one.value = 0;
      std::memcpy(&one.value, packed.data(), unit);
    }
    if (size == 0 || size > packed.size()) return corrupt("a list ends in the middle of a number");
    add(one);
    packed = packed.subspan(size);
  }
  return {};
}

// Of the members of AttrValue.
WireType member_type(uint32_t number) {
  if (number == 4) return WireType::kFixed32;
  return number == 3 || number == 5 || number == 6 ? WireType::kVarint : WireType::kBytes;
}

}  // namespace

Result<AttrValue> ValueDecoder::attr(std::string_view proto) const {
  Found found;
  Result<AttrValue> value = attr(proto, &found);
  if (!found.unknown) return value;
  if (found.lazy) return unsupported("a large constant has fields that Whittle does not know");
  return AttrValue::raw(std::string(proto));
}

Result<AttrValue> ValueDecoder::attr(std::string_view proto, Found* found) const {
  AttrValue out;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    const std::string_view text = field.text();
    switch (field.type == member_type(field.number) ? field.number : 0) {
      case 1: {
        WHITTLE_ASSIGN(AttrList l, list(text, found));
        out = AttrValue::list(std::move(l));
        return {};
      }
      case 2: out = AttrValue::string(std::string(text)); return {};
      case 3: out = AttrValue::integer(field.i64()); return {};
      case 4: out = AttrValue::real(field.f32()); return {};
      case 5: out = AttrValue::boolean(field.flag()); return {};
      case 6: out = AttrValue::type(static_cast<DType>(field.i32())); return {};
      case 7: {
        WHITTLE_ASSIGN(Shape s, shape(text, found));
        out = AttrValue::shape(std::move(s));
        return {};
      }
      case 8: {
        WHITTLE_ASSIGN(TensorRef t, tensor(text, found));
        out = AttrValue::tensor(std::move(t));
        return {};
      }
      case 9: out = AttrValue::placeholder(std::string(text)); return {};
      case 10: {
        WHITTLE_ASSIGN(FuncRef f, func(text, found));
        out = AttrValue::func(std::move(f));
        return {};
      }
      default: found->unknown = true; return {};
    }
  }));
  return out;
}

Result<FuncRef> ValueDecoder::func(std::string_view proto, Found* found) const {
  if (++found->depth > kMaxDepth)
    return over_limit("functions in attributes are nested too deeply");
  FuncRef out;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    if (field.is(2, WireType::kBytes)) return add_attr(field.text(), &out.attrs, found);
    if (field.is(1, WireType::kBytes)) {
      out.name = field.text();
    } else {
      found->unknown = true;
    }
    return {};
  }));
  --found->depth;
  return out;
}

Result<AttrList> ValueDecoder::list(std::string_view proto, Found* found) const {
  AttrList out;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    switch (field.number) {
      case 2: out.strings.emplace_back(field.text()); return {};
      case 3: return numbers(field, 0, [&](const WireField& f) { out.ints.push_back(f.i64()); });
      case 4: return numbers(field, 4, [&](const WireField& f) { out.floats.push_back(f.f32()); });
      case 5: return numbers(field, 0, [&](const WireField& f) { out.bools.push_back(f.flag()); });
      case 6:
        return numbers(field, 0, [&](const WireField& f) {
          out.types.push_back(static_cast<DType>(f.i32()));
        });
      case 7: {
        WHITTLE_ASSIGN(Shape s, shape(field.text(), found));
        out.shapes.push_back(std::move(s));
        return {};
      }
      case 8: {
        WHITTLE_ASSIGN(TensorRef t, tensor(field.text(), found));
        out.tensors.push_back(std::move(t));
        return {};
      }
      case 9: {
        WHITTLE_ASSIGN(FuncRef f, func(field.text(), found));
        out.funcs.push_back(std::move(f));
        return {};
      }
      default: found->unknown = true; return {};
    }
  }));
  return out;
}

Status ValueDecoder::add_attr(std::string_view entry, AttrMap* map) const {
  WHITTLE_ASSIGN(const MapEntry parts, map_entry(entry));
  if (parts.key.empty()) return corrupt("an attribute has no name");
  const auto place = [&] { return cat("attribute ", printable(parts.key)); };
  if (map->has(parts.key)) return corrupt("it is there twice").in(place());
  WHITTLE_ASSIGN_IN(AttrValue value, attr(parts.value), place());
  if (value.kind() != AttrValue::Kind::kNone) map->set(parts.key, std::move(value));
  return {};
}

// Within an attribute: what is unknown makes the whole of it raw.
Status ValueDecoder::add_attr(std::string_view entry, AttrMap* map, Found* found) const {
  WHITTLE_ASSIGN(const MapEntry parts, map_entry(entry));
  WHITTLE_ASSIGN(AttrValue value, attr(parts.value, found));
  if (parts.key.empty() || map->has(parts.key))
    return corrupt("an attribute of a function is there twice");
  if (value.kind() != AttrValue::Kind::kNone) map->set(parts.key, std::move(value));
  return {};
}

namespace {

// `node:arg:0` must be one way to read it.
bool is_arg_name(std::string_view name) {
  return name.find(':') == std::string_view::npos && name.substr(0, 1) != "^" &&
         is_valid_utf8(name);
}

Result<ArgSpec> decode_arg(std::string_view proto) {
  ArgSpec arg;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    switch (field.number) {
      case 1: arg.name = field.text(); break;
      case 3: arg.fixed_type = static_cast<DType>(field.i32()); break;
      case 4: arg.type_attr = field.text(); break;
      case 5: arg.number_attr = field.text(); break;
      case 6: arg.type_list_attr = field.text(); break;
      case 16: arg.is_ref = field.flag(); break;
      default: break;
    }
    return {};
  }));
  if (!is_arg_name(arg.name)) {
    return corrupt("the name has characters that TensorFlow does not allow")
        .in(cat("argument ", printable(arg.name)));
  }
  return arg;
}

Result<AttrSpec> decode_attr_def(std::string_view proto, const ValueDecoder& values) {
  AttrSpec attr;
  std::string_view default_value;
  bool has_default = false;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    if (field.is(1, WireType::kBytes)) attr.name = field.text();
    if (field.is(2, WireType::kBytes)) attr.type = field.text();
    if (field.is(3, WireType::kBytes)) {
      default_value = field.text();
      has_default = true;
    }
    return {};
  }));
  if (!has_default) return attr;
  WHITTLE_ASSIGN_IN(AttrValue value, values.attr(default_value),
                    cat("attribute ", printable(attr.name)));
  attr.has_default = value.kind() != AttrValue::Kind::kNone;
  if (attr.has_default) attr.default_value = std::make_shared<const AttrValue>(std::move(value));
  return attr;
}

}  // namespace

Result<OpSpec> decode_op_def(std::string_view proto, const ValueDecoder& values) {
  OpSpec spec;
  WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
    switch (field.number) {
      case 1: spec.name = field.text(); break;
      case 2:
      case 3: {
        WHITTLE_ASSIGN(const ArgSpec arg, decode_arg(field.text()));
        (field.number == 2 ? spec.inputs : spec.outputs).push_back(arg);
        break;
      }
      case 4: {
        WHITTLE_ASSIGN(AttrSpec attr, decode_attr_def(field.text(), values));
        spec.attrs.push_back(std::move(attr));
        break;
      }
      case 17: spec.is_stateful = field.flag(); break;
      case 18: spec.is_commutative = field.flag(); break;
      default: break;
    }
    return {};
  }));
  return spec;
}

}  // namespace whittle::format
