#include "lanes.h"

#include "whittle/math.h"

namespace whittle::eval {

Lane lane_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kHalf:
    case DType::kBfloat16: return Lane::kF32;
    case DType::kDouble: return Lane::kF64;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kQint8:
    case DType::kQint16:
    case DType::kQint32: return Lane::kI64;
    case DType::kBool:
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
    case DType::kQuint8:
    case DType::kQuint16: return Lane::kU64;
    case DType::kComplex64: return Lane::kC64;
    case DType::kComplex128: return Lane::kC128;
    default: return Lane::kNone;
  }
}

uint32_t lane_width(Lane lane) {
  switch (lane) {
    case Lane::kNone: return 0;
    case Lane::kF32: return 4;
    case Lane::kC128: return 16;
    default: return 8;
  }
}

bool is_native(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kDouble:
    case DType::kInt64:
    case DType::kUint64:
    case DType::kComplex64:
    case DType::kComplex128: return true;
    default: return false;
  }
}

namespace {

template <class Stored, class LaneType>
void widen_as(const uint8_t* from, size_t stride, void* lane, size_t count) {
  const Stored* in = reinterpret_cast<const Stored*>(from);
  LaneType* out = static_cast<LaneType*>(lane);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<LaneType>(in[i * stride]);
}

template <class Stored, class LaneType>
void narrow_as(const void* lane, uint8_t* to, size_t count) {
  const LaneType* in = static_cast<const LaneType*>(lane);
  Stored* out = reinterpret_cast<Stored*>(to);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<Stored>(in[i]);
}

template <class T>
void widen_same(const uint8_t* from, size_t stride, void* lane, size_t count) {
  const T* in = reinterpret_cast<const T*>(from);
  T* out = static_cast<T*>(lane);
  for (size_t i = 0; i < count; ++i) out[i] = in[i * stride];
}

}  // namespace

void widen(DType dtype, const uint8_t* from, size_t stride, void* lane, size_t count) {
  switch (dtype) {
    case DType::kFloat: return widen_same<float>(from, stride, lane, count);
    case DType::kDouble: return widen_same<double>(from, stride, lane, count);
    case DType::kHalf: {
      const uint16_t* in = reinterpret_cast<const uint16_t*>(from);
      float* out = static_cast<float*>(lane);
      for (size_t i = 0; i < count; ++i) out[i] = half_to_float(in[i * stride]);
      return;
    }
    case DType::kBfloat16: {
      const uint16_t* in = reinterpret_cast<const uint16_t*>(from);
      float* out = static_cast<float*>(lane);
      for (size_t i = 0; i < count; ++i) out[i] = bfloat16_to_float(in[i * stride]);
      return;
    }
    case DType::kInt8:
    case DType::kQint8: return widen_as<int8_t, int64_t>(from, stride, lane, count);
    case DType::kInt16:
    case DType::kQint16: return widen_as<int16_t, int64_t>(from, stride, lane, count);
    case DType::kInt32:
    case DType::kQint32: return widen_as<int32_t, int64_t>(from, stride, lane, count);
    case DType::kInt64:
    case DType::kUint64: return widen_same<uint64_t>(from, stride, lane, count);
    case DType::kBool:
    case DType::kUint8:
    case DType::kQuint8: return widen_as<uint8_t, uint64_t>(from, stride, lane, count);
    case DType::kUint16:
    case DType::kQuint16: return widen_as<uint16_t, uint64_t>(from, stride, lane, count);
    case DType::kUint32: return widen_as<uint32_t, uint64_t>(from, stride, lane, count);
    case DType::kComplex64: return widen_same<Complex64>(from, stride, lane, count);
    case DType::kComplex128: return widen_same<Complex128>(from, stride, lane, count);
    default: return;
  }
}

void narrow(DType dtype, const void* lane, uint8_t* to, size_t count) {
  switch (dtype) {
    case DType::kHalf: {
      const float* in = static_cast<const float*>(lane);
      uint16_t* out = reinterpret_cast<uint16_t*>(to);
      for (size_t i = 0; i < count; ++i) out[i] = float_to_half(in[i]);
      return;
    }
    case DType::kBfloat16: {
      const float* in = static_cast<const float*>(lane);
      uint16_t* out = reinterpret_cast<uint16_t*>(to);
      for (size_t i = 0; i < count; ++i) out[i] = float_to_bfloat16(in[i]);
      return;
    }
    case DType::kInt8:
    case DType::kQint8:
    case DType::kUint8:
    case DType::kQuint8: return narrow_as<uint8_t, uint64_t>(lane, to, count);
    case DType::kBool: {
      const uint64_t* in = static_cast<const uint64_t*>(lane);
      for (size_t i = 0; i < count; ++i) to[i] = in[i] != 0;
      return;
    }
    case DType::kInt16:
    case DType::kQint16:
    case DType::kUint16:
    case DType::kQuint16: return narrow_as<uint16_t, uint64_t>(lane, to, count);
    case DType::kInt32:
    case DType::kQint32:
    case DType::kUint32: return narrow_as<uint32_t, uint64_t>(lane, to, count);
    default:
      if (count != 0) std::memcpy(to, lane, count * byte_width(dtype));
      return;
  }
}

}  // namespace whittle::eval
