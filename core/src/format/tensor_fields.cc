#include "tensor_fields.h"

namespace whittle::format {

uint32_t typed_field(DType dtype) {
  switch (dtype) {
    case DType::kFloat: return 5;
    case DType::kDouble: return 6;
    case DType::kComplex64: return 9;
    case DType::kInt64: return 10;
    case DType::kBool: return 11;
    case DType::kComplex128: return 12;
    case DType::kHalf:
    case DType::kBfloat16: return 13;
    case DType::kUint32: return 16;
    case DType::kUint64: return 17;
    case DType::kFloat8E5m2:
    case DType::kFloat8E4m3fn:
    case DType::kFloat8E4m3fnuz:
    case DType::kFloat8E4m3b11fnuz:
    case DType::kFloat8E5m2fnuz: return 18;
    default: return 7;
  }
}

uint32_t typed_unit(uint32_t field) {
  switch (field) {
    case 5:
    case 9: return 4;
    case 6:
    case 12: return 8;
    case 18: return 1;
    default: return 0;
  }
}

}  // namespace whittle::format
