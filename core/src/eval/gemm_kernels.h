// gemm_kernels.h: matrix products with one order of sums on every target.
//
//   c[m, n] = sum over k of a[m, k] * b[k, n],   k = 0, 1, 2, … one after the other
//
// SIMD runs across n only, and a product is rounded before it is added, so each c is the same number
// whatever the vector width, the blocking or the target.
#ifndef WHITTLE_EVAL_GEMM_KERNELS_H_
#define WHITTLE_EVAL_GEMM_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace whittle::eval {

// Row-major with row strides in elements; `c` is added to when `accumulate`, else overwritten.
// With `accumulate` the sums go on where they were, as if k had started earlier.
void gemm_f32(size_t m, size_t n, size_t k, const float* a, size_t a_stride, const float* b,
              size_t b_stride, float* c, size_t c_stride, bool accumulate);

// The same sums for any arithmetic type, plainly.
void gemm_f64(size_t m, size_t n, size_t k, const double* a, size_t a_stride, const double* b,
              size_t b_stride, double* c, size_t c_stride, bool accumulate);
void gemm_u64(size_t m, size_t n, size_t k, const uint64_t* a, size_t a_stride, const uint64_t* b,
              size_t b_stride, uint64_t* c, size_t c_stride, bool accumulate);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_GEMM_KERNELS_H_
