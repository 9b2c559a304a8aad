// Counts, dtypes and port numbers of a node: its op's arguments laid out by its attributes.
#include "whittle/op_registry.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// The node's value of an attribute, else the op's default.
Result<AttrValue> attr_of(const OpSpec& spec, const AttrMap& attrs, std::string_view name,
                          AttrValue::Kind kind) {
  const AttrValue* given = attrs.find(name);
  const AttrSpec* declared = given == nullptr ? spec.find_attr(name) : nullptr;
  AttrValue value;
  if (given != nullptr) {
    value = *given;
  } else if (declared != nullptr) {
    value = default_of(*declared);
  }
  if (value.kind() == kind) return value;
  std::string_view problem = " is of another kind than the op's";
  if (value.kind() == AttrValue::Kind::kNone) problem = " is missing";
  if (value.kind() == AttrValue::Kind::kPlaceholder) problem = " is still a placeholder";
  return invalid_argument(
      cat("attribute ", printable(name), " of op ", printable(spec.name), problem));
}

// How many tensors the argument stands for.
Result<int> count_of(const OpSpec& spec, const AttrMap& attrs, const ArgSpec& arg) {
  uint64_t count = 1;
  if (!arg.type_list_attr.empty()) {
    WHITTLE_ASSIGN(const AttrValue value,
                   attr_of(spec, attrs, arg.type_list_attr, AttrValue::Kind::kList));
    count = value.list().types.size();
    if (count != value.list().size()) {
      return invalid_argument(cat("attribute ", printable(arg.type_list_attr), " of op ",
                                  printable(spec.name), " is not a list of types"));
    }
  } else if (!arg.number_attr.empty()) {
    WHITTLE_ASSIGN(const AttrValue value,
                   attr_of(spec, attrs, arg.number_attr, AttrValue::Kind::kInt));
    if (value.i() < 0) {
      return invalid_argument(cat("attribute ", printable(arg.number_attr), " of op ",
                                  printable(spec.name), " is negative (", value.i(), ")"));
    }
    count = static_cast<uint64_t>(value.i());
  }
  if (count > kMaxPorts) {
    return invalid_argument(cat("argument ", printable(arg.name), " of op ", printable(spec.name),
                                " would be ", count, " tensors, more than ", kMaxPorts));
  }
  return static_cast<int>(count);
}

// Calls visit(arg, count, first port) until it answers true; gives the number of ports before that.
template <class Visit>
Result<int> walk(const OpSpec& spec, const AttrMap& attrs, const std::vector<ArgSpec>& args,
                 const Visit& visit) {
  int port = 0;
  for (const ArgSpec& arg : args) {
    WHITTLE_ASSIGN(const int count, count_of(spec, attrs, arg));
    if (visit(arg, count, port)) break;
    port += count;
    if (port > kMaxPorts) {
      return invalid_argument(cat("op ", printable(spec.name), " would have more than ", kMaxPorts,
                                  " inputs or outputs"));
    }
  }
  return port;
}

Result<int> count_all(const OpSpec& spec, const AttrMap& attrs, const std::vector<ArgSpec>& args) {
  return walk(spec, attrs, args, [](const ArgSpec&, int, int) { return false; });
}

Result<std::vector<DType>> dtypes(const OpSpec& spec, const AttrMap& attrs,
                                  const std::vector<ArgSpec>& args) {
  WHITTLE_CHECK(count_all(spec, attrs, args));  // before anything is allocated
  std::vector<DType> out;
  for (const ArgSpec& arg : args) {
    const size_t first = out.size();
    if (!arg.type_list_attr.empty()) {
      WHITTLE_ASSIGN(const AttrValue value,
                     attr_of(spec, attrs, arg.type_list_attr, AttrValue::Kind::kList));
      out.insert(out.end(), value.list().types.begin(), value.list().types.end());
    } else {
      DType type = arg.fixed_type;
      if (!arg.type_attr.empty()) {
        WHITTLE_ASSIGN(const AttrValue value,
                       attr_of(spec, attrs, arg.type_attr, AttrValue::Kind::kType));
        type = value.type();
      }
      WHITTLE_ASSIGN(const int count, count_of(spec, attrs, arg));
      out.insert(out.end(), static_cast<size_t>(count), type);
    }
    for (size_t i = first; i < out.size(); ++i) {
      if (out[i] == DType::kInvalid) {
        return invalid_argument(
            cat("argument ", printable(arg.name), " of op ", printable(spec.name), " has dtype 0"));
      }
      if (arg.is_ref) out[i] = ref_dtype(out[i]);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<DType>> input_dtypes(const OpSpec& spec, const AttrMap& attrs) {
  return dtypes(spec, attrs, spec.inputs);
}

Result<std::vector<DType>> output_dtypes(const OpSpec& spec, const AttrMap& attrs) {
  return dtypes(spec, attrs, spec.outputs);
}

Result<int> input_count(const OpSpec& spec, const AttrMap& attrs) {
  return count_all(spec, attrs, spec.inputs);
}

Result<int> output_count(const OpSpec& spec, const AttrMap& attrs) {
  return count_all(spec, attrs, spec.outputs);
}

Result<int> flat_port(const OpSpec& spec, const AttrMap& attrs, std::string_view out_arg,
                      int index) {
  bool found = false;
  bool inside = false;
  WHITTLE_ASSIGN(const int first,
                 walk(spec, attrs, spec.outputs, [&](const ArgSpec& arg, int count, int) {
                   found = arg.name == out_arg;
                   inside = found && index >= 0 && index < count;
                   return found;
                 }));
  if (inside) return first + index;
  return invalid_argument(cat("op ", printable(spec.name), " has no output ", printable(out_arg),
                              found ? cat(":", index) : std::string()));
}

Result<std::pair<std::string_view, int>> named_port(const OpSpec& spec, const AttrMap& attrs,
                                                    int port) {
  std::pair<std::string_view, int> out{{}, -1};
  if (port >= 0) {
    WHITTLE_CHECK(walk(spec, attrs, spec.outputs, [&](const ArgSpec& arg, int count, int first) {
      if (port >= first + count) return false;
      out = {arg.name, port - first};
      return true;
    }));
  }
  if (out.second >= 0) return out;
  return invalid_argument(cat("op ", printable(spec.name), " has no output ", port));
}

}  // namespace whittle
