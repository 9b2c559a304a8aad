// functions.h: the transcendental functions of the evaluator, without a libm.
//
// Every function is built from + - * / sqrt and bit operations on doubles, so that it gives the
// same bits natively and in wasm. Kernels for float32 and narrower call them and round the result,
// which makes those correctly rounded but for rare ties; doubles are within about 2 ulp, lgamma and
// digamma within 1e-14 absolute or relative.
// Special values (NaN, infinities, signed zeros, domain errors) are those of IEEE 754 and C.
#ifndef WHITTLE_EVAL_FUNCTIONS_H_
#define WHITTLE_EVAL_FUNCTIONS_H_

#include <cstddef>
#include <cstdint>
#include <limits>

namespace whittle::fn {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = 0x1.921fb54442d18p+1;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;

inline bool is_nan(double x) { return x != x; }
inline double abs(double x) { return __builtin_fabs(x); }
inline double copy_sign(double x, double sign) { return __builtin_copysign(x, sign); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline double floor(double x) { return __builtin_floor(x); }
inline double ceil(double x) { return __builtin_ceil(x); }
inline double trunc(double x) { return __builtin_trunc(x); }
double rint(double x);             // nearest, ties to even
double ldexp(double x, int exponent);
double fmod(double x, double y);   // exact, sign of x

double exp(double x);
double exp2(double x);
double expm1(double x);
double log(double x);
double log1p(double x);
double pow(double x, double y);

double sin(double x);
double cos(double x);
double tan(double x);
double asin(double x);
double acos(double x);
double atan(double x);
double atan2(double y, double x);

double sinh(double x);
double cosh(double x);
double tanh(double x);
double asinh(double x);
double acosh(double x);
double atanh(double x);

double sigmoid(double x);
double softplus(double x);         // log(1 + e^x)
double erf(double x);
double erfc(double x);
double erfinv(double x);
double ndtri(double p);            // quantile of the normal distribution
double lgamma(double x);           // log |gamma(x)|
double digamma(double x);
double xlogy(double x, double y);  // 0 where x is 0


}  // namespace whittle::fn

#endif  // WHITTLE_EVAL_FUNCTIONS_H_
