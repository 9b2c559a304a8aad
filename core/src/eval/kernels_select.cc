// Choosing between tensors and finding places: Select, Where, ClipByValue.
#include <algorithm>

#include "elementwise.h"
#include "kernel_util.h"

namespace whittle::eval {
namespace {

Result<Tensors> select_v2(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor &c = call.in[0], &a = call.in[1], &b = call.in[2];
  WHITTLE_CHECK(need_dtype(c, DType::kBool, "condition"));
  WHITTLE_CHECK(need_same_dtype(a, b));
  WHITTLE_ASSIGN(const Broadcast ab, broadcast(dims_of(a), dims_of(b)));
  WHITTLE_ASSIGN(const Broadcast all, broadcast(ab.dims, dims_of(c)));
  const Dims& dims = all.dims;
  WHITTLE_ASSIGN(const Dims sa, broadcast_strides(dims_of(a), dims));
  WHITTLE_ASSIGN(const Dims sb, broadcast_strides(dims_of(b), dims));
  WHITTLE_ASSIGN(const Dims sc, broadcast_strides(dims_of(c), dims));
  WHITTLE_ASSIGN(Mover out, Mover::make(a.dtype(), dims, call.ctx));
  const uint64_t count = out.elements();
  const size_t rank = dims.size();
  const uint8_t* condition = c.bytes().data();
  const int64_t inner = rank == 0 ? 1 : dims[rank - 1];
  const int64_t ia = rank == 0 ? 0 : sa[rank - 1], ib = rank == 0 ? 0 : sb[rank - 1],
                ic = rank == 0 ? 0 : sc[rank - 1];
  Dims index(rank, 0);
  int64_t pa = 0, pb = 0, pc = 0;
  for (uint64_t done = 0; done < count; done += static_cast<uint64_t>(inner)) {
    // Runs of one choice are moved at once.
    for (int64_t i = 0; i < inner;) {
      const bool yes = condition[pc + i * ic] != 0;
      int64_t end = i + 1;
      while (end < inner && (condition[pc + end * ic] != 0) == yes) ++end;
      const uint64_t to = done + static_cast<uint64_t>(i), n = static_cast<uint64_t>(end - i);
      if (yes) {
        out.copy_strided(to, a, pa + i * ia, ia, n);
      } else {
        out.copy_strided(to, b, pb + i * ib, ib, n);
      }
      i = end;
    }
    for (size_t i = rank == 0 ? 0 : rank - 1; i-- > 0;) {
      pa += sa[i];
      pb += sb[i];
      pc += sc[i];
      if (++index[i] < dims[i]) break;
      pa -= sa[i] * dims[i];
      pb -= sb[i] * dims[i];
      pc -= sc[i] * dims[i];
      index[i] = 0;
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// Select: equal shapes, or a scalar condition, or a vector that chooses whole rows.
Result<Tensors> select(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  Tensor& c = call.in[0];
  const Dims& dims = dims_of(call.in[1]);
  if (dims != dims_of(call.in[2])) return invalid_argument("'then' and 'else' differ in shape");
  if (dims_of(c) != dims && rank_of(c) != 0) {
    if (rank_of(c) != 1 || dims.empty() || dims_of(c)[0] != dims[0]) {
      return invalid_argument(cat("condition of shape ", dims_text(dims_of(c)),
                                  " does not fit ", dims_text(dims)));
    }
    Dims column(dims.size(), 1);
    column[0] = dims[0];
    c = c.reshaped(Shape(std::move(column)));
  }
  return select_v2(call);
}

// Coordinates of the elements that are not zero, in row-major order.
Result<Tensors> where(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const Lane lane = lane_of(x.dtype());
  if (lane == Lane::kNone) return no_kernel("Where of that dtype");
  if (rank_of(x) < 1) return invalid_argument("Where takes no scalar");
  const uint32_t width = byte_width(x.dtype());
  std::vector<uint64_t> places;
  for (uint64_t i = 0; i < x.elements(); ++i) {
    const uint8_t* at = x.bytes().data() + i * width;
    uint64_t v[2] = {};
    widen(x.dtype(), at, 1, v, 1);
    bool set;
    if (lane == Lane::kF32) {
      float f;
      std::memcpy(&f, v, 4);
      set = flush(f) != 0;
    } else if (lane == Lane::kF64) {
      double d;
      std::memcpy(&d, v, 8);
      set = flush(d) != 0;
    } else if (lane == Lane::kC64 || lane == Lane::kC128) {
      // Signed zeros are zero.
      const uint64_t mask = lane == Lane::kC64 ? 0x7fffffff7fffffffu : 0x7fffffffffffffffu;
      set = (v[0] & mask) != 0 || (v[1] & mask) != 0;
    } else {
      set = v[0] != 0;
    }
    if (set) places.push_back(i);
  }
  const Dims& dims = dims_of(x);
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kInt64, {static_cast<int64_t>(places.size()),
                                                         static_cast<int64_t>(dims.size())},
                                         call.ctx));
  auto o = out.mutable_values<int64_t>();
  for (size_t r = 0; r < places.size(); ++r) {
    uint64_t rest = places[r];
    for (size_t i = dims.size(); i-- > 0;) {
      o[r * dims.size() + i] = static_cast<int64_t>(rest % static_cast<uint64_t>(dims[i]));
      rest /= static_cast<uint64_t>(dims[i]);
    }
  }
  return one(std::move(out));
}

struct Higher {
  template <class T>
  static T apply(T x, T low) { return x < low ? low : x; }
};
struct Lower {
  template <class T>
  static T apply(T x, T high) { return high < x ? high : x; }
};
template <class F>
constexpr BinaryLoops kClip{.f32 = binary_loop<float, F>,
                            .f64 = binary_loop<double, F>,
                            .i64 = binary_loop<int64_t, F>,
                            .u64 = binary_loop<uint64_t, F>};

Result<Tensors> clip_by_value(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Dims dims = dims_of(call.in[0]);
  for (size_t i = 1; i < 3; ++i) {
    if (call.in[i].elements() != 1 && dims_of(call.in[i]) != dims) {
      return invalid_argument("clip values must be scalars or of the input's shape");
    }
  }
  // min(x, high) first, as TensorFlow does.
  WHITTLE_ASSIGN(Tensor t, apply_binary(std::move(call.in[0]), std::move(call.in[2]), kClip<Lower>,
                                        call.ctx));
  WHITTLE_ASSIGN(t, apply_binary(std::move(t), std::move(call.in[1]), kClip<Higher>, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo kRows[] = {
    {.op = "ClipByValue", .dtypes = kReals, .attrs = "", .cost = Cost::kElement,
     .run = clip_by_value},
    {.op = "Select", .dtypes = kMovable, .attrs = "", .cost = Cost::kMove, .run = select},
    {.op = "SelectV2", .dtypes = kMovable, .attrs = "", .cost = Cost::kMove, .run = select_v2},
    {.op = "Where", .dtypes = kNumbers | kBoolOnly, .attrs = "", .cost = Cost::kMove, .run = where},
};

}  // namespace

Rows select_kernels() { return kRows; }

}  // namespace whittle::eval
