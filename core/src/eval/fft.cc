#include "fft.h"

#include <utility>

#include "functions.h"

namespace whittle::eval {
namespace {

Complex128 times(Complex128 a, Complex128 b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

Complex128 turn(double angle) { return {fn::cos(angle), fn::sin(angle)}; }

// Length a power of two; `sign` -1 forward, +1 backward, not divided.
void power_of_two(std::vector<Complex128>& x, double sign) {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  std::vector<Complex128> roots(n / 2);
  for (size_t k = 0; k < roots.size(); ++k) {
    roots[k] = turn(sign * 2 * fn::kPi * static_cast<double>(k) / static_cast<double>(n));
  }
  for (size_t half = 1; half < n; half *= 2) {
    const size_t step = n / (2 * half);
    for (size_t start = 0; start < n; start += 2 * half) {
      for (size_t k = 0; k < half; ++k) {
        const Complex128 a = x[start + k], b = times(x[start + k + half], roots[k * step]);
        x[start + k] = {a.re + b.re, a.im + b.im};
        x[start + k + half] = {a.re - b.re, a.im - b.im};
      }
    }
  }
}

void bluestein(std::vector<Complex128>& x, double sign) {
  const size_t n = x.size();
  size_t m = 1;
  while (m < 2 * n) m *= 2;
  std::vector<Complex128> chirp(n), a(m, Complex128{0, 0}), b(m, Complex128{0, 0});
  for (size_t k = 0; k < n; ++k) {
    // k^2 modulo 2n keeps the angle exact.
    const uint64_t square = static_cast<uint64_t>(k) * k % (2 * n);
    chirp[k] = turn(sign * fn::kPi * static_cast<double>(square) / static_cast<double>(n));
    a[k] = times(x[k], chirp[k]);
    const Complex128 conjugate{chirp[k].re, -chirp[k].im};
    b[k] = conjugate;
    if (k != 0) b[m - k] = conjugate;
  }
  power_of_two(a, -1);
  power_of_two(b, -1);
  for (size_t k = 0; k < m; ++k) a[k] = times(a[k], b[k]);
  power_of_two(a, 1);
  const double scale = 1.0 / static_cast<double>(m);
  for (size_t k = 0; k < n; ++k) {
    x[k] = times({a[k].re * scale, a[k].im * scale}, chirp[k]);
  }
}

}  // namespace

void fft(std::vector<Complex128>& x, bool inverse) {
  const size_t n = x.size();
  if (n > 1) {
    if ((n & (n - 1)) == 0) {
      power_of_two(x, inverse ? 1 : -1);
    } else {
      bluestein(x, inverse ? 1 : -1);
    }
  }
  if (!inverse || n == 0) return;
  const double scale = 1.0 / static_cast<double>(n);
  for (Complex128& v : x) {
    v.re *= scale;
    v.im *= scale;
  }
}

}  // namespace whittle::eval
