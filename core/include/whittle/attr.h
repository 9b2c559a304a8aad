// attr.h: attribute values of nodes and functions.
//
// AttrValue  one member of TensorFlow's AttrValue. A kind that is not modelled keeps its original
//            bytes (kRaw) and is written back unchanged.
// AttrMap    sorted by name, so iteration and output are deterministic. Copies share their values until one
//            of them is changed; a pointer from a find() or begin() that may change something is good until
//            the map is copied.
#ifndef WHITTLE_ATTR_H_
#define WHITTLE_ATTR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/dtype.h"
#include "whittle/shape.h"
#include "whittle/tensor_ref.h"

namespace whittle {

class AttrValue;

struct Attr;  // {name, value}

class AttrMap {
 public:
  AttrMap();
  AttrMap(const AttrMap&);
  AttrMap(AttrMap&&) noexcept;
  AttrMap& operator=(const AttrMap&);
  AttrMap& operator=(AttrMap&&) noexcept;
  ~AttrMap();

  const AttrValue* find(std::string_view name) const;
  AttrValue* find(std::string_view name);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  void set(std::string_view name, AttrValue value);  // inserts or replaces
  bool erase(std::string_view name);
  size_t size() const;
  bool empty() const { return size() == 0; }
  const Attr* begin() const;
  const Attr* end() const;
  Attr* begin();
  Attr* end();

  // Typed reads with a default for "missing or of another kind".
  int64_t int_or(std::string_view name, int64_t otherwise) const;
  float float_or(std::string_view name, float otherwise) const;
  bool bool_or(std::string_view name, bool otherwise) const;
  DType type_or(std::string_view name, DType otherwise) const;
  std::string_view string_or(std::string_view name, std::string_view otherwise) const;

 private:
  const std::vector<Attr>& items() const;
  std::vector<Attr>& own();   // not shared with a copy
  std::shared_ptr<std::vector<Attr>> items_;
};

// NameAttrList: a function and the attributes it is instantiated with.
struct FuncRef {
  std::string name;
  AttrMap attrs;
};

struct AttrList {
  std::vector<std::string> strings;
  std::vector<int64_t> ints;
  std::vector<float> floats;
  std::vector<bool> bools;
  std::vector<DType> types;
  std::vector<Shape> shapes;
  std::vector<TensorRef> tensors;
  std::vector<FuncRef> funcs;
  bool empty() const;
  size_t size() const;  // of the one member that is in use
};

class AttrValue {
 public:
  enum class Kind : uint8_t {
    kNone, kString, kInt, kFloat, kBool, kType, kShape, kTensor, kFunc, kPlaceholder, kList, kRaw,
  };

  AttrValue() = default;
  static AttrValue string(std::string v);       // bytes, any content
  static AttrValue integer(int64_t v);
  static AttrValue real(float v);
  static AttrValue boolean(bool v);
  static AttrValue type(DType v);
  static AttrValue shape(Shape v);
  static AttrValue tensor(TensorRef v);
  static AttrValue func(FuncRef v);
  static AttrValue placeholder(std::string v);  // only inside function bodies
  static AttrValue list(AttrList v);
  static AttrValue types(std::vector<DType> v);
  static AttrValue ints(std::vector<int64_t> v);
  static AttrValue raw(std::string serialized);

  Kind kind() const { return kind_; }
  // Reading another kind gives the empty value of that type.
  const std::string& s() const;   // kString, kPlaceholder, kRaw
  int64_t i() const { return kind_ == Kind::kInt ? i_ : 0; }
  float f() const { return kind_ == Kind::kFloat ? f_ : 0; }
  bool b() const { return kind_ == Kind::kBool && i_ != 0; }
  DType type() const { return kind_ == Kind::kType ? static_cast<DType>(i_) : DType::kInvalid; }
  const Shape& shape() const;
  const TensorRef& tensor() const;
  const FuncRef& func() const;
  const AttrList& list() const;
  // For in-place edits of function names; only of the matching kind (asserted).
  FuncRef& mutable_func();
  AttrList& mutable_list();

  // Equal kind and value. Tensors: same_source, or both small, owned and identical.
  bool operator==(const AttrValue& other) const;
  bool operator!=(const AttrValue& other) const { return !(*this == other); }

 private:
  struct Big;  // everything that does not fit a word, shared copy-on-write
  Kind kind_ = Kind::kNone;
  union {
    int64_t i_ = 0;
    float f_;
  };
  std::shared_ptr<Big> big_;
};

struct Attr {
  std::string name;
  AttrValue value;
};

bool operator==(const AttrMap& a, const AttrMap& b);
bool operator==(const FuncRef& a, const FuncRef& b);
bool operator==(const AttrList& a, const AttrList& b);

}  // namespace whittle

#endif  // WHITTLE_ATTR_H_
