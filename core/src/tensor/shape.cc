#include "whittle/shape.h"

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle {

bool Shape::fully_defined() const {
  if (unknown_rank) return false;
  for (const int64_t d : dims) {
    if (d < 0) return false;
  }
  return true;
}

bool Shape::compatible(const Shape& other) const {
  if (unknown_rank || other.unknown_rank) return true;
  if (dims.size() != other.dims.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] >= 0 && other.dims[i] >= 0 && dims[i] != other.dims[i]) return false;
  }
  return true;
}

Result<uint64_t> Shape::elements() const {
  if (unknown_rank) return corrupt("a shape of unknown rank has no number of elements");
  if (dims.size() > static_cast<size_t>(kMaxRank)) {
    return corrupt(cat("rank ", dims.size(), " is above ", kMaxRank));
  }
  uint64_t product = 1;
  for (const int64_t d : dims) {
    if (d < 0) return corrupt(cat("shape ", to_string(), " is not fully defined"));
    // In order, as TensorFlow does: [2^40,2^40,0] is refused, [0,2^40,2^40] is empty.
    if (mul_overflows(product, static_cast<uint64_t>(d), &product) || product > INT64_MAX) {
      return corrupt(cat("shape ", to_string(), " has more than 2^63 - 1 elements"));
    }
  }
  return product;
}

std::string Shape::to_string() const {
  if (unknown_rank) return "unknown";
  std::string out = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) out.push_back(',');
    if (i == static_cast<size_t>(kMaxRank)) return out + "…]";  // from a hostile file
    out += dims[i] == -1 ? std::string("?") : cat(dims[i]);
  }
  out.push_back(']');
  return out;
}

Result<uint64_t> byte_size(DType dtype, const Shape& shape) {
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  uint64_t bytes = 0;
  if (mul_overflows(elements, byte_width(dtype), &bytes) || bytes > (uint64_t{1} << 62)) {
    return corrupt(cat(dtype_name(dtype), shape.to_string(), " has more than 2^62 bytes"));
  }
  return bytes;
}

}  // namespace whittle
