// dtype.h: TensorFlow's DataType, by its own numbers. The enum is open: unknown numbers are kept.
#ifndef WHITTLE_DTYPE_H_
#define WHITTLE_DTYPE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace whittle {

enum class DType : int32_t {
  kInvalid = 0, kFloat = 1, kDouble = 2, kInt32 = 3, kUint8 = 4, kInt16 = 5, kInt8 = 6,
  kString = 7, kComplex64 = 8, kInt64 = 9, kBool = 10, kQint8 = 11, kQuint8 = 12, kQint32 = 13,
  kBfloat16 = 14, kQint16 = 15, kQuint16 = 16, kUint16 = 17, kComplex128 = 18, kHalf = 19,
  kResource = 20, kVariant = 21, kUint32 = 22, kUint64 = 23, kFloat8E5m2 = 24,
  kFloat8E4m3fn = 25, kFloat8E4m3fnuz = 26, kFloat8E4m3b11fnuz = 27, kFloat8E5m2fnuz = 28,
  kInt4 = 29, kUint4 = 30, kInt2 = 31, kUint2 = 32, kFloat4E2m1fn = 33,
};

constexpr int32_t kRefOffset = 100;  // DT_FLOAT_REF = 101

inline bool is_ref(DType t) { return static_cast<int32_t>(t) > kRefOffset; }
inline DType base_dtype(DType t) {
  return is_ref(t) ? static_cast<DType>(static_cast<int32_t>(t) - kRefOffset) : t;
}
inline DType ref_dtype(DType t) {
  return is_ref(t) ? t : static_cast<DType>(static_cast<int32_t>(t) + kRefOffset);
}

// Bytes of one element; 0 for string, resource, variant, ref and unknown dtypes.
// The 4- and 2-bit types take one byte each, as in tensor_content.
uint32_t byte_width(DType t);
// Unit of a byte swap: half of byte_width for the complex types (two numbers), else byte_width.
uint32_t swap_width(DType t);

// "float32", "int8", "resource", "dtype(77)": the names of tf.DType.
std::string dtype_name(DType t);
// Accepts the same names plus "float", "double", "half"; kInvalid when unknown.
DType dtype_from_name(std::string_view name);

bool is_floating(DType t);  // half, bfloat16, float, double
bool is_integer(DType t);   // signed and unsigned, not bool, not quantized

}  // namespace whittle

#endif  // WHITTLE_DTYPE_H_
