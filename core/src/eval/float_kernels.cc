#include "float_kernels.h"

#include <cstdint>
#include <cstring>

#include "lanes.h"

namespace whittle::eval {
namespace {

template <class F>
void loop2(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n, F f) {
  const float* x = static_cast<const float*>(a);
  const float* y = static_cast<const float*>(b);
  float* o = static_cast<float*>(out);
  if (sa != 0 && sb != 0) {
    for (size_t i = 0; i < n; ++i) o[i] = flush(f(flush(x[i]), flush(y[i])));
  } else if (sa != 0) {
    const float c = flush(*y);
    for (size_t i = 0; i < n; ++i) o[i] = flush(f(flush(x[i]), c));
  } else if (sb != 0) {
    const float c = flush(*x);
    for (size_t i = 0; i < n; ++i) o[i] = flush(f(c, flush(y[i])));
  } else {
    const float c = flush(f(flush(*x), flush(*y)));
    for (size_t i = 0; i < n; ++i) o[i] = c;
  }
}

template <class F>
void loop1(const void* a, void* out, size_t n, F f) {
  const float* x = static_cast<const float*>(a);
  float* o = static_cast<float*>(out);
  for (size_t i = 0; i < n; ++i) o[i] = flush(f(flush(x[i])));
}

// Of two equal values (also -0 and 0) the second; NaN wins.
float maximum(float x, float y) { return x > y || x != x ? x : y; }
float minimum(float x, float y) { return x < y || x != x ? x : y; }

uint32_t bits_of(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  return u;
}
float from_bits(uint32_t u) {
  float x;
  std::memcpy(&x, &u, 4);
  return x;
}

// e^x, computed in double: x = k ln2 + r, a polynomial of degree 7 in r (relative error 1e-11) and
// k added to the exponent. Results below 2^-126 are flushed by the caller.
double exp_double(float x) {
  double v = x;
  v = v > 89.0 ? 89.0 : v;    // e^89 is infinite as a float
  v = v < -104.0 ? -104.0 : v;  // and e^-104 zero; NaN passes both
  const double shifted = v * 0x1.71547652b82fep+0 + 0x1.8p52;
  const double k = shifted - 0x1.8p52;
  const double r = v - k * 0x1.62e42fefa39efp-1;
  double p = 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  int64_t q;
  std::memcpy(&q, &shifted, 8);
  const uint64_t scale_bits = static_cast<uint64_t>((q << 52) + (int64_t{1023} << 52));
  double scale;
  std::memcpy(&scale, &scale_bits, 8);
  return p * scale;
}

}  // namespace

void add_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n) {
  loop2(a, sa, b, sb, out, n, [](float x, float y) { return x + y; });
}
void sub_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n) {
  loop2(a, sa, b, sb, out, n, [](float x, float y) { return x - y; });
}
void mul_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n) {
  loop2(a, sa, b, sb, out, n, [](float x, float y) { return x * y; });
}
void div_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n) {
  loop2(a, sa, b, sb, out, n, [](float x, float y) { return x / y; });
}
void max_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n) {
  loop2(a, sa, b, sb, out, n, maximum);
}
void min_f32(const void* a, size_t sa, const void* b, size_t sb, void* out, size_t n) {
  loop2(a, sa, b, sb, out, n, minimum);
}
void squared_difference_f32(const void* a, size_t sa, const void* b, size_t sb, void* out,
                            size_t n) {
  loop2(a, sa, b, sb, out, n, [](float x, float y) {
    const float d = flush(x - y);
    return d * d;
  });
}

void relu_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) { return x > 0.0f || x != x ? x : 0.0f; });
}
void relu6_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) {
    const float y = x < 0.0f ? 0.0f : x;
    return y > 6.0f ? 6.0f : y;
  });
}
void square_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) { return x * x; });
}
void sqrt_f32_loop(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) { return __builtin_sqrtf(x); });
}
void rsqrt_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) { return 1.0f / __builtin_sqrtf(x); });
}

void exp_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) { return static_cast<float>(exp_double(x)); });
}

void sigmoid_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) {
    // e^-|x| / (1 + e^-|x|) keeps the small results exact; 1 / (1 + …) the large ones.
    const double e = exp_double(from_bits(bits_of(x) | 0x80000000u));
    const double s = 1.0 / (1.0 + e);
    return static_cast<float>(x < 0.0f ? e * s : s);
  });
}

void tanh_f32(const void* a, void* out, size_t n) {
  loop1(a, out, n, [](float x) {
    // Below 1/4 the odd series of tanh, above it (1 - e) / (1 + e) with e = e^-2|x|.
    const double z = static_cast<double>(x) * x;
    double p = -1382.0 / 155925;
    p = p * z + 62.0 / 2835;
    p = p * z - 17.0 / 315;
    p = p * z + 2.0 / 15;
    p = p * z - 1.0 / 3;
    const double small = x + x * z * p;
    const float m = from_bits(bits_of(x) | 0x80000000u);
    const double e = exp_double(2.0f * m);
    const double large = (1.0 - e) / (1.0 + e);
    return static_cast<float>(m > -0.25f ? small : x < 0.0f ? -large : large);
  });
}

}  // namespace whittle::eval
