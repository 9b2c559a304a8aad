// Elementwise ops of one input. Float results of transcendental functions come from functions.h.
#include "elementwise.h"
#include "float_kernels.h"
#include "functions.h"

namespace whittle::eval {
namespace {

// Any double function on both float lanes.
template <double (*kFunction)(double)>
struct Via {
  static float apply(float x) { return static_cast<float>(kFunction(static_cast<double>(x))); }
  static double apply(double x) { return kFunction(x); }
};
template <class F>
constexpr UnaryLoops float_loops(UnaryLoop f32 = unary_loop<float, F>) {
  return {.f32 = f32, .f64 = unary_loop<double, F>};
}
template <double (*kFunction)(double)>
constexpr UnaryLoops kVia = float_loops<Via<kFunction>>();

template <const UnaryLoops& kLoops>
Result<Tensors> unary(KernelCall& call) {
  return run_unary(call, kLoops);
}
template <const UnaryLoops& kLoops>
Result<Tensors> predicate(KernelCall& call) {
  return run_unary_bool(call, kLoops);
}

// Sign bits only: subnormals pass, as with TensorFlow's bitwise versions.
template <class T, class F>
void raw_loop(const void* a, void* out, size_t n) {
  const T* in = static_cast<const T*>(a);
  T* o = static_cast<T*>(out);
  for (size_t i = 0; i < n; ++i) o[i] = F::apply(in[i]);
}

struct Neg {
  static float apply(float x) { return -x; }
  static double apply(double x) { return -x; }
  static uint64_t apply(uint64_t x) { return 0 - x; }
  static Complex64 apply(Complex64 x) { return {-x.re, -x.im}; }
  static Complex128 apply(Complex128 x) { return {-x.re, -x.im}; }
};
constexpr UnaryLoops kNeg{raw_loop<float, Neg>,        raw_loop<double, Neg>,
                          raw_loop<uint64_t, Neg>,     raw_loop<uint64_t, Neg>,
                          raw_loop<Complex64, Neg>,    raw_loop<Complex128, Neg>};

struct Abs {
  static float apply(float x) { return __builtin_fabsf(x); }
  static double apply(double x) { return __builtin_fabs(x); }
  static int64_t apply(int64_t x) {
    return x < 0 ? static_cast<int64_t>(0 - static_cast<uint64_t>(x)) : x;
  }
  static uint64_t apply(uint64_t x) { return x; }
};
constexpr UnaryLoops kAbs{.f32 = raw_loop<float, Abs>,
                          .f64 = raw_loop<double, Abs>,
                          .i64 = raw_loop<int64_t, Abs>,
                          .u64 = raw_loop<uint64_t, Abs>};

struct Sign {
  template <class T>
  static T apply(T x) {
    if (x != x) return x;
    return static_cast<T>((x > T{0}) - (x < T{0}));
  }
};
constexpr UnaryLoops kSign{.f32 = unary_loop<float, Sign>,
                           .f64 = unary_loop<double, Sign>,
                           .i64 = raw_loop<int64_t, Sign>,
                           .u64 = raw_loop<uint64_t, Sign>};

struct Square {
  static double apply(double x) { return x * x; }
  static uint64_t apply(uint64_t x) { return x * x; }
  template <class C>
  static C product(C x) {
    return {x.re * x.re - x.im * x.im, x.re * x.im + x.im * x.re};
  }
  static Complex64 apply(Complex64 x) { return product(x); }
  static Complex128 apply(Complex128 x) { return product(x); }
};
constexpr UnaryLoops kSquare{square_f32,
                             unary_loop<double, Square>,
                             raw_loop<uint64_t, Square>,
                             raw_loop<uint64_t, Square>,
                             unary_loop<Complex64, Square>,
                             unary_loop<Complex128, Square>};

struct Reciprocal {
  static float apply(float x) { return 1.0f / x; }
  static double apply(double x) { return 1.0 / x; }
};
constexpr UnaryLoops kReciprocal = float_loops<Reciprocal>();

struct Rsqrt {
  static double apply(double x) { return 1.0 / fn::sqrt(x); }
};
constexpr UnaryLoops kRsqrt{.f32 = rsqrt_f32, .f64 = unary_loop<double, Rsqrt>};
constexpr UnaryLoops kSqrt{.f32 = sqrt_f32_loop, .f64 = unary_loop<double, Via<fn::sqrt>>};

constexpr UnaryLoops kExp{.f32 = exp_f32, .f64 = unary_loop<double, Via<fn::exp>>};
constexpr UnaryLoops kSigmoid{.f32 = sigmoid_f32, .f64 = unary_loop<double, Via<fn::sigmoid>>};
constexpr UnaryLoops kTanh{.f32 = tanh_f32, .f64 = unary_loop<double, Via<fn::tanh>>};

// Rounding: integers pass unchanged.
template <class T>
void identity_loop(const void* a, void* out, size_t n) {
  if (a != out && n != 0) std::memcpy(out, a, n * sizeof(T));
}
template <double (*kFunction)(double)>
constexpr UnaryLoops kRounding{.f32 = unary_loop<float, Via<kFunction>>,
                               .f64 = unary_loop<double, Via<kFunction>>,
                               .i64 = identity_loop<int64_t>,
                               .u64 = identity_loop<uint64_t>};

struct Relu {
  static double apply(double x) { return x > 0 || x != x ? x : 0; }
  static int64_t apply(int64_t x) { return x > 0 ? x : 0; }
};
constexpr UnaryLoops kRelu{.f32 = relu_f32,
                           .f64 = unary_loop<double, Relu>,
                           .i64 = raw_loop<int64_t, Relu>,
                           .u64 = identity_loop<uint64_t>};
struct Relu6 {
  template <class T>
  static T apply(T x) {
    return x < T{0} ? T{0} : x > T{6} ? T{6} : x;
  }
};
constexpr UnaryLoops kRelu6{.f32 = relu6_f32,
                            .f64 = unary_loop<double, Relu6>,
                            .i64 = raw_loop<int64_t, Relu6>,
                            .u64 = raw_loop<uint64_t, Relu6>};

double elu(double x) { return x < 0 ? fn::expm1(x) : x; }
double selu(double x) {
  constexpr double kScale = 1.0507009873554804934193349852946;
  constexpr double kScaleAlpha = 1.7580993408473768599402175208123;
  return x < 0 ? kScaleAlpha * fn::expm1(x) : kScale * x;
}
struct Softsign {
  template <class T>
  static T apply(T x) {
    return x / (T{1} + (x < 0 ? -x : x));
  }
};
constexpr UnaryLoops kSoftsign = float_loops<Softsign>();

Result<Tensors> leaky_relu(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const float alpha = call.node.attrs.float_or("alpha", 0.2f);
  Tensor& x = call.in[0];
  if (x.dtype() == DType::kDouble) {
    WHITTLE_ASSIGN(Tensor out, make_tensor(x.dtype(), dims_of(x), call.ctx));
    auto o = out.mutable_values<double>();
    for (size_t i = 0; i < o.size(); ++i) {
      const double v = flush(x.values<double>()[i]);
      o[i] = v > 0 ? v : flush(v * static_cast<double>(alpha));
    }
    return one(std::move(out));
  }
  if (lane_of(x.dtype()) != Lane::kF32) return no_kernel("LeakyRelu takes floats");
  // alpha is rounded to the dtype first, as TensorFlow's functor does.
  float slope = alpha;
  if (x.dtype() != DType::kFloat) {
    uint16_t stored = 0;
    narrow(x.dtype(), &alpha, reinterpret_cast<uint8_t*>(&stored), 1);
    widen(x.dtype(), reinterpret_cast<const uint8_t*>(&stored), 1, &slope, 1);
  }
  WHITTLE_ASSIGN(Tensor out, make_tensor(x.dtype(), dims_of(x), call.ctx));
  const uint32_t width = byte_width(x.dtype());
  for (uint64_t i = 0; i < x.elements(); ++i) {
    float v = 0;
    widen(x.dtype(), x.bytes().data() + i * width, 1, &v, 1);
    v = flush(v);
    v = v > 0 ? v : flush(v * slope);
    narrow(x.dtype(), &v, out.mutable_bytes() + i * width, 1);
  }
  return one(std::move(out));
}

// Predicates write one byte an element.
template <class T, bool (*kTest)(T)>
void test_loop(const void* a, void* out, size_t n) {
  const T* in = static_cast<const T*>(a);
  uint8_t* o = static_cast<uint8_t*>(out);
  for (size_t i = 0; i < n; ++i) o[i] = kTest(in[i]);
}
template <class T>
bool test_nan(T x) { return x != x; }
template <class T>
bool test_inf(T x) { return x - x != x - x && x == x; }
template <class T>
bool test_finite(T x) { return x - x == x - x; }
constexpr UnaryLoops kIsNan{.f32 = test_loop<float, test_nan<float>>,
                            .f64 = test_loop<double, test_nan<double>>};
constexpr UnaryLoops kIsInf{.f32 = test_loop<float, test_inf<float>>,
                            .f64 = test_loop<double, test_inf<double>>};
constexpr UnaryLoops kIsFinite{.f32 = test_loop<float, test_finite<float>>,
                               .f64 = test_loop<double, test_finite<double>>};

struct LogicalNot {
  static uint64_t apply(uint64_t x) { return x == 0; }
};
constexpr UnaryLoops kLogicalNot{.u64 = raw_loop<uint64_t, LogicalNot>};
struct Invert {
  static uint64_t apply(uint64_t x) { return ~x; }
};
constexpr UnaryLoops kInvert{.i64 = raw_loop<uint64_t, Invert>, .u64 = raw_loop<uint64_t, Invert>};

struct Conj {
  static Complex64 apply(Complex64 x) { return {x.re, -x.im}; }
  static Complex128 apply(Complex128 x) { return {x.re, -x.im}; }
};
constexpr UnaryLoops kConj{.c64 = raw_loop<Complex64, Conj>, .c128 = raw_loop<Complex128, Conj>};

Result<Tensors> population_count(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const uint32_t width = byte_width(x.dtype());
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kUint8, dims_of(x), call.ctx));
  for (uint64_t i = 0; i < x.elements(); ++i) {
    uint64_t v = 0;
    std::memcpy(&v, x.bytes().data() + i * width, width);
    out.mutable_bytes()[i] = static_cast<uint8_t>(__builtin_popcountll(v));
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Exactness exactness,
                         Result<Tensors> (*run)(KernelCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement,
          .exactness = exactness, .run = run};
}
constexpr auto kExact = Exactness::kExact;
constexpr auto kUlp = Exactness::kUlp;

constexpr KernelInfo kRows[] = {
    row("Abs", kReals, kExact, unary<kAbs>),
    row("Acos", kFloats, kUlp, unary<kVia<fn::acos>>),
    row("Acosh", kFloats, kUlp, unary<kVia<fn::acosh>>),
    row("Asin", kFloats, kUlp, unary<kVia<fn::asin>>),
    row("Asinh", kFloats, kUlp, unary<kVia<fn::asinh>>),
    row("Atan", kFloats, kUlp, unary<kVia<fn::atan>>),
    row("Atanh", kFloats, kUlp, unary<kVia<fn::atanh>>),
    row("Ceil", kFloats, kExact, unary<kRounding<fn::ceil>>),
    row("Conj", kComplex, kExact, unary<kConj>),
    row("Cos", kFloats, kUlp, unary<kVia<fn::cos>>),
    row("Cosh", kFloats, kUlp, unary<kVia<fn::cosh>>),
    row("Digamma", kFloats, kUlp, unary<kVia<fn::digamma>>),
    row("Elu", kFloats, kUlp, unary<kVia<elu>>),
    row("Erf", kFloats, kUlp, unary<kVia<fn::erf>>),
    row("Erfc", kFloats, kUlp, unary<kVia<fn::erfc>>),
    row("Erfinv", kFloats, kUlp, unary<kVia<fn::erfinv>>),
    row("Exp", kFloats, kUlp, unary<kExp>),
    row("Expm1", kFloats, kUlp, unary<kVia<fn::expm1>>),
    row("Floor", kFloats, kExact, unary<kRounding<fn::floor>>),
    row("Inv", kFloats, kUlp, unary<kReciprocal>),
    row("Invert", kInts, kExact, unary<kInvert>),
    row("IsFinite", kFloats, kExact, predicate<kIsFinite>),
    row("IsInf", kFloats, kExact, predicate<kIsInf>),
    row("IsNan", kFloats, kExact, predicate<kIsNan>),
    row("LeakyRelu", kFloats, kExact, leaky_relu, "alpha"),
    row("Lgamma", kFloats, kUlp, unary<kVia<fn::lgamma>>),
    row("Log", kFloats, kUlp, unary<kVia<fn::log>>),
    row("Log1p", kFloats, kUlp, unary<kVia<fn::log1p>>),
    row("LogicalNot", kBoolOnly, kExact, unary<kLogicalNot>),
    row("Ndtri", kFloats, kUlp, unary<kVia<fn::ndtri>>),
    row("Neg", kNumbers, kExact, unary<kNeg>),
    row("PopulationCount", kInts, kExact, population_count),
    row("Reciprocal", kFloats, kUlp, unary<kReciprocal>),
    row("Relu", kReals, kExact, unary<kRelu>),
    row("Relu6", kReals, kExact, unary<kRelu6>),
    row("Rint", kFloats, kExact, unary<kRounding<fn::rint>>),
    row("Round", kReals, kExact, unary<kRounding<fn::rint>>),
    row("Rsqrt", kFloats, kUlp, unary<kRsqrt>),
    row("Selu", kFloats, kUlp, unary<kVia<selu>>),
    row("Sigmoid", kFloats, kUlp, unary<kSigmoid>),
    row("Sign", kReals, kExact, unary<kSign>),
    row("Sin", kFloats, kUlp, unary<kVia<fn::sin>>),
    row("Sinh", kFloats, kUlp, unary<kVia<fn::sinh>>),
    row("Softplus", kFloats, kUlp, unary<kVia<fn::softplus>>),
    row("Softsign", kFloats, kExact, unary<kSoftsign>),
    row("Sqrt", kFloats, kExact, unary<kSqrt>),
    row("Square", kNumbers, kExact, unary<kSquare>),
    row("Tan", kFloats, kUlp, unary<kVia<fn::tan>>),
    row("Tanh", kFloats, kUlp, unary<kTanh>),
};

}  // namespace

Rows unary_kernels() { return kRows; }

}  // namespace whittle::eval
