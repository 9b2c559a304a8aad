// Elementwise ops of two inputs with broadcasting, comparisons and logic.
#include "elementwise.h"
#include "float_kernels.h"
#include "functions.h"

namespace whittle::eval {
namespace {

template <const BinaryLoops& kLoops>
Result<Tensors> binary(KernelCall& call) {
  return run_binary(call, kLoops);
}

// Lanes from one functor; the f32 loop may be a tuned one.
template <class F>
constexpr BinaryLoops real_loops(BinaryLoop f32 = binary_loop<float, F>) {
  return {.f32 = f32, .f64 = binary_loop<double, F>, .i64 = binary_loop<int64_t, F>,
          .u64 = binary_loop<uint64_t, F>};
}
template <class F>
constexpr BinaryLoops number_loops(BinaryLoop f32) {
  return {f32, binary_loop<double, F>, binary_loop<uint64_t, F>, binary_loop<uint64_t, F>,
          binary_loop<Complex64, F>, binary_loop<Complex128, F>};
}
template <class F>
constexpr BinaryLoops int_loops() {
  return {.i64 = binary_loop<int64_t, F>, .u64 = binary_loop<uint64_t, F>};
}
template <class F>
constexpr BinaryLoops float_only() {
  return {.f32 = binary_loop<float, F>, .f64 = binary_loop<double, F>};
}

struct Add {
  static double apply(double x, double y) { return x + y; }
  static uint64_t apply(uint64_t x, uint64_t y) { return x + y; }
  static Complex64 apply(Complex64 x, Complex64 y) { return {x.re + y.re, x.im + y.im}; }
  static Complex128 apply(Complex128 x, Complex128 y) { return {x.re + y.re, x.im + y.im}; }
};
constexpr BinaryLoops kAdd = number_loops<Add>(add_f32);

struct Sub {
  static double apply(double x, double y) { return x - y; }
  static uint64_t apply(uint64_t x, uint64_t y) { return x - y; }
  static Complex64 apply(Complex64 x, Complex64 y) { return {x.re - y.re, x.im - y.im}; }
  static Complex128 apply(Complex128 x, Complex128 y) { return {x.re - y.re, x.im - y.im}; }
};
constexpr BinaryLoops kSub = number_loops<Sub>(sub_f32);

struct Mul {
  static double apply(double x, double y) { return x * y; }
  static uint64_t apply(uint64_t x, uint64_t y) { return x * y; }
  template <class C>
  static C complex(C x, C y) {
    return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
  }
  static Complex64 apply(Complex64 x, Complex64 y) { return complex(x, y); }
  static Complex128 apply(Complex128 x, Complex128 y) { return complex(x, y); }
};
constexpr BinaryLoops kMul = number_loops<Mul>(mul_f32);

// Integer divisors have been checked for zero; -1 is apart because the smallest integer has no
// positive counterpart.
struct Div {
  static double apply(double x, double y) { return x / y; }
  static int64_t apply(int64_t x, int64_t y) {
    return y == -1 ? static_cast<int64_t>(0 - static_cast<uint64_t>(x)) : x / y;
  }
  static uint64_t apply(uint64_t x, uint64_t y) { return x / y; }
  template <class C, class T>
  static C complex(C x, C y, T) {
    const T scale = y.re * y.re + y.im * y.im;
    return {(x.re * y.re + x.im * y.im) / scale, (x.im * y.re - x.re * y.im) / scale};
  }
  static Complex64 apply(Complex64 x, Complex64 y) {
    // In double, where neither the squares nor the sums over- or underflow.
    const Complex128 q = apply(Complex128{x.re, x.im}, Complex128{y.re, y.im});
    return {static_cast<float>(q.re), static_cast<float>(q.im)};
  }
  static Complex128 apply(Complex128 x, Complex128 y) { return complex(x, y, 0.0); }
};
constexpr BinaryLoops kDiv{div_f32,
                           binary_loop<double, Div>,
                           binary_loop<int64_t, Div>,
                           binary_loop<uint64_t, Div>,
                           binary_loop<Complex64, Div>,
                           binary_loop<Complex128, Div>};

struct DivNoNan {
  template <class T>
  static T apply(T x, T y) {
    return y == T{0} ? T{0} : x / y;
  }
};
constexpr BinaryLoops kDivNoNan = float_only<DivNoNan>();
struct MulNoNan {
  template <class T>
  static T apply(T x, T y) {
    return y == T{0} ? T{0} : x * y;
  }
};
constexpr BinaryLoops kMulNoNan = float_only<MulNoNan>();

struct FloorDiv {
  static float apply(float x, float y) { return __builtin_floorf(x / y); }
  static double apply(double x, double y) { return __builtin_floor(x / y); }
  static int64_t apply(int64_t x, int64_t y) {
    if (y == -1) return Div::apply(x, y);
    const int64_t q = x / y;
    return (x % y != 0) && ((x < 0) != (y < 0)) ? q - 1 : q;
  }
  static uint64_t apply(uint64_t x, uint64_t y) { return x / y; }
};
constexpr BinaryLoops kFloorDiv = real_loops<FloorDiv>();

struct TruncateMod {
  static double apply(double x, double y) { return fn::fmod(x, y); }
  static int64_t apply(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }
  static uint64_t apply(uint64_t x, uint64_t y) { return x % y; }
};
constexpr BinaryLoops kTruncateMod = real_loops<TruncateMod>();

struct FloorMod {
  static double apply(double x, double y) {
    const double m = fn::fmod(x, y);
    return m != 0 && ((y < 0) != (m < 0)) ? m + y : m;
  }
  static float apply(float x, float y) {
    const float m = static_cast<float>(fn::fmod(x, y));
    return m != 0 && ((y < 0) != (m < 0)) ? m + y : m;
  }
  static int64_t apply(int64_t x, int64_t y) {
    if (y == -1) return 0;
    const int64_t m = x % y;
    return m != 0 && ((m < 0) != (y < 0)) ? m + y : m;
  }
  static uint64_t apply(uint64_t x, uint64_t y) { return x % y; }
};
constexpr BinaryLoops kFloorMod = real_loops<FloorMod>();

struct Maximum {
  template <class T>
  static T apply(T x, T y) {
    return x > y || x != x ? x : y;
  }
};
constexpr BinaryLoops kMaximum = real_loops<Maximum>(max_f32);
struct Minimum {
  template <class T>
  static T apply(T x, T y) {
    return x < y || x != x ? x : y;
  }
};
constexpr BinaryLoops kMinimum = real_loops<Minimum>(min_f32);

struct SquaredDifference {
  static double apply(double x, double y) { return flush(x - y) * flush(x - y); }
  static uint64_t apply(uint64_t x, uint64_t y) { return (x - y) * (x - y); }
};
constexpr BinaryLoops kSquaredDifference{squared_difference_f32,
                                         binary_loop<double, SquaredDifference>,
                                         binary_loop<uint64_t, SquaredDifference>,
                                         binary_loop<uint64_t, SquaredDifference>};

struct Pow {
  static float apply(float x, float y) { return static_cast<float>(fn::pow(x, y)); }
  static double apply(double x, double y) { return fn::pow(x, y); }
  // Exponents have been checked to be non-negative.
  static uint64_t apply(uint64_t x, uint64_t y) {
    uint64_t result = 1;
    for (; y != 0; y >>= 1, x *= x) {
      if (y & 1) result *= x;
    }
    return result;
  }
};
constexpr BinaryLoops kPow{.f32 = binary_loop<float, Pow>,
                           .f64 = binary_loop<double, Pow>,
                           .i64 = binary_loop<uint64_t, Pow>,
                           .u64 = binary_loop<uint64_t, Pow>};

template <double (*kFunction)(double, double)>
struct Via2 {
  static float apply(float x, float y) { return static_cast<float>(kFunction(x, y)); }
  static double apply(double x, double y) { return kFunction(x, y); }
};
double xlog1py(double x, double y) { return x == 0 && y == y ? 0 : x * fn::log1p(y); }
double xdivy(double x, double y) { return x == 0 && y == y ? 0 : x / y; }
constexpr BinaryLoops kAtan2 = float_only<Via2<fn::atan2>>();
constexpr BinaryLoops kXlogy = float_only<Via2<fn::xlogy>>();
constexpr BinaryLoops kXlog1py = float_only<Via2<xlog1py>>();
constexpr BinaryLoops kXdivy = float_only<Via2<xdivy>>();

struct And {
  static uint64_t apply(uint64_t x, uint64_t y) { return x & y; }
};
struct Or {
  static uint64_t apply(uint64_t x, uint64_t y) { return x | y; }
};
struct Xor {
  static uint64_t apply(uint64_t x, uint64_t y) { return x ^ y; }
};
template <class F>
constexpr BinaryLoops kBits{.i64 = binary_loop<uint64_t, F>, .u64 = binary_loop<uint64_t, F>};
template <class F>
constexpr BinaryLoops kLogic{.u64 = binary_loop<uint64_t, F>};

// Division by an integer zero and negative integer powers are errors in TensorFlow, too.
Status check_divisor(const Tensor& t) {
  const Lane lane = lane_of(t.dtype());
  if (lane != Lane::kI64 && lane != Lane::kU64) return {};
  const uint32_t width = byte_width(t.dtype());
  for (uint64_t i = 0; i < t.elements(); ++i) {
    uint64_t v = 0;
    std::memcpy(&v, t.bytes().data() + i * width, width);
    if (v == 0) return invalid_argument("integer division by zero");
  }
  return {};
}

template <const BinaryLoops& kLoops>
Result<Tensors> division(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(check_divisor(call.in[1]));
  return run_binary(call, kLoops);
}

Result<Tensors> power(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  if (lane_of(call.in[1].dtype()) == Lane::kI64) {
    const Tensor& y = call.in[1];
    for (uint64_t i = 0; i < y.elements(); ++i) {
      int64_t v = 0;
      widen(y.dtype(), y.bytes().data() + i * byte_width(y.dtype()), 1, &v, 1);
      if (v < 0) return invalid_argument("integers to negative integer powers are not allowed");
    }
  }
  return run_binary(call, kPow);
}

// Shifts beyond the width are clamped to width - 1, as in TensorFlow.
template <bool kLeft>
Result<Tensors> shift(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const int64_t last = int64_t{byte_width(call.in[0].dtype())} * 8 - 1;
  struct Loop {
    static int64_t amount(int64_t y, int64_t limit) { return y < 0 ? 0 : y > limit ? limit : y; }
  };
  const Tensor& y = call.in[1];
  WHITTLE_CHECK(need_same_dtype(call.in[0], y));
  const Lane lane = lane_of(y.dtype());
  if (lane != Lane::kI64 && lane != Lane::kU64) return no_kernel("shifts take integers");
  WHITTLE_ASSIGN(Tensor amounts, make_tensor(y.dtype(), dims_of(y), call.ctx));
  const uint32_t width = byte_width(y.dtype());
  for (uint64_t i = 0; i < y.elements(); ++i) {
    int64_t v = 0;
    widen(y.dtype(), y.bytes().data() + i * width, 1, &v, 1);
    if (lane == Lane::kU64 && v < 0) v = last;  // a huge unsigned amount
    v = Loop::amount(v, last);
    narrow(y.dtype(), &v, amounts.mutable_bytes() + i * width, 1);
  }
  struct Left {
    static uint64_t apply(uint64_t a, uint64_t b) { return a << b; }
  };
  struct Right {
    static int64_t apply(int64_t a, int64_t b) { return a >> b; }
    static uint64_t apply(uint64_t a, uint64_t b) { return a >> b; }
  };
  static constexpr BinaryLoops kLoops =
      kLeft ? BinaryLoops{.i64 = binary_loop<uint64_t, Left>, .u64 = binary_loop<uint64_t, Left>}
            : BinaryLoops{.i64 = binary_loop<int64_t, Right>, .u64 = binary_loop<uint64_t, Right>};
  call.in[1] = std::move(amounts);
  return run_binary(call, kLoops);
}

struct Equal {
  template <class T>
  static bool apply(T x, T y) { return x == y; }
  static bool apply(Complex64 x, Complex64 y) { return x.re == y.re && x.im == y.im; }
  static bool apply(Complex128 x, Complex128 y) { return x.re == y.re && x.im == y.im; }
};
struct NotEqual {
  template <class T>
  static bool apply(T x, T y) { return !Equal::apply(x, y); }
};
struct Less {
  template <class T>
  static bool apply(T x, T y) { return x < y; }
};
struct LessEqual {
  template <class T>
  static bool apply(T x, T y) { return x <= y; }
};
struct Greater {
  template <class T>
  static bool apply(T x, T y) { return x > y; }
};
struct GreaterEqual {
  template <class T>
  static bool apply(T x, T y) { return x >= y; }
};
template <class F>
constexpr BinaryLoops order_loops() {
  return {.f32 = compare_loop<float, F>, .f64 = compare_loop<double, F>,
          .i64 = compare_loop<int64_t, F>, .u64 = compare_loop<uint64_t, F>};
}
template <class F>
constexpr BinaryLoops kOrder = order_loops<F>();
template <class F>
constexpr BinaryLoops kEquality{compare_loop<float, F>,     compare_loop<double, F>,
                                compare_loop<uint64_t, F>,  compare_loop<uint64_t, F>,
                                compare_loop<Complex64, F>, compare_loop<Complex128, F>};

template <const BinaryLoops& kLoops>
Result<Tensors> compare(KernelCall& call) {
  return run_compare(call, kLoops);
}

// Strings: a function of two strings over broadcast shapes.
template <class Put>
Status for_each_string_pair(const Tensor& a, const Tensor& b, Dims* dims, Put put) {
  WHITTLE_ASSIGN(Broadcast bc, broadcast(dims_of(a), dims_of(b)));
  WHITTLE_ASSIGN(const uint64_t count, element_count(bc.dims));
  Dims index(bc.dims.size(), 0);
  int64_t at_a = 0, at_b = 0;
  for (uint64_t done = 0; done < count; ++done) {
    put(done, a.strings()[static_cast<size_t>(at_a)], b.strings()[static_cast<size_t>(at_b)]);
    for (size_t i = bc.dims.size(); i-- > 0;) {
      at_a += bc.a[i];
      at_b += bc.b[i];
      if (++index[i] < bc.dims[i]) break;
      at_a -= bc.a[i] * bc.dims[i];
      at_b -= bc.b[i] * bc.dims[i];
      index[i] = 0;
    }
  }
  *dims = std::move(bc.dims);
  return {};
}

template <class F>
Result<Tensors> equality(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &a = call.in[0], &b = call.in[1];
  const bool strict = call.node.attrs.bool_or("incompatible_shape_error", true);
  if (!strict && !broadcast(dims_of(a), dims_of(b)).ok()) {
    // Shapes that do not fit are "not equal" as a whole.
    WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kBool, {}, call.ctx));
    t.mutable_bytes()[0] = F::apply(0, 1);
    return one(std::move(t));
  }
  if (!a.is_string() || !b.is_string()) return run_compare(call, kEquality<F>);
  WHITTLE_ASSIGN(Broadcast bc, broadcast(dims_of(a), dims_of(b)));
  WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kBool, bc.dims, call.ctx));
  Dims dims;
  uint8_t* out = t.mutable_bytes();
  WHITTLE_CHECK(for_each_string_pair(
      a, b, &dims, [&](uint64_t i, const std::string& x, const std::string& y) {
        out[i] = F::apply(x == y ? 0 : 1, 0);
      }));
  return one(std::move(t));
}

Result<Tensors> add(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &a = call.in[0], &b = call.in[1];
  if (!a.is_string() || !b.is_string()) return run_binary(call, kAdd);
  WHITTLE_ASSIGN(Broadcast bc, broadcast(dims_of(a), dims_of(b)));
  WHITTLE_ASSIGN(const uint64_t count, element_count(bc.dims));
  WHITTLE_ASSIGN(std::vector<std::string> strings, make_strings(count, call.ctx));
  uint64_t bytes = 0;
  Dims dims;
  WHITTLE_CHECK(for_each_string_pair(
      a, b, &dims, [&](uint64_t i, const std::string& x, const std::string& y) {
        bytes += x.size() + y.size();
        if (bytes <= call.ctx.memory_budget()) strings[i] = x + y;
      }));
  WHITTLE_CHECK(within_budget(bytes, call.ctx));
  return one(Tensor(Shape(std::move(dims)), std::move(strings)));
}

Result<Tensors> add_n(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  Tensor sum = std::move(call.in[0]);
  for (size_t i = 1; i < call.in.size(); ++i) {
    if (dims_of(call.in[i]) != dims_of(sum)) {
      return invalid_argument(cat("AddN of shapes ", dims_text(dims_of(sum)), " and ",
                                  dims_text(dims_of(call.in[i]))));
    }
    WHITTLE_ASSIGN(sum, apply_binary(std::move(sum), std::move(call.in[i]), kAdd, call.ctx));
  }
  return one(std::move(sum));
}

Result<Tensors> approximate_equal(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &a = call.in[0], &b = call.in[1];
  WHITTLE_CHECK(need_same_dtype(a, b));
  if (dims_of(a) != dims_of(b)) return invalid_argument("ApproximateEqual of different shapes");
  if (lane_of(a.dtype()) != Lane::kF32 && lane_of(a.dtype()) != Lane::kF64) {
    return no_kernel("ApproximateEqual takes floats");
  }
  WHITTLE_ASSIGN(Tensor difference, apply_binary(a, b, kSub, call.ctx));
  WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kBool, dims_of(a), call.ctx));
  const double tolerance = call.node.attrs.float_or("tolerance", 1e-5f);
  const uint32_t width = byte_width(a.dtype());
  for (uint64_t i = 0; i < t.elements(); ++i) {
    double d = 0;
    float f = 0;
    const uint8_t* at = difference.bytes().data() + i * width;
    if (width == 8) {
      std::memcpy(&d, at, 8);
    } else {
      widen(a.dtype(), at, 1, &f, 1);
      d = f;
    }
    t.mutable_bytes()[i] = fn::abs(d) < tolerance;
  }
  return one(std::move(t));
}

constexpr auto kExact = Exactness::kExact;
constexpr auto kUlp = Exactness::kUlp;
constexpr KernelInfo row(std::string_view op, DTypeSet types, Exactness exactness,
                         Result<Tensors> (*run)(KernelCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement,
          .exactness = exactness, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("Add", kNumbers | kStringOnly, kExact, add),
    row("AddN", kNumbers, kExact, add_n),
    row("AddV2", kNumbers | kStringOnly, kExact, add),
    row("ApproximateEqual", kFloats, kExact, approximate_equal, "tolerance"),
    row("Atan2", kFloats, kUlp, binary<kAtan2>),
    row("BitwiseAnd", kInts, kExact, binary<kBits<And>>),
    row("BitwiseOr", kInts, kExact, binary<kBits<Or>>),
    row("BitwiseXor", kInts, kExact, binary<kBits<Xor>>),
    row("Div", kNumbers, kExact, division<kDiv>),
    row("DivNoNan", kFloats, kExact, binary<kDivNoNan>),
    row("Equal", kMovable, kExact, equality<Equal>, "incompatible_shape_error"),
    row("FloorDiv", kReals, kExact, division<kFloorDiv>),
    row("FloorMod", kReals, kExact, division<kFloorMod>),
    row("Greater", kReals, kExact, compare<kOrder<Greater>>),
    row("GreaterEqual", kReals, kExact, compare<kOrder<GreaterEqual>>),
    row("LeftShift", kInts, kExact, shift<true>),
    row("Less", kReals, kExact, compare<kOrder<Less>>),
    row("LessEqual", kReals, kExact, compare<kOrder<LessEqual>>),
    row("LogicalAnd", kBoolOnly, kExact, binary<kLogic<And>>),
    row("LogicalOr", kBoolOnly, kExact, binary<kLogic<Or>>),
    row("Maximum", kReals, kExact, binary<kMaximum>),
    row("Minimum", kReals, kExact, binary<kMinimum>),
    row("Mod", kReals, kExact, division<kTruncateMod>),
    row("Mul", kNumbers, kExact, binary<kMul>),
    row("MulNoNan", kFloats, kExact, binary<kMulNoNan>),
    row("NotEqual", kMovable, kExact, equality<NotEqual>, "incompatible_shape_error"),
    row("Pow", kReals, kUlp, power),
    row("RealDiv", kFloats | kComplex, kExact, binary<kDiv>),
    row("RightShift", kInts, kExact, shift<false>),
    row("SquaredDifference", kReals, kExact, binary<kSquaredDifference>),
    row("Sub", kNumbers, kExact, binary<kSub>),
    row("TruncateDiv", kInts, kExact, division<kDiv>),
    row("TruncateMod", kReals, kExact, division<kTruncateMod>),
    row("Xdivy", kFloats, kExact, binary<kXdivy>),
    row("Xlog1py", kFloats, kUlp, binary<kXlog1py>),
    row("Xlogy", kFloats, kUlp, binary<kXlogy>),
};

}  // namespace

Rows binary_kernels() { return kRows; }

}  // namespace whittle::eval
