// Ragged tensors: values and row splits.
#include <algorithm>

#include "families.h"

namespace whittle::eval {
namespace {

Result<Dims> splits_of(const Tensor& t, int64_t values) {
  WHITTLE_CHECK(need_rank(t, 1, "row splits"));
  WHITTLE_ASSIGN(Dims s, int_vector(t, "row splits"));
  if (s.empty() || s[0] != 0) return invalid_argument("row splits must start with 0");
  for (size_t i = 1; i < s.size(); ++i) {
    if (s[i] < s[i - 1]) return invalid_argument("row splits must not decrease");
  }
  if (values >= 0 && s.back() != values) return invalid_argument("row splits do not cover the values");
  return s;
}

Result<Tensors> range(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const DType dtype = call.in[0].dtype();
  if (dtype != DType::kInt32 && dtype != DType::kInt64) return no_kernel("RaggedRange of floats");
  Dims in[3];
  size_t rows = 1;
  for (size_t i = 0; i < 3; ++i) {
    WHITTLE_CHECK(need_same_dtype(call.in[0], call.in[i]));
    if (rank_of(call.in[i]) > 1) return invalid_argument("starts, limits and deltas are vectors");
    WHITTLE_ASSIGN(in[i], int_vector(call.in[i], "starts, limits or deltas"));
    if (rank_of(call.in[i]) == 1) {
      if (rows != 1 && in[i].size() != rows) return invalid_argument("lengths differ");
      rows = in[i].size();
    }
  }
  std::vector<int64_t> splits{0}, values;
  for (size_t r = 0; r < rows; ++r) {
    const auto at = [&](size_t i) { return in[i][rank_of(call.in[i]) == 0 ? 0 : r]; };
    const int64_t start = at(0), limit = at(1), delta = at(2);
    if (delta == 0) return invalid_argument("a delta is zero");
    if (delta > 0 ? start < limit : start > limit) {
      const uint64_t stretch = delta > 0 ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                                         : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
      const uint64_t pace = delta > 0 ? static_cast<uint64_t>(delta) : 0 - static_cast<uint64_t>(delta);
      const uint64_t count = (stretch - 1) / pace + 1;
      if (count > call.ctx.memory_budget() / 8 - std::min<uint64_t>(values.size(), call.ctx.memory_budget() / 8)) {
        return over_limit("RaggedRange is above the memory budget");
      }
      uint64_t v = static_cast<uint64_t>(start);
      for (uint64_t i = 0; i < count; ++i, v += static_cast<uint64_t>(delta)) {
        values.push_back(static_cast<int64_t>(v));
      }
    }
    splits.push_back(static_cast<int64_t>(values.size()));
  }
  WHITTLE_ASSIGN(Tensor s, int_tensor(call.node.attrs.type_or("Tsplits", DType::kInt64),
                                      {static_cast<int64_t>(splits.size())}, splits, call.ctx));
  WHITTLE_ASSIGN(Tensor v, int_tensor(dtype, {static_cast<int64_t>(values.size())}, values, call.ctx));
  Tensors out = one(std::move(s));
  out.push_back(std::move(v));
  return out;
}

// Rows `indices` of a ragged tensor: nested splits, then dense values, then indices.
Result<Tensors> gather(KernelCall& call) {
  const int64_t ragged = call.node.attrs.int_or("PARAMS_RAGGED_RANK", 1);
  if (ragged < 1 || ragged > 64) return invalid_argument("PARAMS_RAGGED_RANK");
  const size_t k = static_cast<size_t>(ragged);
  WHITTLE_CHECK(need_inputs(call, k + 2));
  const Tensor& values = call.in[k];
  if (rank_of(values) < 1) return invalid_argument("values must have at least rank 1");
  WHITTLE_ASSIGN(const Dims indices, int_vector(call.in[k + 1], "indices"));
  if (rank_of(call.in[k + 1]) != 1) return no_kernel("RaggedGather by indices of another rank than 1");
  std::vector<Dims> splits;
  for (size_t i = 0; i < k; ++i) {
    WHITTLE_ASSIGN(Dims s, splits_of(call.in[i], -1));
    const int64_t inner = i + 1 < k ? static_cast<int64_t>(call.in[i + 1].elements()) - 1 : dims_of(values)[0];
    if (s.back() > inner) return invalid_argument("row splits go beyond the values");
    splits.push_back(std::move(s));
  }
  // Ranges of rows, level by level.
  std::vector<std::pair<int64_t, int64_t>> ranges;
  const int64_t rows = static_cast<int64_t>(splits[0].size()) - 1;
  for (int64_t i : indices) {
    if (i < 0 || i >= rows) return invalid_argument(cat("index ", i, " is not in [0, ", rows, ")"));
    ranges.push_back({i, i + 1});
  }
  Tensors out;
  for (size_t level = 0; level < k; ++level) {
    std::vector<int64_t> made{0};
    std::vector<std::pair<int64_t, int64_t>> inner;
    for (const auto& [from, to] : ranges) {
      for (int64_t r = from; r < to; ++r) {
        const int64_t a = splits[level][static_cast<size_t>(r)], b = splits[level][static_cast<size_t>(r) + 1];
        made.push_back(made.back() + (b - a));
        inner.push_back({a, b});
      }
      WHITTLE_CHECK(within_budget(made.size() * 8, call.ctx));
    }
    WHITTLE_ASSIGN(Tensor s, int_tensor(call.in[level].dtype(), {static_cast<int64_t>(made.size())}, made,
                                        call.ctx));
    out.push_back(std::move(s));
    ranges = std::move(inner);
  }
  int64_t total = 0;
  for (const auto& [from, to] : ranges) total += to - from;
  Dims dims = dims_of(values);
  dims[0] = total;
  const uint64_t row = product(dims_of(values), 1, dims_of(values).size());
  WHITTLE_ASSIGN(Mover moved, Mover::make(values.dtype(), std::move(dims), call.ctx));
  uint64_t at = 0;
  for (const auto& [from, to] : ranges) {
    const uint64_t n = static_cast<uint64_t>(to - from) * row;
    moved.copy(at, values, static_cast<uint64_t>(from) * row, n);
    at += n;
  }
  WHITTLE_ASSIGN(Tensor t, moved.take());
  out.push_back(std::move(t));
  return out;
}

// Ragged to dense: shape (with -1 for "as large as needed"), values, default, row partitions.
Result<Tensors> to_tensor(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 4));
  const Tensor &values = call.in[1], &fallback = call.in[2];
  WHITTLE_CHECK(need_same_dtype(values, fallback));
  const AttrValue* types = call.node.attrs.find("row_partition_types");
  if (types == nullptr || types->kind() != AttrValue::Kind::kList) {
    return invalid_argument("row_partition_types are missing");
  }
  std::vector<std::string> kinds = types->list().strings;
  size_t first = 3;
  int64_t rows = -1;
  if (!kinds.empty() && kinds[0] == "FIRST_DIM_SIZE") {
    WHITTLE_ASSIGN(rows, scalar_int(call.in[3], "the number of rows"));
    kinds.erase(kinds.begin());
    ++first;
  }
  if (kinds.empty() || call.in.size() != first + kinds.size()) {
    return invalid_argument("row partitions and their types differ in number");
  }
  // For each partition: which parent row an inner row belongs to.
  const size_t levels = kinds.size();
  std::vector<std::vector<int64_t>> parents(levels);
  for (size_t k = 0; k < levels; ++k) {
    if (kinds[k] == "ROW_SPLITS") {
      WHITTLE_ASSIGN(const Dims s, splits_of(call.in[first + k], -1));
      if (k == 0) rows = static_cast<int64_t>(s.size()) - 1;
      for (size_t r = 0; r + 1 < s.size(); ++r) {
        WHITTLE_CHECK(within_budget(static_cast<uint64_t>(s[r + 1]) * 8, call.ctx));
        parents[k].resize(static_cast<size_t>(s[r + 1]), static_cast<int64_t>(r));
      }
    } else if (kinds[k] == "VALUE_ROWIDS") {
      WHITTLE_ASSIGN(parents[k], int_vector(call.in[first + k], "value rowids"));
      if (!std::is_sorted(parents[k].begin(), parents[k].end()) ||
          (!parents[k].empty() && parents[k][0] < 0)) {
        return invalid_argument("value rowids must not decrease");
      }
    } else {
      return no_kernel("that kind of row partition");
    }
  }
  if (rows < 0) return invalid_argument("the number of rows is not known");
  if (rank_of(values) < 1 || parents.back().size() != static_cast<size_t>(dims_of(values)[0])) {
    return invalid_argument("row partitions do not cover the values");
  }
  // Position within the parent, level by level, and the largest.
  Dims dims{rows};
  std::vector<std::vector<int64_t>> places(levels);
  for (size_t k = 0; k < levels; ++k) {
    int64_t largest = 0, previous = -1, place = 0;
    for (int64_t p : parents[k]) {
      place = p == previous ? place + 1 : 0;
      previous = p;
      places[k].push_back(place);
      largest = std::max(largest, place + 1);
    }
    dims.push_back(largest);
  }
  const Dims inner(dims_of(values).begin() + 1, dims_of(values).end());
  dims.insert(dims.end(), inner.begin(), inner.end());
  if (rank_of(call.in[0]) == 1) {
    WHITTLE_ASSIGN(const Dims wanted, int_vector(call.in[0], "shape"));
    if (wanted.size() != dims.size()) return invalid_argument("shape has another rank");
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] < -1) return invalid_argument("negative dimension");
      if (wanted[i] >= 0) dims[i] = wanted[i];
    }
    for (size_t i = 0; i < inner.size(); ++i) {
      if (dims[1 + levels + i] != inner[i]) return invalid_argument("shape does not fit the values");
    }
  }
  const uint64_t row = product(inner, 0, inner.size());
  const Dims strides = row_major_strides(dims);
  WHITTLE_ASSIGN(Mover out, Mover::make(values.dtype(), dims, call.ctx));
  if (fallback.elements() == 1) {
    out.copy_strided(0, fallback, 0, 0, out.elements());
  } else if (fallback.elements() == row && row != 0) {
    for (uint64_t at = 0; at + row <= out.elements(); at += row) out.copy(at, fallback, 0, row);
  } else {
    return no_kernel("a default with broadcasting");
  }
  for (size_t i = 0; i < parents.back().size() && row != 0; ++i) {
    // Walk up from the value to its row.
    int64_t at = 0;
    size_t k = levels, index = i;
    bool inside = true;
    while (k-- > 0) {
      if (index >= places[k].size()) return invalid_argument("row partitions do not fit each other");
      inside = inside && places[k][index] < dims[k + 1];
      at += places[k][index] * strides[k + 1];
      index = static_cast<size_t>(parents[k][index]);
    }
    inside = inside && static_cast<int64_t>(index) < dims[0];
    if (!inside) continue;  // cut off by the shape
    at += static_cast<int64_t>(index) * strides[0];
    out.copy(static_cast<uint64_t>(at), values, i * row, row);
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// As sparse: nested splits, then values.
Result<Tensors> to_sparse(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  const size_t levels = call.in.size() - 1;
  const Tensor& values = call.in.back();
  if (rank_of(values) != 1) return no_kernel("ragged values of a rank above 1");
  std::vector<Dims> splits;
  for (size_t k = 0; k < levels; ++k) {
    const int64_t inner = k + 1 < levels ? static_cast<int64_t>(call.in[k + 1].elements()) - 1 : dims_of(values)[0];
    WHITTLE_ASSIGN(Dims s, splits_of(call.in[k], inner));
    splits.push_back(std::move(s));
  }
  std::vector<int64_t> flat, shape(levels + 1, 0);
  shape[0] = static_cast<int64_t>(splits[0].size()) - 1;
  for (size_t k = 0; k < levels; ++k) {
    for (size_t r = 0; r + 1 < splits[k].size(); ++r) {
      shape[k + 1] = std::max(shape[k + 1], splits[k][r + 1] - splits[k][r]);
    }
  }
  const int64_t n = dims_of(values)[0];
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(n) * 8 * (levels + 1), call.ctx));
  for (int64_t i = 0; i < n; ++i) {
    std::vector<int64_t> path(levels + 1);
    int64_t index = i;
    for (size_t k = levels; k-- > 0;) {
      const auto row = std::upper_bound(splits[k].begin(), splits[k].end(), index) - splits[k].begin() - 1;
      path[k + 1] = index - splits[k][static_cast<size_t>(row)];
      index = row;
    }
    path[0] = index;
    flat.insert(flat.end(), path.begin(), path.end());
  }
  const int64_t rank = static_cast<int64_t>(levels) + 1;
  WHITTLE_ASSIGN(Tensor indices, int_tensor(DType::kInt64, {n, rank}, flat, call.ctx));
  WHITTLE_ASSIGN(Tensor dense_shape, int_tensor(DType::kInt64, {rank}, shape, call.ctx));
  Tensors out = one(std::move(indices));
  out.push_back(values);
  out.push_back(std::move(dense_shape));
  return out;
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&), std::string_view attrs,
                         DTypeSet types) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kMove, .run = run};
}
constexpr DTypeSet kIndex = dtypes(DType::kInt32, DType::kInt64);

constexpr KernelInfo kRows[] = {
    row("RaggedGather", gather, "PARAMS_RAGGED_RANK", kIndex),
    row("RaggedRange", range, "Tsplits", kIndex),
    row("RaggedTensorToSparse", to_sparse, "", kIndex),
    row("RaggedTensorToTensor", to_tensor, "row_partition_types", kIndex),
};

}  // namespace

Rows ragged_kernels() { return kRows; }

}  // namespace whittle::eval
