#include "functions.h"

#include "whittle/math.h"

namespace whittle::fn {
namespace {

// pi/2 in pieces of 33 bits and a remainder: n * piece is exact for n < 2^20.
constexpr double kHalfPi1 = 0x1.921fb54400000p+0;
constexpr double kHalfPi2 = 0x1.0b4611a600000p-34;
constexpr double kHalfPi3 = 0x1.3198a2e000000p-69;
constexpr double kHalfPi4 = 0x1.b839a252049c1p-104;
constexpr double kHalfPi = 0x1.921fb54442d18p+0;
constexpr double kHalfPiLo = 0x1.1a62633145c07p-54;

// 2/pi, the bits after the binary point.
constexpr uint64_t kTwoOverPi[20] = {
    0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u, 0xfe5163abdebbc561u,
    0xb7246e3a424dd2e0u, 0x06492eea09d1921cu, 0xfe1deb1cb129a73eu, 0xe88235f52ebb4484u,
    0xe99c7026b45f7e41u, 0x3991d639835339f4u, 0x9c845f8bbdf9283bu, 0x1ff897ffde05980fu,
    0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u, 0x4f463f669e5fea2du, 0x7527bac7ebe5f17bu,
    0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu, 0xf0cfbc209af4361du};

// atan(i / 8) as a sum of two doubles.
constexpr double kAtan[21][2] = {
    {0x0.0p+0, 0x0.0p+0},
    {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
    {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
    {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
    {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
    {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
    {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
    {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
    {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55},
    {0x1.b034f38649c88p-1, -0x1.be88d6936f833p-55},
    {0x1.cac7c57846f9ep-1, 0x1.0dae13ad18a6bp-55},
    {0x1.e24dd44c855d1p-1, 0x1.f7ac612ab33d8p-55},
    {0x1.f730bd281f69bp-1, 0x1.007887af0cbbdp-56},
    {0x1.04e67277a01d7p+0, 0x1.7115496c13eb6p-57},
    {0x1.0d38f2c5ba09fp+0, -0x1.bd0dc231bfd70p-54},
    {0x1.14b1dd5f90ce1p+0, -0x1.212d570a63fa2p-56},
    {0x1.1b6e192ebbe44p+0, 0x1.b1b466a88828ep-54},
    {0x1.21862f3fade36p+0, 0x1.4887628d68748p-54},
    {0x1.270ef55a53a25p+0, -0x1.a66b1af5f84fbp-54},
    {0x1.2c1a241d66dc3p+0, 0x1.82b2d58b6a8e9p-54},
    {0x1.30b6d796a4da8p+0, 0x1.6254cb03bb199p-54}};

struct Reduced {
  int quadrant;   // 0..3
  double hi, lo;  // |hi + lo| <= pi/4
};

// |x| >= 2^20: multiplies the mantissa by the 192 bits of 2/pi that matter.
Reduced reduce_large(double x) {
  const uint64_t bits = bit_cast<uint64_t>(x);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1075;  // |x| = mantissa * 2^exponent
  const uint64_t mantissa = (bits & 0xfffffffffffffu) | (uint64_t{1} << 52);
  // Bits of 2/pi of weight above 4 / 2^exponent contribute whole turns only: the window of 192 bits
  // starts there. Then |x| * 2/pi = mantissa * window * 2^-point, modulo 4.
  const int start = exponent > 2 ? exponent - 2 : 0;
  const int point = 192 - (exponent - start);  // 190..224
  uint64_t window[3];
  for (int i = 0; i < 3; ++i) {
    const int position = start + 64 * i;
    const int word = position / 64, shift = position % 64;
    window[i] = kTwoOverPi[word] << shift;
    if (shift != 0) window[i] |= kTwoOverPi[word + 1] >> (64 - shift);
  }
  uint64_t product[5] = {0, 0, 0, 0, 0};  // low word first
  uint64_t carry = 0;
  for (int i = 0; i < 3; ++i) {
    const unsigned __int128 t = static_cast<unsigned __int128>(mantissa) * window[2 - i] + carry;
    product[i] = static_cast<uint64_t>(t);
    carry = static_cast<uint64_t>(t >> 64);
  }
  product[3] = carry;
  // The 64 bits of the product that start at bit `low`.
  const auto bits_at = [&](int low) {
    const int word = low / 64, shift = low % 64;
    const uint64_t v = product[word] >> shift;
    return shift == 0 ? v : v | product[word + 1] << (64 - shift);
  };
  int quadrant = static_cast<int>(bits_at(point) & 3);
  uint64_t a = bits_at(point - 64), b = bits_at(point - 128);
  double sign = 1;
  if (a >> 63) {  // fraction >= 1/2: go to the next quadrant
    ++quadrant;
    sign = -1;
    a = ~a;
    b = ~b;
  }
  // fraction = a * 2^-64 + b * 2^-128, normalised so that no bit of the result is lost.
  const int zeros = a == 0 ? 64 : __builtin_clzll(a);
  if (zeros > 0) {
    a = zeros == 64 ? b : (a << zeros) | (b >> (64 - zeros));
    b = zeros == 64 ? 0 : b << zeros;
  }
  const uint64_t top = a & ~uint64_t{0x7ff};
  const double hi = ldexp(static_cast<double>(top), -64 - zeros);
  const double lo = ldexp(static_cast<double>(a & 0x7ff) + static_cast<double>(b >> 11) * 0x1p-53,
                          -64 - zeros);
  // (hi + lo) * pi/2 with the product's rounding error recovered.
  const double ch = 134217729.0 * hi, hh = ch - (ch - hi), hl = hi - hh;
  constexpr double kPh = 0x1.921fb54000000p+0, kPl = kHalfPi - kPh;
  const double scaled = hi * kHalfPi;
  const double error = ((hh * kPh - scaled) + hh * kPl + hl * kPh) + hl * kPl;
  const double rest = error + (hi * kHalfPiLo + lo * kHalfPi);
  const double y = scaled + rest;
  const double y_lo = (scaled - y) + rest;
  if (x < 0) {
    quadrant = -quadrant;
    sign = -sign;
  }
  return {quadrant & 3, sign * y, sign * y_lo};
}

Reduced reduce(double x) {
  if (abs(x) <= 0.7853981633974483) return {0, x, 0};
  if (abs(x) >= 0x1p20) return reduce_large(x);
  const double n = rint(x * 0x1.45f306dc9c883p-1);
  double r = x - n * kHalfPi1;
  // Three more pieces, each subtraction's rounding error carried along.
  double t = n * kHalfPi2;
  double s = r - t;
  double error = (r - s) - t;
  r = s;
  t = n * kHalfPi3;
  s = r - t;
  error += (r - s) - t;
  error -= n * kHalfPi4;
  const double hi = s + error;
  return {static_cast<int>(static_cast<int64_t>(n) & 3), hi, (s - hi) + error};
}

double sin_core(double x, double tail) {
  const double z = x * x;
  double p = -1.0 / 121645100408832000.0;
  p = p * z + 1.0 / 355687428096000.0;
  p = p * z - 1.0 / 1307674368000.0;
  p = p * z + 1.0 / 6227020800.0;
  p = p * z - 1.0 / 39916800.0;
  p = p * z + 1.0 / 362880.0;
  p = p * z - 1.0 / 5040.0;
  p = p * z + 1.0 / 120.0;
  p = p * z - 1.0 / 6.0;
  return x + (x * z * p + tail * (1.0 - 0.5 * z));
}

double cos_core(double x, double tail) {
  const double z = x * x;
  double p = 1.0 / 2432902008176640000.0;
  p = p * z - 1.0 / 6402373705728000.0;
  p = p * z + 1.0 / 20922789888000.0;
  p = p * z - 1.0 / 87178291200.0;
  p = p * z + 1.0 / 479001600.0;
  p = p * z - 1.0 / 3628800.0;
  p = p * z + 1.0 / 40320.0;
  p = p * z - 1.0 / 720.0;
  p = p * z + 1.0 / 24.0;
  const double half = 0.5 * z;
  const double w = 1.0 - half;
  return w + (((1.0 - w) - half) + (z * z * p - x * tail));
}

}  // namespace

double sin(double x) {
  if (!(abs(x) < kInf)) return kNan;
  const Reduced r = reduce(x);
  const double v = r.quadrant & 1 ? cos_core(r.hi, r.lo) : sin_core(r.hi, r.lo);
  return r.quadrant & 2 ? -v : v;
}

double cos(double x) {
  if (!(abs(x) < kInf)) return kNan;
  const Reduced r = reduce(x);
  const double v = r.quadrant & 1 ? sin_core(r.hi, r.lo) : cos_core(r.hi, r.lo);
  return r.quadrant == 1 || r.quadrant == 2 ? -v : v;
}

double tan(double x) {
  if (!(abs(x) < kInf)) return kNan;
  const Reduced r = reduce(x);
  const double s = sin_core(r.hi, r.lo), c = cos_core(r.hi, r.lo);
  return r.quadrant & 1 ? -c / s : s / c;
}

double atan(double x) {
  if (is_nan(x)) return x;
  const double a = abs(x);
  double t, base, base_lo;
  if (a >= 2.5625) {  // atan(a) = pi/2 - atan(1/a)
    if (a > 0x1p60) return copy_sign(kHalfPi, x);
    const double inverse = 1.0 / a;
    const int i = static_cast<int>(inverse * 8 + 0.5);
    const double c = i * 0.125;
    t = -(1.0 - c * a) / (a + c);
    base = kHalfPi - kAtan[i][0];
    base_lo = kHalfPiLo - kAtan[i][1] + ((kHalfPi - base) - kAtan[i][0]);
  } else {
    const int i = static_cast<int>(a * 8 + 0.5);
    const double c = i * 0.125;
    t = i == 0 ? a : (a - c) / (1.0 + c * a);
    base = kAtan[i][0];
    base_lo = kAtan[i][1];
  }
  const double z = t * t;
  double p = 1.0 / 17;
  p = p * z - 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z - 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z - 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z - 1.0 / 3;
  return copy_sign(base + (t + (t * z * p + base_lo)), x);
}

double atan2(double y, double x) {
  if (is_nan(x) || is_nan(y)) return kNan;
  const double ay = abs(y), ax = abs(x);
  double r;
  if (ay == 0) {
    r = 0;
  } else if (ax == 0 || (ay == kInf && ax != kInf)) {
    return copy_sign(kHalfPi, y);
  } else if (ax == kInf) {
    r = ay == kInf ? 0.5 * kHalfPi : 0;
  } else {
    r = atan(ay / ax);
  }
  const bool left = bit_cast<uint64_t>(x) >> 63;
  if (left) r = kPi - (r - 2 * kHalfPiLo);
  return copy_sign(r, y);
}

double asin(double x) {
  if (!(abs(x) <= 1)) return kNan;
  if (abs(x) < 0x1p-27) return x;
  return atan2(x, sqrt((1.0 - x) * (1.0 + x)));
}

double acos(double x) {
  if (!(abs(x) <= 1)) return kNan;
  return 2.0 * atan2(sqrt(1.0 - x), sqrt(1.0 + x));
}

}  // namespace whittle::fn
