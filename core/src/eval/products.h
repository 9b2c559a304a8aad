// products.h: batched matrix products on tensors, shared by MatMul, BatchMatMul, Einsum and the
// convolutions.
#ifndef WHITTLE_EVAL_PRODUCTS_H_
#define WHITTLE_EVAL_PRODUCTS_H_

#include "kernel_util.h"

namespace whittle::eval {

// One product of row-major matrices of a lane dtype: kFloat, kDouble, kInt64 or kUint64. Pointers
// are to elements; strides in elements.
void gemm(DType dtype, size_t m, size_t n, size_t k, const uint8_t* a, size_t a_stride,
          const uint8_t* b, size_t b_stride, uint8_t* c, size_t c_stride, bool accumulate);

// [b…, m, k] x [b…, k, n] with broadcast batch dimensions, transposed first where told.
// Both operands in the same lane; the result is of dtype `out`.
Result<Tensor> batched_product(const Tensor& x, const Tensor& y, bool transpose_x, bool transpose_y,
                               DType out, Context& ctx);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_PRODUCTS_H_
