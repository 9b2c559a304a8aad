// elementwise.h: the driver of all elementwise kernels: broadcasting, dtypes, buffer reuse.
//
// An op gives one loop per lane (lanes.h); a lane without a loop answers "no kernel". Loops read
// `a` and `b` with strides 0 or 1 and write `out`, which may be the same memory as an input of
// the same stride.
#ifndef WHITTLE_EVAL_ELEMENTWISE_H_
#define WHITTLE_EVAL_ELEMENTWISE_H_

#include "kernel_util.h"
#include "lanes.h"

namespace whittle::eval {

using UnaryLoop = void (*)(const void* a, void* out, size_t n);
struct UnaryLoops {
  UnaryLoop f32 = nullptr, f64 = nullptr, i64 = nullptr, u64 = nullptr, c64 = nullptr,
            c128 = nullptr;
  UnaryLoop of(Lane lane) const;
};

using BinaryLoop = void (*)(const void* a, size_t a_stride, const void* b, size_t b_stride,
                            void* out, size_t n);
struct BinaryLoops {
  BinaryLoop f32 = nullptr, f64 = nullptr, i64 = nullptr, u64 = nullptr, c64 = nullptr,
             c128 = nullptr;
  BinaryLoop of(Lane lane) const;
};

// Makes a loop of T -> T from a functor with `static T apply(T)`; subnormals are flushed on both
// sides.
template <class T, class F>
void unary_loop(const void* a, void* out, size_t n) {
  const T* in = static_cast<const T*>(a);
  T* o = static_cast<T*>(out);
  for (size_t i = 0; i < n; ++i) o[i] = flush(static_cast<T>(F::apply(flush(in[i]))));
}

template <class T, class F>
void binary_loop(const void* a, size_t a_stride, const void* b, size_t b_stride, void* out,
                 size_t n) {
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  T* o = static_cast<T*>(out);
  for (size_t i = 0; i < n; ++i) {
    o[i] = flush(static_cast<T>(F::apply(flush(x[i * a_stride]), flush(y[i * b_stride]))));
  }
}

// Comparisons: lane in, one byte out.
template <class T, class F>
void compare_loop(const void* a, size_t a_stride, const void* b, size_t b_stride, void* out,
                  size_t n) {
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  uint8_t* o = static_cast<uint8_t*>(out);
  for (size_t i = 0; i < n; ++i) o[i] = F::apply(flush(x[i * a_stride]), flush(y[i * b_stride]));
}

// NumPy's rules. `a` and `b` are strides in elements per output dimension, 0 where repeated.
struct Broadcast {
  Dims dims;
  Dims a, b;
};
Result<Broadcast> broadcast(const Dims& a, const Dims& b);
// One shape against a larger one.
Result<Dims> broadcast_strides(const Dims& from, const Dims& to);

Result<Tensors> run_unary(KernelCall& call, const UnaryLoops& loops);
Result<Tensors> run_binary(KernelCall& call, const BinaryLoops& loops);
// The output is bool; the loops write bytes.
Result<Tensors> run_unary_bool(KernelCall& call, const UnaryLoops& loops);
Result<Tensors> run_compare(KernelCall& call, const BinaryLoops& loops);

// The same on tensors, for kernels that are built of several steps.
Result<Tensor> apply_unary(Tensor a, const UnaryLoops& loops, Context& ctx);
Result<Tensor> apply_binary(Tensor a, Tensor b, const BinaryLoops& loops, Context& ctx);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_ELEMENTWISE_H_
