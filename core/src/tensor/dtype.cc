#include "whittle/dtype.h"

#include <iterator>

#include "whittle/text.h"

namespace whittle {
namespace {

struct Row {
  std::string_view name;
  uint8_t width;
  uint8_t swap;
};

// By the number of the DataType.
constexpr Row kRows[] = {
    {"invalid", 0, 0},      {"float32", 4, 4},         {"float64", 8, 8},
    {"int32", 4, 4},        {"uint8", 1, 1},           {"int16", 2, 2},
    {"int8", 1, 1},         {"string", 0, 0},          {"complex64", 8, 4},
    {"int64", 8, 8},        {"bool", 1, 1},            {"qint8", 1, 1},
    {"quint8", 1, 1},       {"qint32", 4, 4},          {"bfloat16", 2, 2},
    {"qint16", 2, 2},       {"quint16", 2, 2},         {"uint16", 2, 2},
    {"complex128", 16, 8},  {"float16", 2, 2},         {"resource", 0, 0},
    {"variant", 0, 0},      {"uint32", 4, 4},          {"uint64", 8, 8},
    {"float8_e5m2", 1, 1},  {"float8_e4m3fn", 1, 1},   {"float8_e4m3fnuz", 1, 1},
    {"float8_e4m3b11fnuz", 1, 1}, {"float8_e5m2fnuz", 1, 1},
    {"int4", 1, 1},         {"uint4", 1, 1},           {"int2", 1, 1},
    {"uint2", 1, 1},        {"float4_e2m1fn", 1, 1},
};

const Row* row_of(DType t) {
  const int32_t number = static_cast<int32_t>(t);
  return number >= 0 && number < static_cast<int32_t>(std::size(kRows)) ? &kRows[number] : nullptr;
}

}  // namespace

uint32_t byte_width(DType t) {
  const Row* row = row_of(t);
  return row == nullptr ? 0 : row->width;
}

uint32_t swap_width(DType t) {
  const Row* row = row_of(t);
  return row == nullptr ? 0 : row->swap;
}

std::string dtype_name(DType t) {
  const Row* row = row_of(base_dtype(t));
  if (row == nullptr) return cat("dtype(", static_cast<int32_t>(t), ")");
  return is_ref(t) ? cat(row->name, "_ref") : std::string(row->name);
}

DType dtype_from_name(std::string_view name) {
  if (name == "float") return DType::kFloat;
  if (name == "double") return DType::kDouble;
  if (name == "half") return DType::kHalf;
  constexpr std::string_view kRef = "_ref";
  const bool ref = name.size() > kRef.size() && name.substr(name.size() - kRef.size()) == kRef;
  if (ref) name.remove_suffix(kRef.size());
  for (size_t i = 1; i < std::size(kRows); ++i) {
    if (kRows[i].name != name) continue;
    const DType t = static_cast<DType>(i);
    return ref ? ref_dtype(t) : t;
  }
  return DType::kInvalid;
}

bool is_floating(DType t) {
  return t == DType::kHalf || t == DType::kBfloat16 || t == DType::kFloat || t == DType::kDouble;
}

bool is_integer(DType t) {
  switch (t) {
    case DType::kInt8: case DType::kInt16: case DType::kInt32: case DType::kInt64:
    case DType::kUint8: case DType::kUint16: case DType::kUint32: case DType::kUint64:
    case DType::kInt4: case DType::kUint4: case DType::kInt2: case DType::kUint2:
      return true;
    default:
      return false;
  }
}

}  // namespace whittle
