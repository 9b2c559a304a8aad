#include "whittle/op_registry.h"

#include <algorithm>
#include <cstring>

#include "op_table.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// GraphDef producer of the release each op list was taken from: versions.producer of models saved
// by 2.4.1, 2.12.0 and 2.21.0.
constexpr int32_t kProducerOfList[] = {0, 561, 1395, 2474};

template <class Specs>
Status check_names(const Specs& specs, std::string_view op, std::string_view what) {
  if (specs.size() > kMaxOpArgs) {
    return over_limit(
        cat("op ", printable(op), " has ", specs.size(), " ", what, "s, more than ", kMaxOpArgs));
  }
  std::vector<std::string_view> names;
  names.reserve(specs.size());
  for (const auto& spec : specs) names.push_back(spec.name);
  std::sort(names.begin(), names.end());
  if (!names.empty() && names.front().empty()) {
    return corrupt(cat("op ", printable(op), " has an ", what, " without a name"));
  }
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return {};
  return corrupt(cat("op ", printable(op), " has two ", what, "s named ", printable(*twice)));
}

bool has_attr_of_type(const OpSpec& spec, std::string_view attr, std::string_view type) {
  const AttrSpec* found = spec.find_attr(attr);
  return found != nullptr && found->type == type;
}

Status check_arg(const OpSpec& spec, const ArgSpec& arg) {
  const int types =
      (arg.fixed_type != DType::kInvalid) + !arg.type_attr.empty() + !arg.type_list_attr.empty();
  const bool fits =
      types == 1 && (arg.type_attr.empty() || has_attr_of_type(spec, arg.type_attr, "type")) &&
      (arg.number_attr.empty() ||
       (arg.type_list_attr.empty() && has_attr_of_type(spec, arg.number_attr, "int"))) &&
      (arg.type_list_attr.empty() || has_attr_of_type(spec, arg.type_list_attr, "list(type)"));
  if (fits) return {};
  return corrupt(cat("argument ", printable(arg.name), " of op ", printable(spec.name),
                     " has no usable dtype or count"));
}

Status check_spec(const OpSpec& spec) {
  if (spec.name.empty()) return corrupt("an op without a name");
  WHITTLE_CHECK(check_names(spec.attrs, spec.name, "attribute"));
  WHITTLE_CHECK(check_names(spec.inputs, spec.name, "input"));
  WHITTLE_CHECK(check_names(spec.outputs, spec.name, "output"));
  for (const ArgSpec& arg : spec.inputs) WHITTLE_CHECK(check_arg(spec, arg));
  for (const ArgSpec& arg : spec.outputs) WHITTLE_CHECK(check_arg(spec, arg));
  return {};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace

int op_list_of_producer(int32_t producer) {
  int list = 3;
  while (list > 0 && producer < kProducerOfList[list]) --list;
  return list;
}

const AttrSpec* OpSpec::find_attr(std::string_view attr) const {
  for (const AttrSpec& spec : attrs) {
    if (spec.name == attr) return &spec;
  }
  return nullptr;
}

const OpRegistry& OpRegistry::builtin() {
  static const OpRegistry registry{Builtin{}};
  return registry;
}

OpRegistry::OpRegistry(Builtin) : is_builtin_(true), specs_(decode_op_table()) {
  by_name_.reserve(specs_.size());
  for (const OpSpec& spec : specs_) by_name_.emplace(spec.name, &spec);
}

const OpSpec* OpRegistry::find(std::string_view op) const {
  if (!is_builtin_) {
    if (const OpSpec* spec = builtin().find(op)) return spec;
  }
  const auto it = by_name_.find(op);
  return it == by_name_.end() ? nullptr : it->second;
}

Status OpRegistry::add(const OpSpec& spec) {
  WHITTLE_CHECK(check_spec(spec));
  if (find(spec.name) != nullptr) return {};
  const auto keep = [this](std::string_view& text) {
    if (!text.empty()) text = texts_.emplace_back(text);
  };
  OpSpec& own = specs_.emplace_back(spec);
  keep(own.name);
  for (std::vector<ArgSpec>* args : {&own.inputs, &own.outputs}) {
    for (ArgSpec& arg : *args) {
      keep(arg.name);
      keep(arg.type_attr);
      keep(arg.number_attr);
      keep(arg.type_list_attr);
    }
  }
  for (AttrSpec& attr : own.attrs) {
    keep(attr.name);
    keep(attr.type);
    keep(attr.default_text);
  }
  by_name_.emplace(own.name, &own);
  return {};
}

AttrValue default_of(const AttrSpec& attr) {
  if (!attr.has_default) return {};
  if (attr.default_value != nullptr) return *attr.default_value;
  return parse_default(attr.type, attr.default_text);
}

bool is_default_attr(const OpSpec& spec, std::string_view attr, const AttrValue& value) {
  const AttrSpec* found = spec.find_attr(attr);
  if (found == nullptr || !found->has_default) return false;
  const AttrValue standard = default_of(*found);
  if (value.kind() != standard.kind()) return false;
  if (value.kind() == AttrValue::Kind::kFloat) {  // -0 is not 0, a NaN is itself
    return same_bits({value.f()}, {standard.f()});
  }
  if (value.kind() == AttrValue::Kind::kList) {
    const AttrList& a = value.list();
    const AttrList& b = standard.list();
    if (!a.floats.empty() || !b.floats.empty()) {
      return a.size() == a.floats.size() && b.size() == b.floats.size() &&
             same_bits(a.floats, b.floats);
    }
  }
  return value == standard;
}

}  // namespace whittle
