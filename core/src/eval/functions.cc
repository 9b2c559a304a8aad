#include "functions.h"

#include "whittle/math.h"

namespace whittle::fn {
namespace {

constexpr double kLn2Hi = 0x1.62e42fee00000p-1;  // 32 bits: k * kLn2Hi is exact
constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;
constexpr double kLog2E = 0x1.71547652b82fep+0;

// e^r - 1 for |r| <= 0.36, by its series.
double expm1_small(double r) {
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return r + r * r * p;
}

struct ExpParts {
  double k;   // integral
  double hi;  // x = k ln2 + hi + lo
  double lo;
};

ExpParts reduce_exp(double x) {
  const double k = rint(x * kLog2E);
  const double a = x - k * kLn2Hi;
  const double b = k * kLn2Lo;
  const double hi = a - b;
  return {k, hi, (a - hi) - b};
}

// e^(x + tail), tail tiny.
double exp_with_tail(double x, double tail) {
  if (is_nan(x)) return x;
  if (x > 709.8) return kInf;
  if (x < -745.2) return 0;
  const ExpParts e = reduce_exp(x);
  const double lo = e.lo + tail;
  const double p = expm1_small(e.hi);
  return ldexp(1.0 + (p + lo * (1.0 + p)), static_cast<int>(e.k));
}

// x = 2^k * (1 + f), f in [-0.293, 0.4143); x positive and finite.
double split_log(double x, int* k) {
  uint64_t bits = bit_cast<uint64_t>(x);
  int e = 0;
  if (bits < (uint64_t{1} << 52)) {
    x *= 0x1p54;
    bits = bit_cast<uint64_t>(x);
    e = -54;
  }
  e += static_cast<int>(bits >> 52) - 1023;
  double m = bit_cast<double>((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
  if (m > 0x1.6a09e667f3bcdp+0) {
    m *= 0.5;
    ++e;
  }
  *k = e;
  return m - 1.0;
}

// log(1 + f) = f - (f^2/2 - s (f^2/2 + r)), s = f / (2 + f), r the tail of 2 atanh(s).
double log1p_small(double f, double k, double correction) {
  const double s = f / (2.0 + f);
  const double z = s * s;
  double r = 2.0 / 25;
  r = r * z + 2.0 / 23;
  r = r * z + 2.0 / 21;
  r = r * z + 2.0 / 19;
  r = r * z + 2.0 / 17;
  r = r * z + 2.0 / 15;
  r = r * z + 2.0 / 13;
  r = r * z + 2.0 / 11;
  r = r * z + 2.0 / 9;
  r = r * z + 2.0 / 7;
  r = r * z + 2.0 / 5;
  r = r * z + 2.0 / 3;
  r *= z;
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + r) + (k * kLn2Lo + correction);
  return k * kLn2Hi - ((half_square - tail) - f);
}

// Double-double helpers, for pow.
struct Pair {
  double hi, lo;
};
Pair quick_two_sum(double a, double b) {
  const double s = a + b;
  return {s, b - (s - a)};
}
Pair two_sum(double a, double b) {
  const double s = a + b;
  const double t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
Pair two_product(double a, double b) {
  const double p = a * b;
  const double ca = 134217729.0 * a, cb = 134217729.0 * b;
  const double ah = ca - (ca - a), al = a - ah;
  const double bh = cb - (cb - b), bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}
Pair multiply(Pair a, Pair b) {
  Pair p = two_product(a.hi, b.hi);
  p.lo += a.hi * b.lo + a.lo * b.hi;
  return quick_two_sum(p.hi, p.lo);
}
Pair add(Pair a, Pair b) {
  Pair s = two_sum(a.hi, b.hi);
  s.lo += a.lo + b.lo;
  return quick_two_sum(s.hi, s.lo);
}
Pair divide(double a, Pair b) {
  const double q = a / b.hi;
  const Pair p = two_product(q, b.hi);
  const double r = ((a - p.hi) - p.lo) - q * b.lo;
  return quick_two_sum(q, r / b.hi);
}

// log(x) to about 100 bits near 1 and 2^-90 elsewhere.
Pair log_pair(double x) {
  int k = 0;
  const double f = split_log(x, &k);
  const Pair s = divide(f, two_sum(2.0, f));
  const Pair z = multiply(s, s);
  // Low-order terms in double, the leading three in pairs.
  double tail = 2.0 / 29;
  for (int n = 27; n >= 9; n -= 2) tail = tail * z.hi + 2.0 / n;
  Pair p = add({2.0 / 7, 0x1.2492492492492p-56}, multiply(z, {tail, 0}));
  p = add({0.4, -0x1.999999999999ap-56}, multiply(z, p));
  p = add({0x1.5555555555555p-1, 0x1.5555555555555p-55}, multiply(z, p));
  p = multiply(multiply(z, s), p);
  p = add({2 * s.hi, 2 * s.lo}, p);
  const double n = k;
  const Pair ln2_k = add(two_product(n, 0x1.62e42fefa39efp-1), {n * 0x1.abc9e3b39803fp-56, 0});
  return add(ln2_k, p);
}

}  // namespace

double rint(double x) {
  // Adding and taking away 2^52 rounds to an integer; larger values are integers already.
  if (!(abs(x) < 0x1p52)) return x;
  const double r = (abs(x) + 0x1p52) - 0x1p52;
  return copy_sign(r, x);
}

double ldexp(double x, int exponent) {
  while (exponent > 1000) {
    x *= 0x1p1000;
    exponent -= 1000;
  }
  while (exponent < -1000) {
    // One rounding only: the last step is the one that may become subnormal.
    if (exponent < -2200) return x * 0.0;
    x *= 0x1p-54 * 0x1p-900;
    exponent += 954;
  }
  return x * bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

double fmod(double x, double y) {
  if (is_nan(x) || is_nan(y) || abs(x) == kInf || y == 0) return kNan;
  if (abs(y) == kInf) return x;
  double r = abs(x);
  const double d = abs(y);
  if (r < d) return x;
  // Long division in base 2: at most 2046 exact subtractions.
  const uint64_t dbits = bit_cast<uint64_t>(d), rbits = bit_cast<uint64_t>(r);
  int shift = static_cast<int>(rbits >> 52) - static_cast<int>(dbits >> 52);
  if (shift > 1000) {
    // Scaling d so far up would overflow half way for subnormal d; take two stages.
    const double middle = ldexp(d, shift - 1000);
    r = fmod(r, middle);
    shift = 1000;
  }
  for (; shift >= 0; --shift) {
    const double step = ldexp(d, shift);
    if (r >= step) r -= step;
  }
  while (r >= d) r -= d;
  return copy_sign(r, x);
}

double exp(double x) { return exp_with_tail(x, 0); }

double exp2(double x) {
  if (is_nan(x)) return x;
  if (x >= 1024) return kInf;
  if (x < -1080) return 0;
  const double k = rint(x);
  const double r = x - k;
  const Pair p = two_product(r, kLn2);
  const double lo = p.lo + r * 0x1.abc9e3b39803fp-56;
  return ldexp(1.0 + (expm1_small(p.hi) + lo * (1.0 + p.hi)), static_cast<int>(k));
}

double expm1(double x) {
  if (is_nan(x)) return x;
  if (x > 709.8) return kInf;
  if (x < -40) return -1;
  if (abs(x) < 0.34) return x == 0 ? x : expm1_small(x);
  const ExpParts e = reduce_exp(x);
  const double p = expm1_small(e.hi) + e.lo * (1.0 + e.hi);
  const int k = static_cast<int>(e.k);
  if (k == 1024) return ldexp(1.0 + p, k);
  const double scale = ldexp(1.0, k);
  return scale * p + (scale - 1.0);
}

double log(double x) {
  if (is_nan(x)) return x;
  if (x == 0) return -kInf;
  if (x < 0) return kNan;
  if (x == kInf) return x;
  int k = 0;
  const double f = split_log(x, &k);
  return log1p_small(f, k, 0);
}

double log1p(double x) {
  if (is_nan(x) || x == kInf) return x;
  if (x <= -1) return x == -1 ? -kInf : kNan;
  if (x == 0) return x;
  if (x > -0.29 && x < 0.41) return log1p_small(x, 0, 0);
  const double u = 1.0 + x;
  if (u == kInf) return log(x);
  const double lost = x >= 1 ? 1.0 - (u - x) : x - (u - 1.0);
  int k = 0;
  const double f = split_log(u, &k);
  return log1p_small(f, k, lost / u);
}

double pow(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (is_nan(x) || is_nan(y)) return kNan;
  const bool y_integer = abs(y) >= 0x1p53 || trunc(y) == y;
  const bool y_odd = y_integer && abs(y) < 0x1p53 && fmod(y, 2) != 0;
  if (abs(y) == kInf) {
    if (abs(x) == 1) return 1;
    return (abs(x) > 1) == (y > 0) ? kInf : 0;
  }
  if (x == 0 || abs(x) == kInf) {
    const double magnitude = (abs(x) == kInf) == (y > 0) ? kInf : 0;
    return y_odd ? copy_sign(magnitude, x) : magnitude;
  }
  if (x < 0 && !y_integer) return kNan;
  const double sign = x < 0 && y_odd ? -1 : 1;
  const Pair l = log_pair(abs(x));
  if (abs(l.hi * y) > 800) return sign * (l.hi * y > 0 ? kInf : 0.0);
  if (abs(y) > 0x1p900 || abs(y) < 0x1p-900) return sign * exp(l.hi * y);
  const Pair p = multiply(l, {y, 0});
  return sign * exp_with_tail(p.hi, p.lo);
}

double sinh(double x) {
  const double a = abs(x);
  if (!(a < 710.5)) return x + x;
  if (a > 22) {
    const double half = exp(0.5 * a);
    return copy_sign((0.5 * half) * half, x);
  }
  const double e = expm1(a);
  return copy_sign(0.5 * (e + e / (e + 1.0)), x);
}

double cosh(double x) {
  const double a = abs(x);
  if (!(a < 710.5)) return a + a;
  if (a > 22) {
    const double half = exp(0.5 * a);
    return (0.5 * half) * half;
  }
  const double e = exp(a);
  return 0.5 * e + 0.5 / e;
}

double tanh(double x) {
  if (is_nan(x)) return x;
  const double a = abs(x);
  if (a > 22) return copy_sign(1.0, x);
  if (a == 0) return x;
  if (a > 1) return copy_sign(1.0 - 2.0 / (expm1(2 * a) + 2.0), x);
  const double e = expm1(2 * a);
  return copy_sign(e / (e + 2.0), x);
}

double asinh(double x) {
  const double a = abs(x);
  if (!(a < kInf)) return x;
  double r;
  if (a > 0x1p28) {
    r = log(a) + kLn2;
  } else {
    const double square = a * a;
    r = log1p(a + square / (1.0 + sqrt(1.0 + square)));
  }
  return copy_sign(r, x);
}

double acosh(double x) {
  if (!(x >= 1)) return kNan;
  if (x > 0x1p28) return log(x) + kLn2;
  const double t = x - 1.0;
  return log1p(t + sqrt(t * (x + 1.0)));
}

double atanh(double x) {
  const double a = abs(x);
  if (!(a <= 1)) return kNan;
  if (a == 1) return copy_sign(kInf, x);
  if (a < 0x1p-30) return x;
  return copy_sign(0.5 * log1p(2 * a / (1.0 - a)), x);
}

double sigmoid(double x) {
  if (x >= 0) return 1.0 / (1.0 + exp(-x));
  const double e = exp(x);
  return e / (1.0 + e);
}

double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

double xlogy(double x, double y) { return x == 0 && !is_nan(y) ? 0 : x * log(y); }

}  // namespace whittle::fn
