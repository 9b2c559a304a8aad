// state_objects.h: what stands behind handles: lists, arrays, tables, variables.
#ifndef WHITTLE_EVAL_STATE_OBJECTS_H_
#define WHITTLE_EVAL_STATE_OBJECTS_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "value.h"

namespace whittle::eval {

// A TensorList is a value: an op that changes it works on a copy unless nobody else holds it.
class ListObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kList;
  static constexpr std::string_view kName = "TensorList";
  Kind kind() const override { return kKind; }

  DType dtype = DType::kInvalid;
  Shape element_shape = Shape::unknown();
  int64_t max_elements = -1;
  std::vector<Value> elements;  // not live where nothing was set yet
};

// A TensorArray is shared by all its handles; flow values order the accesses.
class ArrayObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kArray;
  static constexpr std::string_view kName = "TensorArray";
  Kind kind() const override { return kKind; }

  DType dtype = DType::kInvalid;
  Shape element_shape = Shape::unknown();
  bool dynamic_size = false, clear_after_read = true;
  std::vector<Tensor> elements;  // kInvalid dtype where nothing was written
};

class TableObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kTable;
  static constexpr std::string_view kName = "lookup table";
  Kind kind() const override { return kKind; }

  DType key_dtype = DType::kInvalid, value_dtype = DType::kInvalid;
  Dims key_dims, value_dims;  // of one key and one value; empty for scalars
  bool is_mutable = false, initialized = false;
  // Keys and values as bytes (strings as they are), in order of insertion.
  std::vector<std::string> keys, values;
  std::unordered_map<std::string, size_t> places;
};

class VariableObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kVariable;
  static constexpr std::string_view kName = "variable";
  Kind kind() const override { return kKind; }

  DType dtype = DType::kInvalid;
  std::string name;
  Tensor value;         // kInvalid dtype before the first assignment
  TensorRef stored;     // read until then; may be empty
  bool is_ref = false;  // readers of the handle see the value
};

// The name under which a resource op's object is kept.
std::string resource_name(const Node& node, std::string_view kind);
void set_variable(State& state, const std::string& name, Tensor value);

// The stored value that a reader of `v` needs first; null when there is nothing to load.
const TensorRef* unloaded_variable(const Value& v);

// The tensor a kernel sees: the present value where `v` is a reference to a variable.
Result<Tensor> tensor_of(Value& v);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_STATE_OBJECTS_H_
