// Error function, normal quantile, log gamma, digamma: double precision by series that converge
// everywhere they are used, chosen for little code rather than for speed.
#include "functions.h"

#include "whittle/math.h"

namespace whittle::fn {
namespace {

constexpr double kTwoOverSqrtPi = 0x1.20dd750429b6dp+0;
constexpr double kLogSqrtTwoPi = 0x1.d67f1c864beb5p-1;

// exp(-x^2) without the cancellation of a rounded square.
double exp_minus_square(double x) {
  const double head = bit_cast<double>(bit_cast<uint64_t>(x) & ~uint64_t{0x7ffffff});
  const double rest = x - head;
  return exp(-head * head) * exp(-rest * (x + head));
}

// erf(x) = 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (1*3*…*(2n+1)); all terms positive.
double erf_series(double x) {
  if (x < 0.5) {
    // The alternating series loses nothing here and needs no exponential.
    const double z = x * x;
    double sum = 0;
    for (int n = 14; n >= 1; --n) {
      double factorial = 1;
      for (int i = 2; i <= n; ++i) factorial *= i;
      sum = z * ((n % 2 ? -1.0 : 1.0) / (factorial * (2 * n + 1)) + sum);
      // Horner in z: terms are collected from the smallest.
    }
    return kTwoOverSqrtPi * (x + x * sum);
  }
  double term = x, sum = x;
  for (int n = 1; n < 100; ++n) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
    if (term < sum * 0x1p-56) break;
  }
  return kTwoOverSqrtPi * exp_minus_square(x) * sum;
}

// erfc(x) for x >= 2 by its continued fraction, evaluated from the inside out.
double erfc_fraction(double x) {
  const int depth = static_cast<int>(20 + 240 / (x * x));
  double f = x;
  for (int n = depth; n >= 1; --n) f = x + 0.5 * n / f;
  return 0.5 * kTwoOverSqrtPi * exp_minus_square(x) / f;
}

}  // namespace

double erf(double x) {
  if (is_nan(x)) return x;
  const double a = abs(x);
  if (a == 0) return x;
  if (a > 6) return copy_sign(1.0, x);
  return copy_sign(a < 2 ? erf_series(a) : 1.0 - erfc_fraction(a), x);
}

double erfc(double x) {
  if (is_nan(x)) return x;
  if (x > 27.3) return 0;
  if (x < -6) return 2;
  if (x < 0.5) return 1.0 - erf(x);
  if (x >= 2) return erfc_fraction(x);
  // 1 - erf loses up to 8 bits between 0.5 and 2; a Taylor step from a nearby point where the
  // continued fraction is accurate would be longer than running the fraction deeper.
  double f = x;
  const int depth = static_cast<int>(60 + 400 / (x * x));
  for (int n = depth; n >= 1; --n) f = x + 0.5 * n / f;
  return 0.5 * kTwoOverSqrtPi * exp_minus_square(x) / f;
}

double ndtri(double p) {
  if (!(p >= 0 && p <= 1)) return kNan;
  if (p == 0) return -kInf;
  if (p == 1) return kInf;
  // A rough start (error < 4.5e-4: Abramowitz and Stegun 26.2.23), then Halley's steps on erfc.
  const double tail = p < 0.5 ? p : 1.0 - p;
  const double t = sqrt(-2.0 * log(tail));
  double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                     (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;
  constexpr double kSqrtTwoPi = 0x1.40d931ff62706p+1;
  for (int i = 0; i < 3; ++i) {
    // Upper tail q(x) = erfc(x / sqrt 2) / 2 against `tail`.
    const double error = (0.5 * erfc(x * kSqrtHalf) - tail) * kSqrtTwoPi * exp(0.5 * x * x);
    x += error / (1.0 + 0.5 * x * error);
  }
  return p < 0.5 ? -x : x;
}

double erfinv(double x) {
  if (!(abs(x) <= 1)) return kNan;
  if (abs(x) == 1) return copy_sign(kInf, x);
  if (x == 0) return x;
  const double a = abs(x);
  double y;
  if (a < 0.25) {
    y = a / kTwoOverSqrtPi;
  } else {
    y = -ndtri(0.5 * (1.0 - a)) * 0x1.6a09e667f3bcdp-1;
  }
  // Newton on erf where that is well conditioned, which also repairs the linear start.
  for (int i = 0; i < (a < 0.25 ? 4 : 1); ++i) {
    const double residual = a < 0.75 ? erf(y) - a : (1.0 - a) - erfc(y);
    const double step = residual / (kTwoOverSqrtPi * exp_minus_square(y));
    y -= step / (1.0 + y * step);
  }
  return copy_sign(y, x);
}

double lgamma(double x) {
  if (is_nan(x)) return x;
  if (abs(x) == kInf) return kInf;
  if (x <= 0 && trunc(x) == x) return kInf;
  if (x < 0.5) {  // reflection
    const double s = abs(sin(kPi * (x - 2 * rint(0.5 * x))));
    return log(kPi / s) - lgamma(1.0 - x);
  }
  if (x == 1 || x == 2) return 0;
  // Shift up to where Stirling's series has full precision.
  double product = 1, z = x;
  while (z < 10) {
    product *= z;
    z += 1;
  }
  const double w = 1.0 / (z * z);
  double series = -174611.0 / 125400;
  series = series * w + 43867.0 / 244188;
  series = series * w - 3617.0 / 122400;
  series = series * w + 1.0 / 156;
  series = series * w - 691.0 / 360360;
  series = series * w + 1.0 / 1188;
  series = series * w - 1.0 / 1680;
  series = series * w + 1.0 / 1260;
  series = series * w - 1.0 / 360;
  series = series * w + 1.0 / 12;
  return (z - 0.5) * log(z) - z + kLogSqrtTwoPi + series / z - log(product);
}

double digamma(double x) {
  if (is_nan(x)) return x;
  if (x == kInf) return x;
  if (x <= 0 && trunc(x) == x) return x == 0 ? copy_sign(kInf, -x) : kNan;
  if (x < 0) {  // reflection
    const double r = x - rint(x);
    return digamma(1.0 - x) - kPi / tan(kPi * r);
  }
  double sum = 0, z = x;
  while (z < 10) {
    sum += 1.0 / z;
    z += 1;
  }
  const double w = 1.0 / (z * z);
  double series = -1.0 / 12;
  series = series * w + 691.0 / 32760;
  series = series * w - 1.0 / 132;
  series = series * w + 1.0 / 240;
  series = series * w - 1.0 / 252;
  series = series * w + 1.0 / 120;
  series = series * w - 1.0 / 12;
  return log(z) - 0.5 / z + series * w - sum;
}

}  // namespace whittle::fn
