// kernel_table.h: the table of kernels.h for one back end of simd.h.
#ifndef WHITTLE_QUANT_KERNEL_TABLE_H_
#define WHITTLE_QUANT_KERNEL_TABLE_H_

#include "code_kernels.h"
#include "convert_kernels.h"
#include "scan_kernels.h"
#include "sum_kernels.h"

namespace whittle::quant {

template <class B>
constexpr Kernels kernel_table(const char* name) {
  return {
      .name = name,
      .range = ScanKernels<B>::range,
      .repeats = ScanKernels<B>::repeats,
      .absmax_columns = ScanKernels<B>::absmax_columns,
      .absmax_run = ScanKernels<B>::absmax_run,
      .scale = ConvertKernels<B>::scale,
      .int8_encode = CodeKernels<B>::int8_encode,
      .int8_decode = CodeKernels<B>::int8_decode,
      .half_encode = ConvertKernels<B>::half_encode,
      .half_decode = ConvertKernels<B>::half_decode,
      .bfloat16_encode = ConvertKernels<B>::bfloat16_encode,
      .bfloat16_decode = ConvertKernels<B>::bfloat16_decode,
      .quint8_encode = CodeKernels<B>::quint8_encode,
      .quint8_decode = CodeKernels<B>::quint8_decode,
      .round_weights = CodeKernels<B>::round_weights,
      .byte_swap = ConvertKernels<B>::byte_swap,
      .error_sums = SumKernels<B>::error_sums,
      .hash_blocks = SumKernels<B>::hash_blocks,
  };
}

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_KERNEL_TABLE_H_
