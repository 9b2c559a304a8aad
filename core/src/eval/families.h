// families.h: the kernel families, one a file, and how one kernel is run.
#ifndef WHITTLE_EVAL_FAMILIES_H_
#define WHITTLE_EVAL_FAMILIES_H_

#include "kernel_util.h"

namespace whittle::eval {

Rows array_kernels();
Rows binary_kernels();
Rows cast_kernels();
Rows check_kernels();
Rows conv_kernels();
Rows einsum_kernels();
Rows gather_kernels();
Rows join_kernels();
Rows list_kernels();
Rows make_kernels();
Rows matmul_kernels();
Rows move_kernels();
Rows norm_kernels();
Rows pool_kernels();
Rows reduce_kernels();
Rows select_kernels();
Rows shape_kernels();
Rows slice_kernels();
Rows table_kernels();
Rows unary_kernels();
Rows variable_kernels();

// Checks what no kernel can work with, then runs it. `inputs` may be taken over.
Result<Tensors> run_kernel(const KernelInfo& kernel, const Node& node, std::span<Tensor> inputs,
                           Context& ctx);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_FAMILIES_H_
