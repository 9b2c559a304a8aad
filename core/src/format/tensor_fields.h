// tensor_fields.h: which field of a TensorProto holds typed values of a dtype, and in what form.
//
//   field   5 float_val  6 double_val  7 int_val  9 scomplex_val  10 int64_val  11 bool_val
//           12 dcomplex_val  13 half_val  16 uint32_val  17 uint64_val  18 float8_val
#ifndef WHITTLE_FORMAT_TENSOR_FIELDS_H_
#define WHITTLE_FORMAT_TENSOR_FIELDS_H_

#include <cstdint>

#include "whittle/dtype.h"

namespace whittle::format {

// Of a fixed-size dtype.
uint32_t typed_field(DType dtype);
// Bytes of one value on the wire (4: float, 8: double, 1: float8 in a byte string); 0: a varint.
uint32_t typed_unit(uint32_t field);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_TENSOR_FIELDS_H_
