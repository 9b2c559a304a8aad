// sum_kernels.h: error sums and the inner loop of the content hash; see kernels.h and hash.h.
#ifndef WHITTLE_QUANT_SUM_KERNELS_H_
#define WHITTLE_QUANT_SUM_KERNELS_H_

#include "hash.h"
#include "kernels.h"
#include "simd.h"

namespace whittle::quant {

template <class B>
struct SumKernels {
  using F = typename B::F;
  using I = typename B::I;
  using D = typename B::D;

  // Element i goes to accumulator i % 8 / 2, lane i % 2: the order is part of the result.
  static void error_sums(const float* x, const float* y, size_t n, ErrorSums* running) {
    D signal[4], noise[4];
    for (int k = 0; k < 4; ++k) signal[k] = noise[k] = B::d_splat(0);
    F worst = B::f_splat(running->max_error);
    const auto take = [&](const float* a, const float* b, int k) {
      const F v = B::f_load(a), e = B::f_sub(v, B::f_load(b));
      worst = B::f_max(worst, B::f_abs(e));
      const D v0 = B::d_low(v), v1 = B::d_high(v), e0 = B::d_low(e), e1 = B::d_high(e);
      signal[k] = B::d_add(signal[k], B::d_mul(v0, v0));
      signal[k + 1] = B::d_add(signal[k + 1], B::d_mul(v1, v1));
      noise[k] = B::d_add(noise[k], B::d_mul(e0, e0));
      noise[k + 1] = B::d_add(noise[k + 1], B::d_mul(e1, e1));
    };
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
      take(x + i, y + i, 0);
      take(x + i + 4, y + i + 4, 2);
    }
    if (i < n) {
      float a[8] = {}, b[8] = {};
      std::memcpy(a, x + i, (n - i) * sizeof(float));
      std::memcpy(b, y + i, (n - i) * sizeof(float));
      take(a, b, 0);
      take(a + 4, b + 4, 2);
    }
    running->signal += fold(signal);
    running->noise += fold(noise);
    float lanes[4];
    B::f_store(lanes, worst);
    for (float lane : lanes)
      running->max_error = running->max_error < lane ? lane : running->max_error;
  }

  static void hash_blocks(uint64_t lanes[kHashLanes], const uint8_t* bytes, size_t blocks) {
    I acc[4];
    for (int k = 0; k < 4; ++k) acc[k] = B::i_load(lanes + 2 * k);
    for (; blocks > 0; --blocks, bytes += kHashBlock) {
      for (size_t stripe = 0; stripe < kHashStripes; ++stripe) {
        const uint8_t* p = bytes + stripe * kHashStripe;
        const uint64_t* key = kHashKeys + stripe;
        for (int k = 0; k < 4; k += 2) {
          const I a = B::i_load(p + 16 * k), b = B::i_load(p + 16 * k + 16);
          I product_a, product_b;
          B::q_mul_halves(B::i_xor(a, B::i_load(key + 2 * k)),
                          B::i_xor(b, B::i_load(key + 2 * k + 2)), &product_a, &product_b);
          acc[k] = B::q_add(acc[k], B::q_add(product_a, B::q_exchange(a)));
          acc[k + 1] = B::q_add(acc[k + 1], B::q_add(product_b, B::q_exchange(b)));
        }
      }
      for (int k = 0; k < 4; ++k) B::i_store(lanes + 2 * k, acc[k]);
      hash_stir(lanes);
      for (int k = 0; k < 4; ++k) acc[k] = B::i_load(lanes + 2 * k);
    }
  }

 private:
  WHITTLE_SIMD double fold(const D acc[4]) {
    double two[2];
    B::d_store(two, B::d_add(B::d_add(acc[0], acc[1]), B::d_add(acc[2], acc[3])));
    return two[0] + two[1];
  }
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_SUM_KERNELS_H_
