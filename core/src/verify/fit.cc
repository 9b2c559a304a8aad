#include "fit.h"

#include <algorithm>
#include <cstring>

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

enum class Kind : uint8_t { kReal, kSigned, kUnsigned, kOther };

Kind kind_of(DType t) {
  switch (t) {
    case DType::kFloat:
    case DType::kDouble:
    case DType::kHalf:
    case DType::kBfloat16: return Kind::kReal;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kQint8:
    case DType::kQint16:
    case DType::kQint32: return Kind::kSigned;
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
    case DType::kQuint8:
    case DType::kQuint16:
    case DType::kBool: return Kind::kUnsigned;
    default: return Kind::kOther;
  }
}

struct Number {
  double real = 0;
  int64_t whole = 0;
  bool is_whole = false;
};

Number of_real(double v) {
  Number n{v, 0, false};
  if (v >= -0x1p63 && v < 0x1p63) {
    n.whole = static_cast<int64_t>(v);
    n.is_whole = static_cast<double>(n.whole) == v;
  }
  return n;
}

Number read_number(DType t, const uint8_t* at) {
  uint64_t bits = 0;
  const uint32_t width = byte_width(t);
  std::memcpy(&bits, at, width);
  switch (t) {
    case DType::kFloat:
      return of_real(static_cast<double>(bit_cast<float>(static_cast<uint32_t>(bits))));
    case DType::kDouble: return of_real(bit_cast<double>(bits));
    case DType::kHalf:
      return of_real(static_cast<double>(half_to_float(static_cast<uint16_t>(bits))));
    case DType::kBfloat16:
      return of_real(static_cast<double>(bfloat16_to_float(static_cast<uint16_t>(bits))));
    default: break;
  }
  if (kind_of(t) == Kind::kUnsigned) {
    return {static_cast<double>(bits), static_cast<int64_t>(bits), bits <= INT64_MAX};
  }
  const uint32_t unused = 64 - 8 * width;
  const int64_t v = static_cast<int64_t>(bits << unused) >> unused;
  return {static_cast<double>(v), v, true};
}

// False when dtype `t` does not hold the number.
bool write_number(const Number& n, DType t, uint8_t* at) {
  const uint32_t width = byte_width(t);
  uint64_t bits = static_cast<uint64_t>(n.whole);
  switch (kind_of(t)) {
    case Kind::kReal:
      switch (t) {
        case DType::kFloat: bits = bit_cast<uint32_t>(static_cast<float>(n.real)); break;
        case DType::kDouble: bits = bit_cast<uint64_t>(n.real); break;
        case DType::kHalf: bits = float_to_half(static_cast<float>(n.real)); break;
        default: bits = float_to_bfloat16(static_cast<float>(n.real));
      }
      break;
    case Kind::kSigned: {
      const int64_t most = INT64_MAX >> (64 - 8 * width);
      if (!n.is_whole || n.whole > most || n.whole < -most - 1) return false;
      break;
    }
    default: {
      const uint64_t most = t == DType::kBool ? 1 : UINT64_MAX >> (64 - 8 * width);
      if (!n.is_whole || n.whole < 0 || bits > most) return false;
    }
  }
  std::memcpy(at, &bits, width);
  return true;
}

Error other_dtype(DType have, DType want) {
  return invalid_argument(
      cat("the input takes ", dtype_name(want), " and the array holds ", dtype_name(have)));
}

// `elements` elements of `array` from `first` on, as `dtype`.
Result<Tensor> piece(const Tensor& array, uint64_t first, DType dtype, const Shape& shape,
                     Allowance& allowance) {
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  const size_t begin = static_cast<size_t>(first);
  if (array.is_string() || dtype == DType::kString) {
    if (array.dtype() != dtype) return other_dtype(array.dtype(), dtype);
    const auto from = array.strings().begin() + static_cast<std::ptrdiff_t>(begin);
    std::vector<std::string> strings(from, from + static_cast<std::ptrdiff_t>(elements));
    uint64_t bytes = elements * kStringCost;
    for (const std::string& s : strings) bytes += s.size();
    WHITTLE_CHECK(allowance.take(bytes));
    return Tensor(shape, std::move(strings));
  }
  WHITTLE_ASSIGN(const uint64_t bytes, byte_size(dtype, shape));
  WHITTLE_CHECK(allowance.take(bytes));
  WHITTLE_ASSIGN(Tensor out, Tensor::make(dtype, shape));
  if (elements == 0) return out;
  const size_t from_width = byte_width(array.dtype()), to_width = byte_width(dtype);
  const uint8_t* from = array.bytes().data() + begin * from_width;
  uint8_t* to = out.mutable_bytes();
  if (array.dtype() == dtype) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return out;
  }
  if (kind_of(array.dtype()) == Kind::kOther || kind_of(dtype) == Kind::kOther)
    return other_dtype(array.dtype(), dtype);
  for (uint64_t i = 0; i < elements; ++i, from += from_width, to += to_width) {
    const Number n = read_number(array.dtype(), from);
    if (!write_number(n, dtype, to)) {
      return invalid_argument(
          cat("the input takes ", dtype_name(dtype), "; element ", first + i, " is ", n.real));
    }
  }
  return out;
}

}  // namespace

Status Allowance::take(uint64_t bytes) {
  if (bytes > left_)
    return over_limit(cat("the samples take more than ", human_bytes(kMostSampleBytes)));
  left_ -= bytes;
  return {};
}

Result<std::vector<Tensor>> probes_of(const Tensor& array, const TensorInfo& input, bool only,
                                      Allowance& allowance) {
  const DType dtype = base_dtype(input.dtype);
  const bool open = !input.has_shape || input.shape.unknown_rank;
  const std::vector<int64_t>& have = array.shape().dims;
  const std::vector<int64_t>& want = input.shape.dims;
  Shape shape = array.shape();  // of a probe
  int64_t rows = 0;             // of the first axis for a probe; 0: the array is one
  bool fits = true;
  if (open) {
    rows = have.empty() ? 0 : 1;
  } else if (have.size() == want.size()) {
    const bool waveform = only && want.size() == 1 && want[0] < 0 && kind_of(dtype) == Kind::kReal;
    if (!want.empty() && !waveform) rows = want[0] < 0 ? 1 : want[0];
  } else if (have.size() == want.size() + 1) {
    rows = 1;
    shape.dims.erase(shape.dims.begin());
  } else if (have.size() + 1 == want.size()) {
    shape.dims.insert(shape.dims.begin(), 1);
  } else {
    fits = false;
  }
  if (rows > 0 && shape.dims.size() == have.size()) shape.dims[0] = rows;
  if (!fits || (!open && !input.shape.compatible(shape)) || (rows > 0 && have[0] < rows)) {
    return invalid_argument(cat("the input takes ", input.shape.to_string(), " and the array is ",
                                array.shape().to_string()));
  }
  const uint64_t count =
      rows == 0 ? 1 : std::min<uint64_t>(static_cast<uint64_t>(have[0] / rows), kMostSamples);
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  std::vector<Tensor> out;
  for (uint64_t k = 0; k < count; ++k) {
    WHITTLE_ASSIGN(Tensor t, piece(array, k * elements, dtype, shape, allowance));
    out.push_back(std::move(t));
  }
  return out;
}

}  // namespace whittle::verify
