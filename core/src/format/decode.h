// decode.h: protobuf values → values of the Model: shapes, tensors, attributes.
//
// Tensors   formats.md §2.1: tensor_content wins over typed values and must have exactly the bytes
//           that dtype and shape say; typed values repeat the last one. What a few bytes describe
//           as large becomes a splat; filling in several values is held to a budget for the file.
// Raw       an attribute with a member, or with a field in any part of it, that graph.proto does not
//           name, and tensors of resources and variants: AttrValue::raw with the original bytes.
// Errors    corrupt; limit when repeated values pass the budget.
#ifndef WHITTLE_FORMAT_DECODE_H_
#define WHITTLE_FORMAT_DECODE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "graph.pb.h"
#include "skeleton.h"
#include "whittle/attr.h"
#include "whittle/op_registry.h"

namespace whittle::format {

class ValueDecoder {
 public:
  explicit ValueDecoder(LazyContents contents) : contents_(std::move(contents)) {}

  // Sizes ≥ -1, rank ≤ 254.
  Result<Shape> shape(const pb::TensorShape& proto) const;
  Result<TensorRef> tensor(const pb::Tensor& proto) const;
  // kNone when no member is set: the same as an absent attribute.
  Result<AttrValue> attr(const pb::AttrValue& proto) const;
  // corrupt when a name is empty or there twice.
  template <class Entries>
  Result<AttrMap> attrs(const Entries& entries) const {
    AttrMap map;
    for (const pb::AttrEntry& entry : entries) WHITTLE_CHECK(add(entry, &map));
    return map;
  }
  // Takes bytes from the budget for what is larger in memory than in the file; false: too much.
  bool spend(uint64_t bytes) const;

 private:
  Status add(const pb::AttrEntry& entry, AttrMap* map) const;
  Result<TensorRef> content_tensor(const pb::Tensor& proto, DType dtype, Shape shape,
                                   uint64_t bytes) const;
  Result<TensorRef> string_tensor(const pb::Tensor& proto, Shape shape, uint64_t elements) const;
  Result<TensorRef> typed_tensor(const pb::Tensor& proto, DType dtype, Shape shape,
                                 uint64_t bytes) const;
  Result<FuncRef> func(const pb::NameAttrList& proto) const;
  Result<AttrList> list(const pb::AttrValue::ListValue& proto) const;

  LazyContents contents_;
  // Bytes that repeated values may still take beyond what the file holds.
  mutable uint64_t expand_left_ = uint64_t{128} << 20;
};

// For OpRegistry::add, which copies the texts; they are views into `proto`.
Result<OpSpec> decode_op_def(const pb::OpDef& proto, const ValueDecoder& values);

// Parses `bytes` as `message`; false when they are no such message.
template <class Message>
bool parse(std::string_view bytes, Message* message) {
  message->Clear();
  if (bytes.empty()) return true;  // no pointer that protobuf may copy from
  return bytes.size() <= INT32_MAX &&
         message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_DECODE_H_
