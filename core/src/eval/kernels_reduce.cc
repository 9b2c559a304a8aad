// Reductions, positions of extremes, running sums.
//
// Floats accumulate in double, in row-major order of the input, and round once at the end; integers
// wrap in 64 bits, whose low bits are those of any narrower sum.
#include <algorithm>
#include <limits>

#include "functions.h"
#include "kernel_util.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

constexpr size_t kBlock = 256;
enum class Fold { kSum, kMean, kProd, kMax, kMin, kNorm, kAll, kAny };

template <class T>
T start_of(Fold fold) {
  using Limits = std::numeric_limits<T>;
  switch (fold) {
    case Fold::kProd:
    case Fold::kAll: return T{1};
    case Fold::kMax: return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    case Fold::kMin: return Limits::has_infinity ? Limits::infinity() : Limits::max();
    default: return T{0};
  }
}

// acc[i * out_step] folds in values[i]; one loop per fold so that the choice is outside.
template <class T>
void fold_run(Fold fold, T* acc, size_t out_step, const T* values, size_t n) {
  switch (fold) {
    case Fold::kSum:
    case Fold::kMean:
      for (size_t i = 0; i < n; ++i) acc[i * out_step] += values[i];
      return;
    case Fold::kNorm:
      for (size_t i = 0; i < n; ++i) acc[i * out_step] += values[i] * values[i];
      return;
    case Fold::kProd:
      for (size_t i = 0; i < n; ++i) acc[i * out_step] *= values[i];
      return;
    case Fold::kMax:
      for (size_t i = 0; i < n; ++i) {
        T& a = acc[i * out_step];
        if (a < values[i] || values[i] != values[i]) a = values[i];
      }
      return;
    case Fold::kMin:
      for (size_t i = 0; i < n; ++i) {
        T& a = acc[i * out_step];
        if (values[i] < a || values[i] != values[i]) a = values[i];
      }
      return;
    case Fold::kAll:
      for (size_t i = 0; i < n; ++i) acc[i * out_step] = acc[i * out_step] != 0 && values[i] != 0;
      return;
    case Fold::kAny:
      for (size_t i = 0; i < n; ++i) acc[i * out_step] = acc[i * out_step] != 0 || values[i] != 0;
      return;
  }
}

// `n` consecutive elements as T (double, int64_t or uint64_t).
template <class T>
void load(const Tensor& x, uint64_t at, T* out, size_t n) {
  const uint8_t* from = x.bytes().data() + at * byte_width(x.dtype());
  if constexpr (std::is_same_v<T, double>) {
    if (lane_of(x.dtype()) == Lane::kF32) {
      float f[kBlock];
      widen(x.dtype(), from, 1, f, n);
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<double>(flush(f[i]));
      return;
    }
    widen(x.dtype(), from, 1, out, n);
    for (size_t i = 0; i < n; ++i) out[i] = flush(out[i]);
    return;
  }
  widen(x.dtype(), from, 1, out, n);
}

template <class T>
void store(Tensor& t, uint64_t at, const T* values, size_t n) {
  uint8_t* to = t.mutable_bytes() + at * byte_width(t.dtype());
  if constexpr (std::is_same_v<T, double>) {
    if (lane_of(t.dtype()) == Lane::kF32) {
      float f[kBlock];
      for (size_t i = 0; i < n; ++i) f[i] = flush(static_cast<float>(values[i]));
      return narrow(t.dtype(), f, to, n);
    }
  }
  narrow(t.dtype(), values, to, n);
}

struct Axes {
  std::vector<bool> reduced;
  Dims out_dims;   // as the op returns them
  Dims out_steps;  // element step in the output per input dimension, 0 where reduced
  uint64_t count = 1;  // elements folded into one
};

Result<Axes> axes_of(const Tensor& x, const Tensor& axis_input, bool keep_dims) {
  WHITTLE_ASSIGN(const Dims axes, int_vector(axis_input, "reduction_indices"));
  Axes a;
  a.reduced.assign(dims_of(x).size(), false);
  for (int64_t v : axes) {
    WHITTLE_ASSIGN(const int axis, axis_in(v, rank_of(x), "reduction index"));
    if (a.reduced[static_cast<size_t>(axis)]) return invalid_argument("an axis is named twice");
    a.reduced[static_cast<size_t>(axis)] = true;
  }
  a.out_steps.assign(dims_of(x).size(), 0);
  int64_t step = 1;
  for (size_t i = a.reduced.size(); i-- > 0;) {
    const int64_t d = dims_of(x)[i];
    if (a.reduced[i]) {
      a.count *= static_cast<uint64_t>(d);
    } else {
      a.out_steps[i] = step;
      step *= std::max<int64_t>(d, 1);
    }
  }
  for (size_t i = 0; i < a.reduced.size(); ++i) {
    if (!a.reduced[i]) a.out_dims.push_back(dims_of(x)[i]);
    if (a.reduced[i] && keep_dims) a.out_dims.push_back(1);
  }
  return a;
}

template <class T>
Result<Tensor> reduced_as(const Tensor& x, const Axes& axes, Fold fold, Context& ctx) {
  WHITTLE_ASSIGN(Tensor out, make_tensor(x.dtype(), axes.out_dims, ctx));
  // Accumulators, 8 bytes an output.
  WHITTLE_ASSIGN(Tensor acc_tensor, make_tensor(DType::kInt64, {static_cast<int64_t>(out.elements())},
                                                ctx));
  T* acc = reinterpret_cast<T*>(acc_tensor.mutable_bytes());
  T start = start_of<T>(fold);
  if constexpr (!std::is_floating_point_v<T>) {
    // The identity of min and max is that of the narrow dtype.
    const uint32_t bits = 8 * byte_width(x.dtype());
    if (fold == Fold::kMax && std::is_signed_v<T>) start = static_cast<T>(INT64_MIN >> (64 - bits));
    if (fold == Fold::kMin) {
      start = static_cast<T>(std::is_signed_v<T> ? INT64_MAX >> (64 - bits) : UINT64_MAX >> (64 - bits));
    }
  }
  std::fill(acc, acc + out.elements(), start);

  // Neighbouring dimensions of the same kind are one.
  Dims dims, steps;
  for (size_t i = 0; i < dims_of(x).size(); ++i) {
    const int64_t d = dims_of(x)[i];
    if (d == 1) continue;
    const bool same = !dims.empty() && (steps.back() == 0) == axes.reduced[i];
    if (same) {
      dims.back() *= d;
      steps.back() = axes.out_steps[i];
    } else {
      dims.push_back(d);
      steps.push_back(axes.out_steps[i]);
    }
  }
  if (dims.empty()) {
    dims.push_back(1);
    steps.push_back(0);
  }
  const size_t rank = dims.size();
  const uint64_t inner = static_cast<uint64_t>(dims[rank - 1]);
  const size_t inner_step = static_cast<size_t>(steps[rank - 1]);
  Dims index(rank, 0);
  int64_t to = 0;
  T block[kBlock];
  for (uint64_t at = 0; at < x.elements(); at += inner) {
    for (uint64_t i = 0; i < inner; i += kBlock) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(kBlock, inner - i));
      load(x, at + i, block, n);
      fold_run(fold, acc + to + i * inner_step, inner_step, block, n);
    }
    for (size_t i = rank - 1; i-- > 0;) {
      to += steps[i];
      if (++index[i] < dims[i]) break;
      to -= steps[i] * dims[i];
      index[i] = 0;
    }
  }
  for (uint64_t i = 0; i < out.elements(); i += kBlock) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(kBlock, out.elements() - i));
    for (size_t k = 0; k < n; ++k) {
      T& v = acc[i + k];
      if (fold == Fold::kMean) {
        if constexpr (std::is_floating_point_v<T>) {
          v /= static_cast<T>(axes.count);
        } else {
          // Integer means sum in the dtype itself before they divide.
          T wrapped = v;
          Tensor& narrow_to = out;
          store(narrow_to, i + k, &wrapped, 1);
          load(narrow_to, i + k, &wrapped, 1);
          v = axes.count == 0 ? T{0} : wrapped / static_cast<T>(axes.count);
        }
      } else if (fold == Fold::kNorm) {
        if constexpr (std::is_floating_point_v<T>) v = fn::sqrt(v);
      }
    }
    store(out, i, acc + i, n);
  }
  return out;
}

template <Fold kFold>
Result<Tensors> reduce(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const Axes axes,
                 axes_of(x, call.in[1], call.node.attrs.bool_or("keep_dims", false)));
  const Lane lane = lane_of(x.dtype());
  const bool logic = kFold == Fold::kAll || kFold == Fold::kAny;
  if (logic) WHITTLE_CHECK(need_dtype(x, DType::kBool, "input"));
  if (!logic && axes.count == 1 && x.elements() == element_count(axes.out_dims).value() &&
      kFold != Fold::kNorm) {
    return one(x.reshaped(Shape(axes.out_dims)));
  }
  Tensor t;
  if (lane == Lane::kF32 || lane == Lane::kF64) {
    WHITTLE_ASSIGN(t, reduced_as<double>(x, axes, kFold, call.ctx));
  } else if (lane == Lane::kI64 && kFold != Fold::kNorm) {
    WHITTLE_ASSIGN(t, reduced_as<int64_t>(x, axes, kFold, call.ctx));
  } else if (lane == Lane::kU64 && kFold != Fold::kNorm) {
    WHITTLE_ASSIGN(t, reduced_as<uint64_t>(x, axes, kFold, call.ctx));
  } else {
    return no_kernel(cat("reduction of dtype ", dtype_name(x.dtype())));
  }
  return one(std::move(t));
}

template <class T>
bool better(T a, T b, bool largest) {
  return largest ? a > b : a < b;
}

template <class T>
void arg_of(const Tensor& x, uint64_t outer, uint64_t n, uint64_t inner, bool largest,
            std::vector<int64_t>& out) {
  for (uint64_t o = 0; o < outer; ++o) {
    for (uint64_t i = 0; i < inner; ++i) {
      T best{};
      int64_t at = 0;
      for (uint64_t k = 0; k < n; ++k) {
        T v{};
        load(x, (o * n + k) * inner + i, &v, 1);
        if (k == 0 || better(v, best, largest)) {
          best = v;
          at = static_cast<int64_t>(k);
        }
      }
      out.push_back(at);
    }
  }
}

template <bool kLargest>
Result<Tensors> arg(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const int64_t dimension, scalar_int(call.in[1], "dimension"));
  WHITTLE_ASSIGN(const int axis_index, axis_in(dimension, rank_of(x), "dimension"));
  const size_t axis = static_cast<size_t>(axis_index);
  Dims dims = dims_of(x);
  const uint64_t n = static_cast<uint64_t>(dims[axis]);
  if (n == 0) return invalid_argument("reduction axis is empty");
  const uint64_t outer = product(dims, 0, axis), inner = product(dims, axis + 1, dims.size());
  dims.erase(dims.begin() + axis_index);
  std::vector<int64_t> places;
  const Lane lane = lane_of(x.dtype());
  if (lane == Lane::kF32 || lane == Lane::kF64) {
    arg_of<double>(x, outer, n, inner, kLargest, places);
  } else if (lane == Lane::kI64) {
    arg_of<int64_t>(x, outer, n, inner, kLargest, places);
  } else if (lane == Lane::kU64) {
    arg_of<uint64_t>(x, outer, n, inner, kLargest, places);
  } else {
    return no_kernel("ArgMax of that dtype");
  }
  DType dtype = call.node.attrs.type_or("output_type", DType::kInt64);
  if (dtype == DType::kInt16 || dtype == DType::kUint16) {
    WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, std::move(dims), call.ctx));
    for (size_t i = 0; i < places.size(); ++i) {
      t.mutable_values<uint16_t>()[i] = static_cast<uint16_t>(places[i]);
    }
    return one(std::move(t));
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(dtype, std::move(dims), places, call.ctx));
  return one(std::move(t));
}

template <class T>
Result<Tensor> scanned(const Tensor& x, size_t axis, bool product_of, bool exclusive, bool reverse,
                       Context& ctx) {
  WHITTLE_ASSIGN(Tensor out, make_tensor(x.dtype(), dims_of(x), ctx));
  const Dims& dims = dims_of(x);
  const uint64_t outer = product(dims, 0, axis), inner = product(dims, axis + 1, dims.size());
  const uint64_t n = static_cast<uint64_t>(dims[axis]);
  for (uint64_t o = 0; o < outer; ++o) {
    for (uint64_t i = 0; i < inner; ++i) {
      T acc = product_of ? T{1} : T{0};
      for (uint64_t step = 0; step < n; ++step) {
        const uint64_t k = reverse ? n - 1 - step : step;
        const uint64_t at = (o * n + k) * inner + i;
        T v{};
        load(x, at, &v, 1);
        if (exclusive) store(out, at, &acc, 1);
        acc = product_of ? acc * v : acc + v;
        if (!exclusive) store(out, at, &acc, 1);
      }
    }
  }
  return out;
}

template <bool kProduct>
Result<Tensors> scan(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const int64_t at, scalar_int(call.in[1], "axis"));
  WHITTLE_ASSIGN(const int axis_index, axis_in(at, rank_of(x), "axis"));
  const size_t axis = static_cast<size_t>(axis_index);
  const bool exclusive = call.node.attrs.bool_or("exclusive", false);
  const bool reverse = call.node.attrs.bool_or("reverse", false);
  const Lane lane = lane_of(x.dtype());
  Tensor t;
  if (lane == Lane::kF32 || lane == Lane::kF64) {
    WHITTLE_ASSIGN(t, scanned<double>(x, axis, kProduct, exclusive, reverse, call.ctx));
  } else if (lane == Lane::kI64 || lane == Lane::kU64) {
    WHITTLE_ASSIGN(t, scanned<uint64_t>(x, axis, kProduct, exclusive, reverse, call.ctx));
  } else {
    return no_kernel("running sums of that dtype");
  }
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Exactness exactness,
                         Result<Tensors> (*run)(KernelCall&), std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kReduce,
          .exactness = exactness, .run = run};
}
constexpr std::string_view kKeep = "keep_dims";
constexpr auto kExact = Exactness::kExact;
constexpr auto kSum = Exactness::kSum;

constexpr KernelInfo kRows[] = {
    row("All", kBoolOnly, kExact, reduce<Fold::kAll>, kKeep),
    row("Any", kBoolOnly, kExact, reduce<Fold::kAny>, kKeep),
    row("ArgMax", kReals | kBoolOnly, kExact, arg<true>, "output_type"),
    row("ArgMin", kReals | kBoolOnly, kExact, arg<false>, "output_type"),
    row("Cumprod", kReals, kSum, scan<true>, "exclusive,reverse"),
    row("Cumsum", kReals, kSum, scan<false>, "exclusive,reverse"),
    row("EuclideanNorm", kFloats, kSum, reduce<Fold::kNorm>, kKeep),
    row("Max", kReals, kExact, reduce<Fold::kMax>, kKeep),
    row("Mean", kReals, kSum, reduce<Fold::kMean>, kKeep),
    row("Min", kReals, kExact, reduce<Fold::kMin>, kKeep),
    row("Prod", kReals, kSum, reduce<Fold::kProd>, kKeep),
    row("Sum", kReals, kSum, reduce<Fold::kSum>, kKeep),
};

}  // namespace

Rows reduce_kernels() { return kRows; }

}  // namespace whittle::eval
