#include "decode.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

// protobuf itself stops at 100 nested messages; a func inside a func takes three of them.

bool has_unknown(const pb::TensorShape& shape) {
  if (!shape.unknown_fields().empty()) return true;
  for (const pb::TensorShape::Dim& dim : shape.dim()) {
    if (!dim.unknown_fields().empty()) return true;
  }
  return false;
}

bool is_opaque(const pb::Tensor& tensor) {
  const auto dtype = static_cast<DType>(tensor.dtype());
  return dtype == DType::kResource || dtype == DType::kVariant ||
         !tensor.unknown_fields().empty() || has_unknown(tensor.tensor_shape());
}

bool is_opaque(const pb::AttrValue& value);

bool is_opaque(const pb::NameAttrList& func) {
  if (!func.unknown_fields().empty()) return true;
  for (const pb::AttrEntry& entry : func.attr()) {
    if (!entry.unknown_fields().empty() || is_opaque(entry.value())) return true;
  }
  return false;
}

// Whether any part of the value would be lost by decoding it.
bool is_opaque(const pb::AttrValue& value) {
  if (!value.unknown_fields().empty()) return true;
  if (value.has_shape()) return has_unknown(value.shape());
  if (value.has_tensor()) return is_opaque(value.tensor());
  if (value.has_func()) return is_opaque(value.func());
  if (!value.has_list()) return false;
  const pb::AttrValue::ListValue& list = value.list();
  if (!list.unknown_fields().empty()) return true;
  for (const pb::TensorShape& shape : list.shape()) {
    if (has_unknown(shape)) return true;
  }
  for (const pb::Tensor& tensor : list.tensor()) {
    if (is_opaque(tensor)) return true;
  }
  for (const pb::NameAttrList& func : list.func()) {
    if (is_opaque(func)) return true;
  }
  return false;
}

bool has_lazy(const pb::AttrValue& value) {
  if (value.has_tensor()) return value.tensor().lazy_content_size() != 0;
  if (value.has_func()) {
    for (const pb::AttrEntry& entry : value.func().attr()) {
      if (has_lazy(entry.value())) return true;
    }
  }
  if (!value.has_list()) return false;
  for (const pb::Tensor& tensor : value.list().tensor()) {
    if (tensor.lazy_content_size() != 0) return true;
  }
  return false;
}

}  // namespace

Result<AttrValue> ValueDecoder::attr(const pb::AttrValue& proto) const {
  if (is_opaque(proto)) {
    if (has_lazy(proto))
      return unsupported("a large constant has fields that Whittle does not know");
    return AttrValue::raw(proto.SerializeAsString());
  }
  switch (proto.value_case()) {
    case pb::AttrValue::kS: return AttrValue::string(proto.s());
    case pb::AttrValue::kI: return AttrValue::integer(proto.i());
    case pb::AttrValue::kF: return AttrValue::real(proto.f());
    case pb::AttrValue::kB: return AttrValue::boolean(proto.b());
    case pb::AttrValue::kType: return AttrValue::type(static_cast<DType>(proto.type()));
    case pb::AttrValue::kPlaceholder: return AttrValue::placeholder(proto.placeholder());
    case pb::AttrValue::kShape: {
      WHITTLE_ASSIGN(Shape s, shape(proto.shape()));
      return AttrValue::shape(std::move(s));
    }
    case pb::AttrValue::kTensor: {
      WHITTLE_ASSIGN(TensorRef t, tensor(proto.tensor()));
      return AttrValue::tensor(std::move(t));
    }
    case pb::AttrValue::kFunc: {
      WHITTLE_ASSIGN(FuncRef f, func(proto.func()));
      return AttrValue::func(std::move(f));
    }
    case pb::AttrValue::kList: {
      WHITTLE_ASSIGN(AttrList l, list(proto.list()));
      return AttrValue::list(std::move(l));
    }
    case pb::AttrValue::VALUE_NOT_SET: break;
  }
  return AttrValue();
}

Result<FuncRef> ValueDecoder::func(const pb::NameAttrList& proto) const {
  FuncRef out;
  out.name = proto.name();
  WHITTLE_ASSIGN(out.attrs, attrs(proto.attr()));
  return out;
}

Result<AttrList> ValueDecoder::list(const pb::AttrValue::ListValue& proto) const {
  AttrList out;
  out.strings.assign(proto.s().begin(), proto.s().end());
  out.ints.assign(proto.i().begin(), proto.i().end());
  out.floats.assign(proto.f().begin(), proto.f().end());
  out.bools.assign(proto.b().begin(), proto.b().end());
  for (const int32_t type : proto.type()) out.types.push_back(static_cast<DType>(type));
  for (const pb::TensorShape& item : proto.shape()) {
    WHITTLE_ASSIGN(Shape s, shape(item));
    out.shapes.push_back(std::move(s));
  }
  for (const pb::Tensor& item : proto.tensor()) {
    WHITTLE_ASSIGN(TensorRef t, tensor(item));
    out.tensors.push_back(std::move(t));
  }
  for (const pb::NameAttrList& item : proto.func()) {
    WHITTLE_ASSIGN(FuncRef f, func(item));
    out.funcs.push_back(std::move(f));
  }
  return out;
}

Status ValueDecoder::add(const pb::AttrEntry& entry, AttrMap* map) const {
  const std::string place = cat("attribute ", printable(entry.key()));
  if (entry.key().empty()) return corrupt("an attribute has no name");
  if (map->has(entry.key())) return corrupt("it is there twice").in(place);
  WHITTLE_ASSIGN_IN(AttrValue value, attr(entry.value()), place);
  if (value.kind() != AttrValue::Kind::kNone) map->set(entry.key(), std::move(value));
  return {};
}

namespace {

// `node:arg:0` must be one way to read it.
bool is_arg_name(std::string_view name) {
  return name.find(':') == std::string_view::npos && name.substr(0, 1) != "^" &&
         is_valid_utf8(name);
}

Result<std::vector<ArgSpec>> decode_args(
    const google::protobuf::RepeatedPtrField<pb::OpDef::ArgDef>& protos) {
  std::vector<ArgSpec> out;
  for (const pb::OpDef::ArgDef& proto : protos) {
    if (!is_arg_name(proto.name())) {
      return corrupt("the name has characters that TensorFlow does not allow")
          .in(cat("argument ", printable(proto.name())));
    }
    ArgSpec arg;
    arg.name = proto.name();
    arg.fixed_type = static_cast<DType>(proto.type());
    arg.type_attr = proto.type_attr();
    arg.number_attr = proto.number_attr();
    arg.type_list_attr = proto.type_list_attr();
    arg.is_ref = proto.is_ref();
    out.push_back(arg);
  }
  return out;
}

}  // namespace

Result<OpSpec> decode_op_def(const pb::OpDef& proto, const ValueDecoder& values) {
  OpSpec spec;
  spec.name = proto.name();
  WHITTLE_ASSIGN(spec.inputs, decode_args(proto.input_arg()));
  WHITTLE_ASSIGN(spec.outputs, decode_args(proto.output_arg()));
  for (const pb::OpDef::AttrDef& attr : proto.attr()) {
    AttrSpec out;
    out.name = attr.name();
    out.type = attr.type();
    if (attr.has_default_value()) {
      WHITTLE_ASSIGN_IN(AttrValue value, values.attr(attr.default_value()),
                        cat("attribute ", printable(attr.name())));
      out.has_default = value.kind() != AttrValue::Kind::kNone;
      if (out.has_default) out.default_value = std::make_shared<const AttrValue>(std::move(value));
    }
    spec.attrs.push_back(std::move(out));
  }
  spec.is_stateful = proto.is_stateful();
  spec.is_commutative = proto.is_commutative();
  return spec;
}

}  // namespace whittle::format
