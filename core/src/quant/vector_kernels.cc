#include "kernel_table.h"

namespace whittle::quant {

const Kernels& kernels() {
#if defined(__wasm_simd128__)
  static constexpr Kernels table = kernel_table<simd::Wasm>("wasm_simd128");
  return table;
#elif defined(__SSE2__)
  static constexpr Kernels table = kernel_table<simd::Sse2>("sse2");
  return table;
#else
  return scalar_kernels();
#endif
}

}  // namespace whittle::quant
