// decode.h: protobuf values → values of the Model: shapes, tensors, attributes, descriptions of ops.
//
// Tensors   formats.md §2.1: tensor_content wins over typed values and must have exactly the bytes
//           that dtype and shape say; typed values repeat the last one. What a few bytes describe
//           as large becomes a splat; filling in several values is held to a budget for the file.
// Raw       an attribute with a member, or with a field in any part of it, that TensorFlow 2.21 does
//           not have, and tensors of resources and variants: AttrValue::raw with the original bytes.
// Errors    corrupt; limit when repeated values pass the budget, or functions in attributes are
//           nested too deeply.
#ifndef WHITTLE_FORMAT_DECODE_H_
#define WHITTLE_FORMAT_DECODE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "skeleton.h"
#include "whittle/attr.h"
#include "whittle/op_registry.h"

namespace whittle::format {

class ValueDecoder {
 public:
  explicit ValueDecoder(LazyContents contents) : contents_(std::move(contents)) {}

  // Sizes ≥ -1, rank ≤ 254.
  Result<Shape> shape(std::string_view proto) const;
  Result<TensorRef> tensor(std::string_view proto) const;
  // kNone when no member is set: the same as an absent attribute.
  Result<AttrValue> attr(std::string_view proto) const;
  // An entry of a map of attributes. corrupt when its name is empty or there already.
  Status add_attr(std::string_view entry, AttrMap* map) const;

  // Takes bytes from the budget for what is larger in memory than in the file; false: too much.
  bool spend(uint64_t bytes) const;

 private:
  // What was met while an attribute was decoded.
  struct Found {
    bool unknown = false;  // something that would be lost
    bool lazy = false;     // content that stayed in the file
    int depth = 0;
  };
  struct TensorFields;

  Result<Shape> shape(std::string_view proto, Found* found) const;
  Result<TensorRef> tensor(std::string_view proto, Found* found) const;
  Result<AttrValue> attr(std::string_view proto, Found* found) const;
  Result<FuncRef> func(std::string_view proto, Found* found) const;
  Result<AttrList> list(std::string_view proto, Found* found) const;
  Status add_attr(std::string_view entry, AttrMap* map, Found* found) const;
  Result<TensorRef> content_tensor(const TensorFields& t, Shape shape, uint64_t bytes) const;
  Result<TensorRef> string_tensor(const TensorFields& t, Shape shape, uint64_t elements) const;
  Result<TensorRef> typed_tensor(const TensorFields& t, Shape shape, uint64_t bytes) const;

  LazyContents contents_;
  // Bytes that repeated values may still take beyond what the file holds.
  mutable uint64_t expand_left_ = uint64_t{128} << 20;
};

// An OpDef for OpRegistry::add, which copies the texts; here they are views into `proto`.
Result<OpSpec> decode_op_def(std::string_view proto, const ValueDecoder& values);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_DECODE_H_
