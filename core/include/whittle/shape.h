// shape.h: a tensor shape, possibly partial.
//
//   rank known     dims in order, -1 = unknown size; a scalar has no dims
//   rank unknown   unknown_rank is true and dims is empty
#ifndef WHITTLE_SHAPE_H_
#define WHITTLE_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "whittle/dtype.h"
#include "whittle/result.h"

namespace whittle {

constexpr int kMaxRank = 254;  // TensorFlow's own limit

struct Shape {
  std::vector<int64_t> dims;
  bool unknown_rank = false;

  Shape() = default;
  Shape(std::initializer_list<int64_t> d) : dims(d) {}
  explicit Shape(std::vector<int64_t> d) : dims(std::move(d)) {}
  static Shape unknown() { Shape s; s.unknown_rank = true; return s; }

  int rank() const { return unknown_rank ? -1 : static_cast<int>(dims.size()); }
  bool fully_defined() const;
  bool operator==(const Shape& o) const { return unknown_rank == o.unknown_rank && dims == o.dims; }
  bool operator!=(const Shape& o) const { return !(*this == o); }
  // True when some fully defined shape fits both.
  bool compatible(const Shape& other) const;

  // Number of elements; corrupt when not fully defined, rank > 254, or the product passes 2^63.
  Result<uint64_t> elements() const;
  std::string to_string() const;  // "[?,3]", "[]", "unknown"
};

// elements * byte_width(dtype), overflow-checked; corrupt when it overflows 2^62.
Result<uint64_t> byte_size(DType dtype, const Shape& shape);

}  // namespace whittle

#endif  // WHITTLE_SHAPE_H_
