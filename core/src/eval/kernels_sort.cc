// Order: TopK, unique values, differences of lists, binary searches, counts.
#include <algorithm>
#include <unordered_map>

#include "families.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

// One element as a double or, for 64-bit integers, exactly; comparable within one dtype.
struct Key {
  double real = 0;
  int64_t integer = 0;
  uint64_t natural = 0;
  static Key of(const Tensor& t, uint64_t i) {
    Key k;
    const uint8_t* at = t.bytes().data() + i * byte_width(t.dtype());
    float f = 0;
    switch (lane_of(t.dtype())) {
      case Lane::kF32:
        widen(t.dtype(), at, 1, &f, 1);
        k.real = f;
        break;
      case Lane::kF64: widen(t.dtype(), at, 1, &k.real, 1); break;
      case Lane::kU64: widen(t.dtype(), at, 1, &k.natural, 1); break;
      default: widen(t.dtype(), at, 1, &k.integer, 1);
    }
    return k;
  }
  bool operator<(const Key& o) const {
    if (real != o.real) return real < o.real;
    if (integer != o.integer) return integer < o.integer;
    return natural < o.natural;
  }
};

bool has_order(const Tensor& t) {
  const Lane lane = lane_of(t.dtype());
  return lane == Lane::kF32 || lane == Lane::kF64 || lane == Lane::kI64 || lane == Lane::kU64;
}

Result<Tensors> top_k(KernelCall& call) {
  const bool v2 = call.node.op == "TopKV2";
  WHITTLE_CHECK(need_inputs(call, v2 ? 2 : 1));
  const Tensor& x = call.in[0];
  int64_t k = call.node.attrs.int_or("k", 0);
  if (v2) {
    WHITTLE_ASSIGN(k, scalar_int(call.in[1], "k"));
  }
  if (!has_order(x)) return no_kernel("TopK of that dtype");
  if (rank_of(x) < 1) return invalid_argument("input must have at least rank 1");
  const int64_t n = dims_of(x).back();
  if (k < 0 || k > n) return invalid_argument(cat("k = ", k, " of ", n, " elements"));
  Dims dims = dims_of(x);
  dims.back() = k;
  WHITTLE_ASSIGN(Mover values, Mover::make(x.dtype(), dims, call.ctx));
  std::vector<int64_t> places;
  WHITTLE_CHECK(within_budget(values.elements() * 8 + static_cast<uint64_t>(n) * 40, call.ctx));
  std::vector<Key> keys(static_cast<size_t>(n));
  std::vector<int64_t> order(static_cast<size_t>(n));
  const uint64_t rows = n == 0 ? 0 : x.elements() / static_cast<uint64_t>(n);
  for (uint64_t r = 0; r < rows; ++r) {
    const uint64_t base = r * static_cast<uint64_t>(n);
    for (int64_t i = 0; i < n; ++i) {
      keys[static_cast<size_t>(i)] = Key::of(x, base + static_cast<uint64_t>(i));
      order[static_cast<size_t>(i)] = i;
    }
    // Larger first; of equal ones the earlier.
    std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int64_t a, int64_t b) {
      const Key &ka = keys[static_cast<size_t>(a)], &kb = keys[static_cast<size_t>(b)];
      if (kb < ka) return true;
      if (ka < kb) return false;
      return a < b;
    });
    for (int64_t i = 0; i < k; ++i) {
      const int64_t at = order[static_cast<size_t>(i)];
      values.copy(r * static_cast<uint64_t>(k) + static_cast<uint64_t>(i), x,
                  base + static_cast<uint64_t>(at), 1);
      places.push_back(at);
    }
  }
  WHITTLE_ASSIGN(Tensor t, values.take());
  WHITTLE_ASSIGN(Tensor index, int_tensor(call.node.attrs.type_or("index_type", DType::kInt32),
                                          dims, places, call.ctx));
  Tensors out = one(std::move(t));
  out.push_back(std::move(index));
  return out;
}

// Bytes that tell equal elements: signed zeros are one value.
std::string identity_of(const Tensor& t, uint64_t i, uint64_t count) {
  if (t.is_string()) {
    if (count == 1) return t.strings()[i];
    std::string joined;
    for (uint64_t k = 0; k < count; ++k) {
      const std::string& s = t.strings()[i + k];
      joined += cat(s.size(), ":") + s;
    }
    return joined;
  }
  const uint32_t width = byte_width(t.dtype());
  std::string bytes(reinterpret_cast<const char*>(t.bytes().data()) + i * width, count * width);
  const Lane lane = lane_of(t.dtype());
  if (lane == Lane::kF32 || lane == Lane::kF64) {
    for (size_t k = 0; k < count; ++k) {
      bool zero = (static_cast<uint8_t>(bytes[k * width + width - 1]) & 0x7f) == 0;
      for (size_t b = 0; b + 1 < width; ++b) zero = zero && bytes[k * width + b] == 0;
      if (zero) bytes[k * width + width - 1] = 0;
    }
  }
  return bytes;
}

// Unique, UniqueV2 along an axis, and the versions with counts: values in order of appearance.
Result<Tensors> unique(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  const Tensor& x = call.in[0];
  const DType index_dtype = call.node.attrs.type_or("out_idx", DType::kInt32);
  size_t axis = 0;
  if (call.in.size() > 1 && call.in[1].elements() != 0) {
    WHITTLE_ASSIGN(const int64_t at, scalar_int(call.in[1], "axis"));
    WHITTLE_ASSIGN(const int a, axis_in(at, rank_of(x), "axis"));
    axis = static_cast<size_t>(a);
  } else if (rank_of(x) != 1) {
    return invalid_argument("unique expects a vector");
  }
  const Dims& dims = dims_of(x);
  const uint64_t outer = product(dims, 0, axis), inner = product(dims, axis + 1, dims.size());
  const uint64_t n = static_cast<uint64_t>(dims[axis]);
  std::unordered_map<std::string, int64_t> seen;
  std::vector<int64_t> index, counts;
  std::vector<uint64_t> first;
  for (uint64_t k = 0; k < n; ++k) {
    std::string key;
    for (uint64_t o = 0; o < outer; ++o) key += identity_of(x, (o * n + k) * inner, inner);
    const auto [at, is_new] = seen.try_emplace(std::move(key), static_cast<int64_t>(first.size()));
    if (is_new) {
      first.push_back(k);
      counts.push_back(0);
    }
    index.push_back(at->second);
    ++counts[static_cast<size_t>(at->second)];
  }
  Dims out_dims = dims;
  out_dims[axis] = static_cast<int64_t>(first.size());
  WHITTLE_ASSIGN(Mover values, Mover::make(x.dtype(), std::move(out_dims), call.ctx));
  for (uint64_t o = 0; o < outer; ++o) {
    for (uint64_t u = 0; u < first.size(); ++u) {
      values.copy((o * first.size() + u) * inner, x, (o * n + first[u]) * inner, inner);
    }
  }
  WHITTLE_ASSIGN(Tensor t, values.take());
  Tensors out = one(std::move(t));
  WHITTLE_ASSIGN(Tensor places, int_tensor(index_dtype, {static_cast<int64_t>(n)}, index, call.ctx));
  out.push_back(std::move(places));
  if (call.node.op.find("Counts") != std::string::npos) {
    WHITTLE_ASSIGN(Tensor c, int_tensor(index_dtype, {static_cast<int64_t>(counts.size())}, counts,
                                        call.ctx));
    out.push_back(std::move(c));
  }
  return out;
}

Result<Tensors> list_diff(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &x = call.in[0], &y = call.in[1];
  WHITTLE_CHECK(need_same_dtype(x, y));
  WHITTLE_CHECK(need_rank(x, 1, "x"));
  WHITTLE_CHECK(need_rank(y, 1, "y"));
  std::unordered_map<std::string, int64_t> without;
  for (uint64_t i = 0; i < y.elements(); ++i) without[identity_of(y, i, 1)] = 1;
  std::vector<int64_t> kept;
  for (uint64_t i = 0; i < x.elements(); ++i) {
    if (without.count(identity_of(x, i, 1)) == 0) kept.push_back(static_cast<int64_t>(i));
  }
  const Dims dims{static_cast<int64_t>(kept.size())};
  WHITTLE_ASSIGN(Mover values, Mover::make(x.dtype(), dims, call.ctx));
  for (size_t i = 0; i < kept.size(); ++i) values.copy(i, x, static_cast<uint64_t>(kept[i]), 1);
  WHITTLE_ASSIGN(Tensor t, values.take());
  WHITTLE_ASSIGN(Tensor index, int_tensor(call.node.attrs.type_or("out_idx", DType::kInt32), dims,
                                          kept, call.ctx));
  Tensors out = one(std::move(t));
  out.push_back(std::move(index));
  return out;
}

// Where each value would go in its sorted row: before equal ones (lower) or behind (upper).
template <bool kUpper>
Result<Tensors> bound(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &sorted = call.in[0], &values = call.in[1];
  WHITTLE_CHECK(need_same_dtype(sorted, values));
  if (!has_order(sorted)) return no_kernel("searching that dtype");
  WHITTLE_CHECK(need_rank(sorted, 2, "sorted_inputs"));
  WHITTLE_CHECK(need_rank(values, 2, "values"));
  if (dims_of(sorted)[0] != dims_of(values)[0]) return invalid_argument("batches differ");
  const uint64_t n = static_cast<uint64_t>(dims_of(sorted)[1]);
  const uint64_t m = static_cast<uint64_t>(dims_of(values)[1]);
  std::vector<int64_t> places;
  for (uint64_t i = 0; i < values.elements(); ++i) {
    const Key v = Key::of(values, i);
    uint64_t low = 0, high = n;
    while (low < high) {
      const uint64_t middle = (low + high) / 2;
      const Key k = Key::of(sorted, i / m * n + middle);
      if (kUpper ? !(v < k) : k < v) low = middle + 1;
      else high = middle;
    }
    places.push_back(static_cast<int64_t>(low));
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(call.node.attrs.type_or("out_type", DType::kInt32),
                                      dims_of(values), places, call.ctx));
  return one(std::move(t));
}

Result<Tensors> bucketize(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  const AttrValue* attr = call.node.attrs.find("boundaries");
  if (attr == nullptr || attr->kind() != AttrValue::Kind::kList) {
    return invalid_argument("Bucketize without boundaries");
  }
  const std::vector<float>& edges = attr->list().floats;
  if (!std::is_sorted(edges.begin(), edges.end())) return invalid_argument("boundaries not sorted");
  if (!has_order(x)) return no_kernel("Bucketize of that dtype");
  std::vector<int64_t> places;
  for (uint64_t i = 0; i < x.elements(); ++i) {
    const Key k = Key::of(x, i);
    const Lane lane = lane_of(x.dtype());
    const double v = lane == Lane::kI64   ? static_cast<double>(k.integer)
                     : lane == Lane::kU64 ? static_cast<double>(k.natural)
                                          : k.real;
    places.push_back(std::upper_bound(edges.begin(), edges.end(), v,
                                      [](double a, float b) { return a < static_cast<double>(b); }) -
                     edges.begin());
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt32, dims_of(x), places, call.ctx));
  return one(std::move(t));
}

// Adds `weight` (or one) to out[row, value].
Result<Tensors> counted(KernelCall& call, const Tensor& x, int64_t size, const Tensor& weights,
                        DType dtype, bool binary, bool by_row) {
  if (size < 0) return invalid_argument("size must not be negative");
  if (weights.elements() != 0 && weights.elements() != x.elements()) {
    return invalid_argument("as many weights as values are needed");
  }
  const bool rows = by_row && rank_of(x) == 2;
  const int64_t row_count = rows ? dims_of(x)[0] : 1;
  const uint64_t per_row = rows ? static_cast<uint64_t>(dims_of(x)[1]) : x.elements();
  Dims dims = rows ? Dims{row_count, size} : Dims{size};
  WHITTLE_ASSIGN(Tensor out, make_tensor(dtype, std::move(dims), call.ctx));
  const uint32_t width = byte_width(dtype);
  for (uint64_t i = 0; i < x.elements(); ++i) {
    int64_t v = 0;
    widen(x.dtype(), x.bytes().data() + i * byte_width(x.dtype()), 1, &v, 1);
    if (v < 0) return invalid_argument("values must not be negative");
    if (v >= size) continue;
    const uint64_t row_index = per_row == 0 ? 0 : i / per_row;
    const uint64_t at = (rows ? row_index : 0) * static_cast<uint64_t>(size) + static_cast<uint64_t>(v);
    uint8_t* to = out.mutable_bytes() + at * width;
    const uint8_t* weight = weights.elements() == 0 ? nullptr : weights.bytes().data() + i * width;
    switch (lane_of(dtype)) {
      case Lane::kF32: {
        float a = 0, w = 1;
        widen(dtype, to, 1, &a, 1);
        if (weight != nullptr) widen(dtype, weight, 1, &w, 1);
        a = binary ? 1 : a + w;
        narrow(dtype, &a, to, 1);
        break;
      }
      case Lane::kF64: {
        double a = 0, w = 1;
        widen(dtype, to, 1, &a, 1);
        if (weight != nullptr) widen(dtype, weight, 1, &w, 1);
        a = binary ? 1 : a + w;
        narrow(dtype, &a, to, 1);
        break;
      }
      default: {
        uint64_t a = 0, w = 1;
        widen(dtype, to, 1, &a, 1);
        if (weight != nullptr) widen(dtype, weight, 1, &w, 1);
        a = binary ? 1 : a + w;
        narrow(dtype, &a, to, 1);
      }
    }
  }
  return one(std::move(out));
}

Result<Tensors> bincount(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const int64_t size, scalar_int(call.in[1], "size"));
  const Lane lane = lane_of(call.in[0].dtype());
  if (lane != Lane::kI64) return invalid_argument("Bincount takes int32 or int64");
  const bool dense = call.node.op == "DenseBincount";
  if (dense && rank_of(call.in[0]) > 2) return invalid_argument("input has too high a rank");
  return counted(call, call.in[0], size, call.in[2], call.in[2].dtype(),
                 call.node.attrs.bool_or("binary_output", false), dense);
}

Result<Tensors> in_top_k(KernelCall& call) {
  const bool v2 = call.node.op == "InTopKV2";
  WHITTLE_CHECK(need_inputs(call, v2 ? 3 : 2));
  const Tensor& predictions = call.in[0];
  WHITTLE_CHECK(need_dtype(predictions, DType::kFloat, "predictions"));
  WHITTLE_CHECK(need_rank(predictions, 2, "predictions"));
  WHITTLE_ASSIGN(const Dims targets, int_vector(call.in[1], "targets"));
  int64_t k = call.node.attrs.int_or("k", 0);
  if (v2) {
    WHITTLE_ASSIGN(k, scalar_int(call.in[2], "k"));
  }
  const int64_t n = dims_of(predictions)[1];
  if (static_cast<int64_t>(targets.size()) != dims_of(predictions)[0]) {
    return invalid_argument("one target a row is needed");
  }
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kBool, {dims_of(predictions)[0]}, call.ctx));
  const auto p = predictions.values<float>();
  for (size_t r = 0; r < targets.size(); ++r) {
    const int64_t target = targets[r];
    bool good = target >= 0 && target < n;
    const size_t base = r * static_cast<size_t>(n);
    if (good) {
      const float v = p[base + static_cast<size_t>(target)];
      int64_t above = 0;
      good = v - v == 0;
      for (int64_t i = 0; i < n && good; ++i) {
        const float other = p[base + static_cast<size_t>(i)];
        good = other - other == 0;
        above += other > v;
      }
      good = good && above < k;
    }
    out.mutable_bytes()[r] = good;
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "") {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kReduce, .run = run};
}
constexpr DTypeSet kIndex = dtypes(DType::kInt32, DType::kInt64);

constexpr KernelInfo kRows[] = {
    row("Bincount", kIndex, bincount),
    row("Bucketize", kReals, bucketize, "boundaries"),
    row("DenseBincount", kIndex, bincount, "binary_output"),
    row("InTopK", dtypes(DType::kFloat), in_top_k, "k"),
    row("InTopKV2", dtypes(DType::kFloat), in_top_k),
    row("ListDiff", kMovable, list_diff, "out_idx"),
    row("LowerBound", kReals, bound<false>, "out_type"),
    row("TopK", kReals, top_k, "k"),
    row("TopKV2", kReals, top_k, "index_type"),
    row("Unique", kMovable, unique, "out_idx"),
    row("UniqueV2", kMovable, unique, "out_idx"),
    row("UniqueWithCounts", kMovable, unique, "out_idx"),
    row("UniqueWithCountsV2", kMovable, unique, "out_idx"),
    row("UpperBound", kReals, bound<true>, "out_type"),
};

}  // namespace

Rows sort_kernels() { return kRows; }

}  // namespace whittle::eval
