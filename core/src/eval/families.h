// families.h: the kernel families, one a file, and how one kernel is run.
#ifndef WHITTLE_EVAL_FAMILIES_H_
#define WHITTLE_EVAL_FAMILIES_H_

#include "kernel_util.h"

namespace whittle::eval {

Rows array_kernels();
Rows audio_kernels();
Rows binary_kernels();
Rows block_kernels();
Rows cast_kernels();
Rows check_kernels();
Rows conv_kernels();
Rows decode_kernels();
Rows einsum_kernels();
Rows fft_kernels();
Rows gather_kernels();
Rows image_kernels();
Rows join_kernels();
Rows list_kernels();
Rows make_kernels();
Rows matmul_kernels();
Rows matrix_kernels();
Rows move_kernels();
Rows norm_kernels();
Rows parse_kernels();
Rows pool_kernels();
Rows quantize_kernels();
Rows quantized_kernels();
Rows ragged_kernels();
Rows random_kernels();
Rows reduce_kernels();
Rows resize_kernels();
Rows rnn_kernels();
Rows segment_kernels();
Rows select_kernels();
Rows shape_kernels();
Rows slice_kernels();
Rows sort_kernels();
Rows sparse_kernels();
Rows string_kernels();
Rows table_kernels();
Rows unary_kernels();
Rows variable_kernels();

// Checks what no kernel can work with, then runs it. `inputs` may be taken over.
Result<Tensors> run_kernel(const KernelInfo& kernel, const Node& node, std::span<Tensor> inputs,
                           Context& ctx);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_FAMILIES_H_
