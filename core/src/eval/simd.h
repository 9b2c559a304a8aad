// simd.h: four floats at a time, in the compiler's own vector type: SSE natively, SIMD128 in wasm,
// the same operations lane by lane and so the same bits.
#ifndef WHITTLE_EVAL_SIMD_H_
#define WHITTLE_EVAL_SIMD_H_

#include <cstring>

namespace whittle::eval {

typedef float Float4 __attribute__((vector_size(16)));

inline Float4 load4(const float* p) {
  Float4 v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline void store4(float* p, Float4 v) { std::memcpy(p, &v, sizeof(v)); }
inline Float4 splat4(float x) { return Float4{x, x, x, x}; }

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_SIMD_H_
