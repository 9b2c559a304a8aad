#include "whittle/attr.h"

#include <algorithm>
#include <cassert>

#include "whittle/math.h"

namespace whittle {

AttrMap::AttrMap() = default;
AttrMap::AttrMap(const AttrMap&) = default;
AttrMap::AttrMap(AttrMap&&) noexcept = default;
AttrMap& AttrMap::operator=(const AttrMap&) = default;
AttrMap& AttrMap::operator=(AttrMap&&) noexcept = default;
AttrMap::~AttrMap() = default;

namespace {

template <class Items>
auto lower_bound_of(Items& items, std::string_view name) {
  return std::lower_bound(items.begin(), items.end(), name,
                          [](const Attr& a, std::string_view n) { return a.name < n; });
}

}  // namespace

const std::vector<Attr>& AttrMap::items() const {
  static const std::vector<Attr> kNone;
  return items_ == nullptr ? kNone : *items_;
}

std::vector<Attr>& AttrMap::own() {
  if (items_ == nullptr) items_ = std::make_shared<std::vector<Attr>>();
  else if (items_.use_count() > 1) items_ = std::make_shared<std::vector<Attr>>(*items_);
  return *items_;
}

const AttrValue* AttrMap::find(std::string_view name) const {
  auto it = lower_bound_of(items(), name);
  return it != items().end() && it->name == name ? &it->value : nullptr;
}

AttrValue* AttrMap::find(std::string_view name) {
  if (!has(name)) return nullptr;
  return &lower_bound_of(own(), name)->value;
}

void AttrMap::set(std::string_view name, AttrValue value) {
  std::vector<Attr>& list = own();
  auto it = lower_bound_of(list, name);
  if (it != list.end() && it->name == name) {
    it->value = std::move(value);
  } else {
    list.insert(it, Attr{std::string(name), std::move(value)});
  }
}

bool AttrMap::erase(std::string_view name) {
  if (!has(name)) return false;
  std::vector<Attr>& list = own();
  list.erase(lower_bound_of(list, name));
  return true;
}

size_t AttrMap::size() const { return items().size(); }
const Attr* AttrMap::begin() const { return items().data(); }
const Attr* AttrMap::end() const { return items().data() + items().size(); }
Attr* AttrMap::begin() { return empty() ? nullptr : own().data(); }
Attr* AttrMap::end() { return empty() ? nullptr : own().data() + size(); }

int64_t AttrMap::int_or(std::string_view name, int64_t otherwise) const {
  const AttrValue* v = find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kInt ? v->i() : otherwise;
}
float AttrMap::float_or(std::string_view name, float otherwise) const {
  const AttrValue* v = find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kFloat ? v->f() : otherwise;
}
bool AttrMap::bool_or(std::string_view name, bool otherwise) const {
  const AttrValue* v = find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kBool ? v->b() : otherwise;
}
DType AttrMap::type_or(std::string_view name, DType otherwise) const {
  const AttrValue* v = find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kType ? v->type() : otherwise;
}
std::string_view AttrMap::string_or(std::string_view name, std::string_view otherwise) const {
  const AttrValue* v = find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kString ? std::string_view(v->s())
                                                               : otherwise;
}

size_t AttrList::size() const {
  return strings.size() + ints.size() + floats.size() + bools.size() + types.size() +
         shapes.size() + tensors.size() + funcs.size();
}
bool AttrList::empty() const { return size() == 0; }

struct AttrValue::Big {
  std::string text;
  Shape shape;
  TensorRef tensor;
  FuncRef func;
  AttrList list;
};

namespace {

// What a read of another kind gives.
struct Empty {
  std::string text;
  Shape shape;
  TensorRef tensor;
  FuncRef func;
  AttrList list;
};
const Empty& empty_values() {
  static const Empty empty;
  return empty;
}

}  // namespace

AttrValue AttrValue::string(std::string v) {
  AttrValue a;
  a.kind_ = Kind::kString;
  a.big_ = std::make_shared<Big>();
  a.big_->text = std::move(v);
  return a;
}
AttrValue AttrValue::integer(int64_t v) {
  AttrValue a;
  a.kind_ = Kind::kInt;
  a.i_ = v;
  return a;
}
AttrValue AttrValue::real(float v) {
  AttrValue a;
  a.kind_ = Kind::kFloat;
  a.f_ = v;
  return a;
}
AttrValue AttrValue::boolean(bool v) {
  AttrValue a;
  a.kind_ = Kind::kBool;
  a.i_ = v ? 1 : 0;
  return a;
}
AttrValue AttrValue::type(DType v) {
  AttrValue a;
  a.kind_ = Kind::kType;
  a.i_ = static_cast<int64_t>(v);
  return a;
}
AttrValue AttrValue::shape(Shape v) {
  AttrValue a;
  a.kind_ = Kind::kShape;
  a.big_ = std::make_shared<Big>();
  a.big_->shape = std::move(v);
  return a;
}
AttrValue AttrValue::tensor(TensorRef v) {
  AttrValue a;
  a.kind_ = Kind::kTensor;
  a.big_ = std::make_shared<Big>();
  a.big_->tensor = std::move(v);
  return a;
}
AttrValue AttrValue::func(FuncRef v) {
  AttrValue a;
  a.kind_ = Kind::kFunc;
  a.big_ = std::make_shared<Big>();
  a.big_->func = std::move(v);
  return a;
}
AttrValue AttrValue::placeholder(std::string v) {
  AttrValue a = string(std::move(v));
  a.kind_ = Kind::kPlaceholder;
  return a;
}
AttrValue AttrValue::raw(std::string serialized) {
  AttrValue a = string(std::move(serialized));
  a.kind_ = Kind::kRaw;
  return a;
}
AttrValue AttrValue::list(AttrList v) {
  AttrValue a;
  a.kind_ = Kind::kList;
  a.big_ = std::make_shared<Big>();
  a.big_->list = std::move(v);
  return a;
}
AttrValue AttrValue::types(std::vector<DType> v) {
  AttrList l;
  l.types = std::move(v);
  return list(std::move(l));
}
AttrValue AttrValue::ints(std::vector<int64_t> v) {
  AttrList l;
  l.ints = std::move(v);
  return list(std::move(l));
}

const std::string& AttrValue::s() const {
  const bool text = kind_ == Kind::kString || kind_ == Kind::kPlaceholder || kind_ == Kind::kRaw;
  return text ? big_->text : empty_values().text;
}
const Shape& AttrValue::shape() const {
  return kind_ == Kind::kShape ? big_->shape : empty_values().shape;
}
const TensorRef& AttrValue::tensor() const {
  return kind_ == Kind::kTensor ? big_->tensor : empty_values().tensor;
}
const FuncRef& AttrValue::func() const {
  return kind_ == Kind::kFunc ? big_->func : empty_values().func;
}
const AttrList& AttrValue::list() const {
  return kind_ == Kind::kList ? big_->list : empty_values().list;
}
FuncRef& AttrValue::mutable_func() {
  assert(kind_ == Kind::kFunc);
  if (big_.use_count() != 1) big_ = std::make_shared<Big>(*big_);
  return big_->func;
}
AttrList& AttrValue::mutable_list() {
  assert(kind_ == Kind::kList);
  if (big_.use_count() != 1) big_ = std::make_shared<Big>(*big_);
  return big_->list;
}

namespace {

// Tensors up to this size are compared by value; larger ones need a scan (merge_duplicate_nodes).
constexpr uint64_t kCompareBytes = 64 << 10;

bool same_tensor(const TensorRef& a, const TensorRef& b) {
  if (a.empty() || b.empty()) return a.empty() == b.empty();
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.same_source(b)) return true;
  if (!a.steps().empty() || !b.steps().empty() || a.kind() != b.kind()) return false;
  if (a.kind() == TensorRef::Kind::kSplat) {
    return a.splat_element() == b.splat_element() && a.splat_text() == b.splat_text();
  }
  return a.kind() == TensorRef::Kind::kOwned && a.byte_size() <= kCompareBytes &&
         a.tensor().identical(b.tensor());
}

bool same_bits(float a, float b) { return bit_cast<uint32_t>(a) == bit_cast<uint32_t>(b); }

}  // namespace

bool operator==(const AttrMap& a, const AttrMap& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Attr& x, const Attr& y) {
    return x.name == y.name && x.value == y.value;
  });
}
bool operator==(const FuncRef& a, const FuncRef& b) {
  return a.name == b.name && a.attrs == b.attrs;
}
bool operator==(const AttrList& a, const AttrList& b) {
  return a.strings == b.strings && a.ints == b.ints && a.bools == b.bools && a.types == b.types &&
         a.shapes == b.shapes && a.funcs == b.funcs &&
         std::equal(a.floats.begin(), a.floats.end(), b.floats.begin(), b.floats.end(),
                    same_bits) &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(),
                    same_tensor);
}

bool AttrValue::operator==(const AttrValue& o) const {
  if (kind_ != o.kind_) return false;
  switch (kind_) {
    case Kind::kNone: return true;
    case Kind::kInt:
    case Kind::kBool:
    case Kind::kType: return i_ == o.i_;
    case Kind::kFloat: return same_bits(f_, o.f_);
    case Kind::kString:
    case Kind::kPlaceholder:
    case Kind::kRaw: return big_ == o.big_ || big_->text == o.big_->text;
    case Kind::kShape: return big_ == o.big_ || big_->shape == o.big_->shape;
    case Kind::kTensor: return big_ == o.big_ || same_tensor(big_->tensor, o.big_->tensor);
    case Kind::kFunc: return big_ == o.big_ || big_->func == o.big_->func;
    case Kind::kList: return big_ == o.big_ || big_->list == o.big_->list;
  }
  return false;
}

}  // namespace whittle
