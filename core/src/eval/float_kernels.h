// float_kernels.h: the float32 loops that models spend their elementwise time in, written so that
// the compiler vectorises them; compiled for speed also in wasm.
#ifndef WHITTLE_EVAL_FLOAT_KERNELS_H_
#define WHITTLE_EVAL_FLOAT_KERNELS_H_

#include <cstddef>

namespace whittle::eval {

// BinaryLoops::f32 of these ops (elementwise.h); operands flush subnormals.
void add_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n);
void sub_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n);
void mul_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n);
void div_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n);
void max_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n);
void min_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n);
void squared_difference_f32(const void* a, size_t sa, const void* b, size_t sb, void* out,
                            size_t n);

// UnaryLoops::f32.
void relu_f32(const void* a, void* out, size_t n);
void relu6_f32(const void* a, void* out, size_t n);
void square_f32(const void* a, void* out, size_t n);
void sqrt_f32_loop(const void* a, void* out, size_t n);
void rsqrt_f32(const void* a, void* out, size_t n);

// Polynomials in float arithmetic, within 2 ulp of the true value; see the .cc for ranges.
void exp_f32(const void* a, void* out, size_t n);
void sigmoid_f32(const void* a, void* out, size_t n);
void tanh_f32(const void* a, void* out, size_t n);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_FLOAT_KERNELS_H_
