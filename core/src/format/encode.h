// encode.h: values of the Model → protobuf bytes, the inverse of decode.h.
//
// One value has one encoding, whatever its history, so that a model read back is written the same:
//
//   all bits zero       no value field (strings: one empty string)
//   all elements equal  one typed value
//   small, with a run   typed values up to the first of the trailing run, when that halves the size
//     at its end        (not for types of 1 or 2 bytes, whose varints may be long)
//   else                tensor_content; from 16 KiB on a segment of its own
//
// Equality is that of bits. A single element of a type of 1 or 2 bytes stays tensor_content.
#ifndef WHITTLE_FORMAT_ENCODE_H_
#define WHITTLE_FORMAT_ENCODE_H_

#include <string>
#include <string_view>

#include "pieces.h"
#include "whittle/attr.h"
#include "whittle/saved_model.h"

namespace whittle::format {

std::string encode_shape(const Shape& shape);

class ValueEncoder {
 public:
  explicit ValueEncoder(const WriteOptions& options) : options_(options) {}

  // `name` is the place of the tensor in messages. Errors are those of WriteOptions::load_small.
  Result<Pieces> tensor(const TensorRef& ref, std::string_view name) const;
  // An AttrValue; not of kind kNone.
  Result<Pieces> attr(const AttrValue& value, std::string_view name) const;
  // Entries of a map field in the order of their names.
  Status attrs(const AttrMap& map, uint32_t field, std::string_view name, Pieces* out) const;
  // One entry; nothing for kNone, which no loader likes to see.
  Status entry(std::string_view key, const AttrValue& value, uint32_t field, std::string_view name,
               Pieces* out) const;
  // Tells load_small's owner which tensors it will be asked for.
  void want(const AttrValue& value) const;

 private:
  bool must_load(const TensorRef& ref) const;
  Result<Pieces> list(const AttrList& list, std::string_view name) const;
  Result<Pieces> func(const FuncRef& func, std::string_view name) const;

  const WriteOptions& options_;
};

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_ENCODE_H_
