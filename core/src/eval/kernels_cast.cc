// Cast between all dtypes, Bitcast, complex parts.
//
// Float to integer truncates. What C++ leaves undefined follows TensorFlow's vector code on x86:
// NaN and values outside of int32 or int64 become the smallest integer; int8, int16, uint8 and
// uint16 saturate after a conversion to int32.
#include <algorithm>

#include "kernel_util.h"
#include "lanes.h"
#include "whittle/math.h"

namespace whittle::eval {
namespace {

constexpr size_t kBlock = 256;

int64_t to_int32_range(double x) {
  return x > -2147483649.0 && x < 2147483648.0 ? static_cast<int64_t>(x) : INT32_MIN;
}

uint64_t to_integer(double x, DType dtype) {
  switch (dtype) {
    case DType::kInt8: return static_cast<uint64_t>(std::clamp<int64_t>(to_int32_range(x), -128, 127));
    case DType::kInt16:
      return static_cast<uint64_t>(std::clamp<int64_t>(to_int32_range(x), -32768, 32767));
    case DType::kUint8: return static_cast<uint64_t>(std::clamp<int64_t>(to_int32_range(x), 0, 255));
    case DType::kUint16:
      return static_cast<uint64_t>(std::clamp<int64_t>(to_int32_range(x), 0, 65535));
    case DType::kInt32: return static_cast<uint64_t>(to_int32_range(x));
    case DType::kUint32:
      return x > -2147483649.0 && x < 4294967296.0
                 ? static_cast<uint64_t>(static_cast<int64_t>(x)) & 0xffffffffu
                 : 0x80000000u;
    case DType::kUint64:
      if (x >= 0x1p63 && x < 0x1p64) return static_cast<uint64_t>(x);
      [[fallthrough]];
    default:
      return x >= -0x1p63 && x < 0x1p63 ? static_cast<uint64_t>(static_cast<int64_t>(x))
                                        : uint64_t{1} << 63;
  }
}

// One lane value as the lane of `to`. T is float, double, int64_t, uint64_t.
template <class T>
void convert_from(const T* in, void* out, DType to, size_t n) {
  constexpr bool kFloat = std::is_floating_point_v<T>;
  switch (lane_of(to)) {
    case Lane::kF32:
      for (size_t i = 0; i < n; ++i) {
        // bfloat16 from float32 is bit movement and keeps subnormals.
        float v = static_cast<float>(in[i]);
        if constexpr (std::is_same_v<T, double>) v = flush(v);
        static_cast<float*>(out)[i] = v;
      }
      return;
    case Lane::kF64:
      for (size_t i = 0; i < n; ++i) static_cast<double*>(out)[i] = static_cast<double>(flush(in[i]));
      return;
    case Lane::kC64:
      for (size_t i = 0; i < n; ++i) {
        float v = static_cast<float>(in[i]);
        if constexpr (std::is_same_v<T, double>) v = flush(v);
        static_cast<Complex64*>(out)[i] = {v, 0};
      }
      return;
    case Lane::kC128:
      for (size_t i = 0; i < n; ++i) {
        T v = in[i];
        if constexpr (std::is_same_v<T, float>) v = flush(v);
        static_cast<Complex128*>(out)[i] = {static_cast<double>(v), 0};
      }
      return;
    default:
      for (size_t i = 0; i < n; ++i) {
        uint64_t v;
        if (to == DType::kBool) {
          v = flush(in[i]) != 0;
        } else if constexpr (kFloat) {
          v = to_integer(static_cast<double>(in[i]), to);
        } else {
          v = static_cast<uint64_t>(in[i]);
        }
        static_cast<uint64_t*>(out)[i] = v;
      }
  }
}

void convert(Lane from, const void* in, void* out, DType to, size_t n) {
  switch (from) {
    case Lane::kF32: return convert_from(static_cast<const float*>(in), out, to, n);
    case Lane::kF64: return convert_from(static_cast<const double*>(in), out, to, n);
    case Lane::kI64: return convert_from(static_cast<const int64_t*>(in), out, to, n);
    case Lane::kU64: return convert_from(static_cast<const uint64_t*>(in), out, to, n);
    case Lane::kC64: {
      const Complex64* c = static_cast<const Complex64*>(in);
      if (to == DType::kComplex128) {
        for (size_t i = 0; i < n; ++i) static_cast<Complex128*>(out)[i] = {c[i].re, c[i].im};
        return;
      }
      float re[kBlock];
      for (size_t i = 0; i < n; ++i) re[i] = c[i].re;
      return convert_from(re, out, to, n);
    }
    default: {
      const Complex128* c = static_cast<const Complex128*>(in);
      if (to == DType::kComplex64) {
        for (size_t i = 0; i < n; ++i) {
          static_cast<Complex64*>(out)[i] = {static_cast<float>(c[i].re),
                                             static_cast<float>(c[i].im)};
        }
        return;
      }
      double re[kBlock];
      for (size_t i = 0; i < n; ++i) re[i] = c[i].re;
      return convert_from(re, out, to, n);
    }
  }
}

Result<Tensors> cast(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const DType to = call.node.attrs.type_or("DstT", DType::kInvalid);
  if (to == x.dtype()) return one(std::move(call.in[0]));
  const Lane from_lane = lane_of(x.dtype());
  if (from_lane == Lane::kNone || lane_of(to) == Lane::kNone) {
    return no_kernel(cat("no cast from ", dtype_name(x.dtype()), " to ", dtype_name(to)));
  }
  if (call.node.attrs.bool_or("Truncate", false)) return no_kernel("Cast with Truncate");
  WHITTLE_ASSIGN(Tensor out, make_tensor(to, dims_of(x), call.ctx));
  const size_t n = static_cast<size_t>(x.elements());
  const uint32_t from_width = byte_width(x.dtype()), to_width = byte_width(to);
  alignas(16) uint64_t in[kBlock * 2], result[kBlock * 2];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = std::min(kBlock, n - i);
    widen(x.dtype(), x.bytes().data() + i * from_width, 1, in, m);
    convert(from_lane, in, result, to, m);
    narrow(to, result, out.mutable_bytes() + i * to_width, m);
  }
  return one(std::move(out));
}

Result<Tensors> bitcast(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const DType to = call.node.attrs.type_or("type", DType::kInvalid);
  const uint32_t from_width = byte_width(x.dtype()), to_width = byte_width(to);
  if (from_width == 0 || to_width == 0) return no_kernel("Bitcast of a dtype without bytes");
  Dims dims = dims_of(x);
  if (to_width > from_width) {
    if (dims.empty() || dims.back() != to_width / from_width) {
      return invalid_argument(cat("Bitcast of shape ", dims_text(dims), " to a wider dtype"));
    }
    dims.pop_back();
  } else if (to_width < from_width) {
    dims.push_back(from_width / to_width);
  }
  return one(Tensor(to, Shape(std::move(dims)), x.buffer()));
}

// Real, Imag, Complex and ComplexAbs move or combine pairs of floats.
template <class Real>
Result<Tensors> part(KernelCall& call, DType dtype, size_t which) {
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Tensor out, make_tensor(dtype, dims_of(x), call.ctx));
  const Real* in = reinterpret_cast<const Real*>(x.bytes().data());
  Real* o = reinterpret_cast<Real*>(out.mutable_bytes());
  for (uint64_t i = 0; i < x.elements(); ++i) {
    if (which < 2) {
      o[i] = in[2 * i + which];
      continue;
    }
    // |z| without overflow: scale by the larger part.
    const double a = __builtin_fabs(in[2 * i]), b = __builtin_fabs(in[2 * i + 1]);
    const double large = std::max(a, b), small = std::min(a, b);
    const double ratio = large == 0 || large > 1e300 * 1e8 ? 0 : small / large;
    o[i] = static_cast<Real>(a != a || b != b ? a + b : large * __builtin_sqrt(1 + ratio * ratio));
  }
  return one(std::move(out));
}

template <size_t kWhich>
Result<Tensors> complex_part(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  if (call.in[0].dtype() == DType::kComplex64) return part<float>(call, DType::kFloat, kWhich);
  if (call.in[0].dtype() == DType::kComplex128) return part<double>(call, DType::kDouble, kWhich);
  return no_kernel("takes complex numbers");
}

Result<Tensors> make_complex(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &re = call.in[0], &im = call.in[1];
  WHITTLE_CHECK(need_same_dtype(re, im));
  if (dims_of(re) != dims_of(im)) return no_kernel("Complex with broadcasting");
  const bool wide = re.dtype() == DType::kDouble;
  if (!wide && re.dtype() != DType::kFloat) return no_kernel("Complex takes float or double");
  WHITTLE_ASSIGN(Tensor out, make_tensor(wide ? DType::kComplex128 : DType::kComplex64,
                                         dims_of(re), call.ctx));
  const uint32_t width = byte_width(re.dtype());
  for (uint64_t i = 0; i < re.elements(); ++i) {
    std::memcpy(out.mutable_bytes() + 2 * i * width, re.bytes().data() + i * width, width);
    std::memcpy(out.mutable_bytes() + (2 * i + 1) * width, im.bytes().data() + i * width, width);
  }
  return one(std::move(out));
}

constexpr KernelInfo kRows[] = {
    {.op = "Bitcast", .dtypes = kMovable, .attrs = "type", .cost = Cost::kView, .run = bitcast},
    {.op = "Cast", .dtypes = kNumbers | kBoolOnly | kQuantized, .attrs = "DstT,Truncate=false",
     .cost = Cost::kElement, .run = cast},
    {.op = "Complex", .dtypes = dtypes(DType::kFloat, DType::kDouble), .attrs = "",
     .cost = Cost::kMove, .run = make_complex},
    {.op = "ComplexAbs", .dtypes = kComplex, .attrs = "", .cost = Cost::kElement,
     .exactness = Exactness::kUlp, .run = complex_part<2>},
    {.op = "Imag", .dtypes = kComplex, .attrs = "", .cost = Cost::kMove, .run = complex_part<1>},
    {.op = "Real", .dtypes = kComplex, .attrs = "", .cost = Cost::kMove, .run = complex_part<0>},
};

}  // namespace

Rows cast_kernels() { return kRows; }

}  // namespace whittle::eval
