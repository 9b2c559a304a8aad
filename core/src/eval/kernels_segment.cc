// Reductions over rows that share a segment id.
#include <algorithm>
#include <limits>

#include "families.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

enum class Fold { kSum, kMean, kSqrtN, kProd, kMax, kMin };

template <class T>
T start_of(Fold fold, DType dtype) {
  if (fold == Fold::kProd) return T{1};
  if (fold != Fold::kMax && fold != Fold::kMin) return T{0};
  // The finite extremes, also for floats: what TensorFlow gives for segments without rows.
  if constexpr (std::is_floating_point_v<T>) {
    const double limit = dtype == DType::kFloat      ? 3.4028234663852886e38
                         : dtype == DType::kHalf     ? 65504.0
                         : dtype == DType::kBfloat16 ? 3.3895313892515355e38
                                                     : std::numeric_limits<double>::max();
    return static_cast<T>(fold == Fold::kMax ? -limit : limit);
  } else {
    const uint32_t bits = 8 * byte_width(dtype);
    if (fold == Fold::kMin) {
      return static_cast<T>(std::is_signed_v<T> ? INT64_MAX >> (64 - bits)
                                                : static_cast<int64_t>(UINT64_MAX >> (64 - bits)));
    }
    return static_cast<T>(std::is_signed_v<T> ? INT64_MIN >> (64 - bits) : 0);
  }
}

template <class T>
void fold_in(T& acc, T v, Fold fold) {
  switch (fold) {
    case Fold::kProd: acc *= v; return;
    case Fold::kMax: acc = acc < v ? v : acc; return;
    case Fold::kMin: acc = v < acc ? v : acc; return;
    default: acc += v;
  }
}

template <class T>
T element(const Tensor& t, uint64_t i) {
  const uint8_t* at = t.bytes().data() + i * byte_width(t.dtype());
  if constexpr (std::is_same_v<T, double>) {
    if (lane_of(t.dtype()) == Lane::kF32) {
      float f = 0;
      widen(t.dtype(), at, 1, &f, 1);
      return f;
    }
  }
  T v{};
  widen(t.dtype(), at, 1, &v, 1);
  return v;
}

template <class T>
void store(Tensor& t, uint64_t i, T v) {
  uint8_t* at = t.mutable_bytes() + i * byte_width(t.dtype());
  if constexpr (std::is_same_v<T, double>) {
    if (lane_of(t.dtype()) == Lane::kF32) {
      const float f = flush(static_cast<float>(v));
      return narrow(t.dtype(), &f, at, 1);
    }
  }
  narrow(t.dtype(), &v, at, 1);
}

struct Plan {
  std::vector<int64_t> rows;      // of data, one a term
  std::vector<int64_t> segments;  // of each term; negative ones are left out
  int64_t count = 0;              // segments
  Dims row_dims;
  bool zero_when_empty = false;
};

template <class T>
Result<Tensor> fold_segments(const Tensor& data, const Plan& plan, Fold fold, Context& ctx) {
  Dims dims{plan.count};
  dims.insert(dims.end(), plan.row_dims.begin(), plan.row_dims.end());
  WHITTLE_ASSIGN(Tensor out, make_tensor(data.dtype(), std::move(dims), ctx));
  const uint64_t row = product(plan.row_dims, 0, plan.row_dims.size());
  WHITTLE_ASSIGN(Tensor sums, make_tensor(DType::kInt64, {static_cast<int64_t>(out.elements())}, ctx));
  T* acc = reinterpret_cast<T*>(sums.mutable_bytes());
  std::fill(acc, acc + out.elements(), start_of<T>(fold, data.dtype()));
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(plan.count) * 8, ctx));
  std::vector<int64_t> terms(static_cast<size_t>(plan.count), 0);
  for (size_t k = 0; k < plan.rows.size(); ++k) {
    const int64_t s = plan.segments[k];
    if (s < 0) continue;
    ++terms[static_cast<size_t>(s)];
    for (uint64_t i = 0; i < row; ++i) {
      fold_in(acc[static_cast<uint64_t>(s) * row + i],
              element<T>(data, static_cast<uint64_t>(plan.rows[k]) * row + i), fold);
    }
  }
  for (uint64_t s = 0; s < static_cast<uint64_t>(plan.count); ++s) {
    const int64_t n = terms[s];
    for (uint64_t i = 0; i < row; ++i) {
      T v = acc[s * row + i];
      if (n == 0 && plan.zero_when_empty) v = T{0};
      if constexpr (std::is_floating_point_v<T>) {
        if (fold == Fold::kMean && n > 0) v /= static_cast<T>(n);
        if (fold == Fold::kSqrtN && n > 0) v /= __builtin_sqrt(static_cast<double>(n));
      } else if (fold == Fold::kMean && n > 0) {
        v = static_cast<T>(v / static_cast<T>(n));
      }
      store(out, s * row + i, v);
    }
  }
  return out;
}

Result<Tensors> run_plan(const Tensor& data, const Plan& plan, Fold fold, Context& ctx) {
  Tensor t;
  switch (lane_of(data.dtype())) {
    case Lane::kF32:
    case Lane::kF64: {
      WHITTLE_ASSIGN(t, fold_segments<double>(data, plan, fold, ctx));
      break;
    }
    case Lane::kI64: {
      WHITTLE_ASSIGN(t, fold_segments<int64_t>(data, plan, fold, ctx));
      break;
    }
    case Lane::kU64: {
      WHITTLE_ASSIGN(t, fold_segments<uint64_t>(data, plan, fold, ctx));
      break;
    }
    default: return no_kernel("segments of that dtype");
  }
  return one(std::move(t));
}

Status check_sorted(const std::vector<int64_t>& ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || (i > 0 && ids[i] < ids[i - 1])) {
      return invalid_argument("segment ids are not increasing");
    }
  }
  return {};
}

template <Fold kFold>
Result<Tensors> segment(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& data = call.in[0];
  WHITTLE_CHECK(need_rank(call.in[1], 1, "segment_ids"));
  Plan plan;
  WHITTLE_ASSIGN(plan.segments, int_vector(call.in[1], "segment_ids"));
  if (rank_of(data) < 1 || dims_of(data)[0] != static_cast<int64_t>(plan.segments.size())) {
    return invalid_argument("segment_ids must have one id a row");
  }
  WHITTLE_CHECK(check_sorted(plan.segments));
  for (size_t i = 0; i < plan.segments.size(); ++i) plan.rows.push_back(static_cast<int64_t>(i));
  plan.count = plan.segments.empty() ? 0 : plan.segments.back() + 1;
  plan.row_dims = Dims(dims_of(data).begin() + 1, dims_of(data).end());
  plan.zero_when_empty = kFold != Fold::kProd;
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(plan.count), call.ctx));
  return run_plan(data, plan, kFold, call.ctx);
}

// segment_ids may have any shape that is a prefix of data's; negative ids are dropped.
template <Fold kFold>
Result<Tensors> unsorted_segment(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor &data = call.in[0], &ids = call.in[1];
  Plan plan;
  WHITTLE_ASSIGN(plan.segments, int_vector(ids, "segment_ids"));
  WHITTLE_ASSIGN(plan.count, scalar_int(call.in[2], "num_segments"));
  const size_t rank = dims_of(ids).size();
  if (dims_of(data).size() < rank ||
      !std::equal(dims_of(ids).begin(), dims_of(ids).end(), dims_of(data).begin())) {
    return invalid_argument("segment_ids must be a prefix of data's shape");
  }
  if (plan.count < 0) return invalid_argument("num_segments must not be negative");
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    if (plan.segments[i] >= plan.count) {
      return invalid_argument(cat("segment id ", plan.segments[i], " is not below ", plan.count));
    }
    plan.rows.push_back(static_cast<int64_t>(i));
  }
  plan.row_dims = Dims(dims_of(data).begin() + static_cast<int64_t>(rank), dims_of(data).end());
  return run_plan(data, plan, kFold, call.ctx);
}

template <Fold kFold, bool kCounted>
Result<Tensors> sparse_segment(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, kCounted ? 4 : 3));
  const Tensor& data = call.in[0];
  Plan plan;
  WHITTLE_ASSIGN(plan.rows, int_vector(call.in[1], "indices"));
  WHITTLE_ASSIGN(plan.segments, int_vector(call.in[2], "segment_ids"));
  if (plan.rows.size() != plan.segments.size() || rank_of(data) < 1) {
    return invalid_argument("segment_ids and indices differ in length");
  }
  WHITTLE_CHECK(check_sorted(plan.segments));
  for (int64_t r : plan.rows) {
    if (r < 0 || r >= dims_of(data)[0]) return invalid_argument(cat("row ", r, " is out of range"));
  }
  plan.count = plan.segments.empty() ? 0 : plan.segments.back() + 1;
  if (kCounted) {
    WHITTLE_ASSIGN(const int64_t count, scalar_int(call.in[3], "num_segments"));
    if (count < plan.count) return invalid_argument("segment ids are not below num_segments");
    plan.count = count;
  }
  plan.row_dims = Dims(dims_of(data).begin() + 1, dims_of(data).end());
  plan.zero_when_empty = true;
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(plan.count), call.ctx));
  return run_plan(data, plan, kFold, call.ctx);
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         DTypeSet types = kReals) {
  return {.op = op, .dtypes = types, .attrs = "", .cost = Cost::kReduce,
          .exactness = Exactness::kSum, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("SegmentMax", segment<Fold::kMax>),
    row("SegmentMean", segment<Fold::kMean>),
    row("SegmentMin", segment<Fold::kMin>),
    row("SegmentProd", segment<Fold::kProd>),
    row("SegmentSum", segment<Fold::kSum>),
    row("SparseSegmentMean", sparse_segment<Fold::kMean, false>, kFloats),
    row("SparseSegmentMeanWithNumSegments", sparse_segment<Fold::kMean, true>, kFloats),
    row("SparseSegmentSqrtN", sparse_segment<Fold::kSqrtN, false>, kFloats),
    row("SparseSegmentSqrtNWithNumSegments", sparse_segment<Fold::kSqrtN, true>, kFloats),
    row("SparseSegmentSum", sparse_segment<Fold::kSum, false>),
    row("SparseSegmentSumWithNumSegments", sparse_segment<Fold::kSum, true>),
    row("UnsortedSegmentMax", unsorted_segment<Fold::kMax>),
    row("UnsortedSegmentMin", unsorted_segment<Fold::kMin>),
    row("UnsortedSegmentProd", unsorted_segment<Fold::kProd>),
    row("UnsortedSegmentSum", unsorted_segment<Fold::kSum>),
};

}  // namespace

Rows segment_kernels() { return kRows; }

}  // namespace whittle::eval
