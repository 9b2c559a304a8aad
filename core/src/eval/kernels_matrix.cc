// Diagonals and bands, cross products, and small dense algebra over the last two dimensions.
#include <algorithm>

#include "families.h"
#include "functions.h"

namespace whittle::eval {
namespace {

// Diagonals [low, high] of matrices rows x columns; 0 is the main one, positive ones lie above it.
struct Band {
  int64_t low = 0, high = 0;
  bool left_super = true, left_sub = true;  // which side short diagonals are aligned to
  int64_t count() const { return high - low + 1; }
};

Result<Band> band_of(const Node& node, const Tensor* k) {
  Band b;
  if (k != nullptr) {
    WHITTLE_ASSIGN(const Dims v, int_vector(*k, "k"));
    if (v.empty() || v.size() > 2) return invalid_argument("k must be one or two integers");
    b.low = v[0];
    b.high = v.back();
    if (b.low > b.high) return invalid_argument("k[0] must not be above k[1]");
    if (b.low < -(int64_t{1} << 40) || b.high > int64_t{1} << 40) return invalid_argument("k is absurd");
  }
  // V2 aligns to the left, V3 by default super-diagonals to the right.
  const bool v3 = node.op.size() > 2 && node.op.compare(node.op.size() - 2, 2, "V3") == 0;
  const std::string_view align = node.attrs.string_or("align", v3 ? "RIGHT_LEFT" : "LEFT_LEFT");
  b.left_super = align == "LEFT_LEFT" || align == "LEFT_RIGHT";
  b.left_sub = align == "LEFT_LEFT" || align == "RIGHT_LEFT";
  return b;
}

int64_t diagonal_length(int64_t rows, int64_t columns, int64_t d) {
  return std::max<int64_t>(0, std::min(rows + std::min<int64_t>(d, 0), columns - std::max<int64_t>(d, 0)));
}

// Place of (row, column) in the packed diagonals [count, longest].
int64_t packed_place(const Band& b, int64_t rows, int64_t columns, int64_t longest, int64_t r, int64_t c) {
  const int64_t d = c - r;
  const int64_t along = d >= 0 ? r : c;
  const bool left = d >= 0 ? b.left_super : b.left_sub;
  return (b.high - d) * longest + along + (left ? 0 : longest - diagonal_length(rows, columns, d));
}

int64_t longest_of(const Band& b, int64_t rows, int64_t columns) {
  int64_t longest = 0;
  const int64_t from = std::max(b.low, -rows), to = std::min(b.high, columns);
  for (int64_t d = from; d <= to; ++d) longest = std::max(longest, diagonal_length(rows, columns, d));
  return longest;
}

Status check_band(const Band& b, int64_t rows, int64_t columns) {
  if (b.low <= -std::max<int64_t>(rows, 1) || b.high >= std::max<int64_t>(columns, 1)) {
    return invalid_argument(cat("diagonals ", b.low, "..", b.high, " do not lie in ", rows, " x ", columns));
  }
  return {};
}

Result<Tensors> diag_part(KernelCall& call) {
  const bool v1 = call.node.op == "MatrixDiagPart";
  WHITTLE_CHECK(need_inputs(call, v1 ? 1 : 3));
  const Tensor& x = call.in[0];
  if (rank_of(x) < 2) return invalid_argument("input must have at least rank 2");
  WHITTLE_ASSIGN(const Band b, band_of(call.node, v1 ? nullptr : &call.in[1]));
  const size_t rank = dims_of(x).size();
  const int64_t rows = dims_of(x)[rank - 2], columns = dims_of(x)[rank - 1];
  WHITTLE_CHECK(check_band(b, rows, columns));
  const int64_t longest = longest_of(b, rows, columns);
  Dims dims(dims_of(x).begin(), dims_of(x).end() - 2);
  if (b.count() > 1) dims.push_back(b.count());
  dims.push_back(longest);
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), std::move(dims), call.ctx));
  if (!v1) {
    if (call.in[2].elements() != 1) return invalid_argument("padding_value must be a scalar");
    WHITTLE_CHECK(need_same_dtype(x, call.in[2]));
    out.copy_strided(0, call.in[2], 0, 0, out.elements());
  }
  const uint64_t matrix = static_cast<uint64_t>(rows * columns), packed = static_cast<uint64_t>(b.count() * longest);
  for (uint64_t m = 0; matrix != 0 && m < x.elements() / matrix; ++m) {
    for (int64_t d = b.low; d <= b.high; ++d) {
      const int64_t n = diagonal_length(rows, columns, d);
      if (n == 0) continue;
      const int64_t r = std::max<int64_t>(-d, 0), c = std::max<int64_t>(d, 0);
      out.copy_strided(m * packed + static_cast<uint64_t>(packed_place(b, rows, columns, longest, r, c)), x,
                       static_cast<int64_t>(m * matrix) + r * columns + c, columns + 1,
                       static_cast<uint64_t>(n));
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// Puts packed diagonals into `target`.
void put_diagonals(Mover& target, const Tensor& diagonals, const Band& b, int64_t rows, int64_t columns,
                   int64_t longest, uint64_t matrices) {
  const uint64_t matrix = static_cast<uint64_t>(rows * columns), packed = static_cast<uint64_t>(b.count() * longest);
  for (uint64_t m = 0; m < matrices; ++m) {
    for (int64_t d = b.low; d <= b.high; ++d) {
      const int64_t n = diagonal_length(rows, columns, d);
      if (n == 0) continue;
      const int64_t r = std::max<int64_t>(-d, 0), c = std::max<int64_t>(d, 0);
      target.scatter_strided(static_cast<int64_t>(m * matrix) + r * columns + c, columns + 1, diagonals,
                             m * packed + static_cast<uint64_t>(packed_place(b, rows, columns, longest, r, c)),
                             static_cast<uint64_t>(n));
    }
  }
}

Result<Tensors> diag(KernelCall& call) {
  const bool v1 = call.node.op == "MatrixDiag";
  WHITTLE_CHECK(need_inputs(call, v1 ? 1 : 5));
  const Tensor& x = call.in[0];
  if (rank_of(x) < 1) return invalid_argument("diagonal must have at least rank 1");
  WHITTLE_ASSIGN(const Band b, band_of(call.node, v1 ? nullptr : &call.in[1]));
  const size_t rank = dims_of(x).size();
  const int64_t longest = dims_of(x)[rank - 1];
  if (b.count() > 1 && (rank < 2 || dims_of(x)[rank - 2] != b.count())) {
    return invalid_argument("diagonal does not have the number of diagonals that k tells");
  }
  int64_t rows = -1, columns = -1;
  if (!v1) {
    WHITTLE_ASSIGN(rows, scalar_int(call.in[2], "num_rows"));
    WHITTLE_ASSIGN(columns, scalar_int(call.in[3], "num_cols"));
  }
  // What is not given is the smallest that fits, or a square.
  const int64_t least_rows = longest - std::min<int64_t>(b.high, 0), least_columns = longest + std::max<int64_t>(b.low, 0);
  if (rows == -1 && columns == -1) {
    rows = columns = std::max(least_rows, least_columns);
  } else if (rows == -1) {
    rows = least_rows;
  } else if (columns == -1) {
    columns = least_columns;
  }
  if (rows < least_rows || columns < least_columns) return invalid_argument("num_rows or num_cols is too small");
  WHITTLE_CHECK(check_band(b, rows, columns));
  if (longest_of(b, rows, columns) != longest) return invalid_argument("the diagonals have another length");
  Dims dims(dims_of(x).begin(), dims_of(x).end() - (b.count() > 1 ? 2 : 1));
  dims.insert(dims.end(), {rows, columns});
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), std::move(dims), call.ctx));
  if (!v1) {
    if (call.in[4].elements() != 1) return invalid_argument("padding_value must be a scalar");
    WHITTLE_CHECK(need_same_dtype(x, call.in[4]));
    out.copy_strided(0, call.in[4], 0, 0, out.elements());
  }
  const uint64_t packed = static_cast<uint64_t>(b.count() * longest);
  put_diagonals(out, x, b, rows, columns, longest, packed == 0 ? 0 : x.elements() / packed);
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

Result<Tensors> set_diag(KernelCall& call) {
  const bool v1 = call.node.op == "MatrixSetDiag";
  WHITTLE_CHECK(need_inputs(call, v1 ? 2 : 3));
  const Tensor &x = call.in[0], &d = call.in[1];
  WHITTLE_CHECK(need_same_dtype(x, d));
  if (rank_of(x) < 2) return invalid_argument("input must have at least rank 2");
  WHITTLE_ASSIGN(const Band b, band_of(call.node, v1 ? nullptr : &call.in[2]));
  const size_t rank = dims_of(x).size();
  const int64_t rows = dims_of(x)[rank - 2], columns = dims_of(x)[rank - 1];
  WHITTLE_CHECK(check_band(b, rows, columns));
  const int64_t longest = longest_of(b, rows, columns);
  Dims expected(dims_of(x).begin(), dims_of(x).end() - 2);
  if (b.count() > 1) expected.push_back(b.count());
  expected.push_back(longest);
  if (dims_of(d) != expected) {
    return invalid_argument(cat("diagonal must have shape ", dims_text(expected)));
  }
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), dims_of(x), call.ctx));
  out.copy(0, x, 0, x.elements());
  const uint64_t matrix = static_cast<uint64_t>(rows * columns);
  put_diagonals(out, d, b, rows, columns, longest, matrix == 0 ? 0 : x.elements() / matrix);
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

Result<Tensors> band_part(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& x = call.in[0];
  if (rank_of(x) < 2) return invalid_argument("input must have at least rank 2");
  WHITTLE_ASSIGN(int64_t lower, scalar_int(call.in[1], "num_lower"));
  WHITTLE_ASSIGN(int64_t upper, scalar_int(call.in[2], "num_upper"));
  const size_t rank = dims_of(x).size();
  const int64_t rows = dims_of(x)[rank - 2], columns = dims_of(x)[rank - 1];
  if (lower > rows || upper > columns) return invalid_argument("a band wider than the matrix");
  if (lower < 0) lower = rows;
  if (upper < 0) upper = columns;
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), dims_of(x), call.ctx));
  const uint64_t matrix = static_cast<uint64_t>(rows * columns);
  for (uint64_t m = 0; matrix != 0 && m < x.elements() / matrix; ++m) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t from = std::max<int64_t>(0, r - lower), to = std::min(columns, r + upper + 1);
      if (from >= to) continue;
      const uint64_t at = m * matrix + static_cast<uint64_t>(r * columns + from);
      out.copy(at, x, at, static_cast<uint64_t>(to - from));
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// --- dense algebra, in double -----------------------------------------------------------------------

Result<std::vector<double>> doubles_of(const Tensor& t, Context& ctx) {
  WHITTLE_ASSIGN(const Tensor wide, widened(t, ctx));
  std::vector<double> v;
  WHITTLE_CHECK(within_budget(wide.elements() * 8, ctx));
  if (wide.dtype() == DType::kFloat) {
    v.assign(wide.values<float>().begin(), wide.values<float>().end());
  } else if (wide.dtype() == DType::kDouble) {
    v.assign(wide.values<double>().begin(), wide.values<double>().end());
  } else {
    return no_kernel("matrices of that dtype");
  }
  return v;
}

Result<Tensor> tensor_from(const std::vector<double>& v, DType dtype, Dims dims, Context& ctx) {
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype == DType::kDouble ? dtype : DType::kFloat, std::move(dims), ctx));
  for (size_t i = 0; i < v.size(); ++i) {
    if (dtype == DType::kDouble) t.mutable_values<double>()[i] = v[i];
    else t.mutable_values<float>()[i] = static_cast<float>(v[i]);
  }
  return narrowed(t, dtype, ctx);
}

// Gaussian elimination with partial pivoting: a becomes upper triangular, b (n x m) the solution.
// The determinant's sign and product of pivots; false when singular.
bool eliminate(double* a, size_t n, double* b, size_t m, double* determinant) {
  double det = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t r = k + 1; r < n; ++r) {
      if (fn::abs(a[r * n + k]) > fn::abs(a[pivot * n + k])) pivot = r;
    }
    if (a[pivot * n + k] == 0) {
      *determinant = 0;
      return false;
    }
    if (pivot != k) {
      for (size_t c = 0; c < n; ++c) std::swap(a[k * n + c], a[pivot * n + c]);
      for (size_t c = 0; c < m; ++c) std::swap(b[k * m + c], b[pivot * m + c]);
      det = -det;
    }
    det *= a[k * n + k];
    for (size_t r = k + 1; r < n; ++r) {
      const double factor = a[r * n + k] / a[k * n + k];
      if (factor == 0) continue;
      for (size_t c = k; c < n; ++c) a[r * n + c] -= factor * a[k * n + c];
      for (size_t c = 0; c < m; ++c) b[r * m + c] -= factor * b[k * m + c];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t c = 0; c < m; ++c) {
      double v = b[k * m + c];
      for (size_t j = k + 1; j < n; ++j) v -= a[k * n + j] * b[j * m + c];
      b[k * m + c] = v / a[k * n + k];
    }
  }
  *determinant = det;
  return true;
}

Result<int64_t> square_size(const Tensor& t) {
  const size_t rank = dims_of(t).size();
  if (rank < 2 || dims_of(t)[rank - 1] != dims_of(t)[rank - 2]) {
    return invalid_argument("square matrices are needed");
  }
  if (dims_of(t)[rank - 1] > 4096) return over_limit("the matrices are too large");
  return dims_of(t)[rank - 1];
}

void transpose_square(double* a, size_t n) {
  for (size_t r = 0; r < n; ++r) {
    for (size_t c = r + 1; c < n; ++c) std::swap(a[r * n + c], a[c * n + r]);
  }
}

// MatrixInverse, MatrixSolve and MatrixDeterminant.
Result<Tensors> solve(KernelCall& call) {
  const bool inverse = call.node.op == "MatrixInverse", determinant = call.node.op == "MatrixDeterminant";
  WHITTLE_CHECK(need_inputs(call, inverse || determinant ? 1 : 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const int64_t size, square_size(x));
  const size_t n = static_cast<size_t>(size);
  WHITTLE_ASSIGN(std::vector<double> a, doubles_of(x, call.ctx));
  const uint64_t count = n == 0 ? 0 : x.elements() / (n * n);
  Dims dims(dims_of(x).begin(), dims_of(x).end() - 2);
  std::vector<double> b;
  size_t m = inverse ? n : 0;
  if (!inverse && !determinant) {
    const Tensor& rhs = call.in[1];
    WHITTLE_CHECK(need_same_dtype(x, rhs));
    if (rank_of(rhs) != rank_of(x) || !std::equal(dims.begin(), dims.end(), dims_of(rhs).begin()) ||
        dims_of(rhs)[dims.size()] != size) {
      return invalid_argument("matrix and right-hand sides do not fit");
    }
    WHITTLE_ASSIGN(b, doubles_of(rhs, call.ctx));
    m = static_cast<size_t>(dims_of(rhs).back());
  } else if (inverse) {
    b.assign(a.size(), 0);
    for (uint64_t k = 0; k < count; ++k) {
      for (size_t i = 0; i < n; ++i) b[k * n * n + i * n + i] = 1;
    }
  }
  const bool adjoint = call.node.attrs.bool_or("adjoint", false);
  std::vector<double> dets;
  for (uint64_t k = 0; k < count; ++k) {
    WHITTLE_CHECK(call.ctx.check_cancelled());
    double* matrix = a.data() + k * n * n;
    if (adjoint) transpose_square(matrix, n);
    double det = 1;
    if (!eliminate(matrix, n, b.data() + k * n * m, m, &det) && !determinant) {
      return invalid_argument("a matrix is not invertible");
    }
    dets.push_back(det);
  }
  if (determinant) {
    if (n == 0) dets.assign(product(dims, 0, dims.size()), 1.0);
    WHITTLE_ASSIGN(Tensor t, tensor_from(dets, x.dtype(), dims, call.ctx));
    return one(std::move(t));
  }
  dims.insert(dims.end(), {size, static_cast<int64_t>(m)});
  WHITTLE_ASSIGN(Tensor t, tensor_from(b, x.dtype(), dims, call.ctx));
  return one(std::move(t));
}

Result<Tensors> triangular_solve(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &x = call.in[0], &rhs = call.in[1];
  WHITTLE_CHECK(need_same_dtype(x, rhs));
  WHITTLE_ASSIGN(const int64_t size, square_size(x));
  const size_t n = static_cast<size_t>(size);
  const Dims batch(dims_of(x).begin(), dims_of(x).end() - 2);
  if (rank_of(rhs) != rank_of(x) || !std::equal(batch.begin(), batch.end(), dims_of(rhs).begin()) ||
      dims_of(rhs)[batch.size()] != size) {
    return no_kernel("triangular solve with broadcasting, or shapes that do not fit");
  }
  const size_t m = static_cast<size_t>(dims_of(rhs).back());
  WHITTLE_ASSIGN(std::vector<double> a, doubles_of(x, call.ctx));
  WHITTLE_ASSIGN(std::vector<double> b, doubles_of(rhs, call.ctx));
  bool lower = call.node.attrs.bool_or("lower", true);
  const bool adjoint = call.node.attrs.bool_or("adjoint", false);
  if (adjoint) lower = !lower;
  for (uint64_t k = 0; n != 0 && k < a.size() / (n * n); ++k) {
    double* matrix = a.data() + k * n * n;
    double* right = b.data() + k * n * m;
    if (adjoint) transpose_square(matrix, n);
    for (size_t step = 0; step < n; ++step) {
      const size_t r = lower ? step : n - 1 - step;
      if (matrix[r * n + r] == 0) return invalid_argument("a matrix is not invertible");
      for (size_t c = 0; c < m; ++c) {
        double v = right[r * m + c];
        for (size_t j = lower ? 0 : r + 1; j < (lower ? r : n); ++j) v -= matrix[r * n + j] * right[j * m + c];
        right[r * m + c] = v / matrix[r * n + r];
      }
    }
  }
  WHITTLE_ASSIGN(Tensor t, tensor_from(b, x.dtype(), dims_of(rhs), call.ctx));
  return one(std::move(t));
}

Result<Tensors> cholesky(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const int64_t size, square_size(x));
  const size_t n = static_cast<size_t>(size);
  WHITTLE_ASSIGN(std::vector<double> a, doubles_of(x, call.ctx));
  for (uint64_t k = 0; n != 0 && k < a.size() / (n * n); ++k) {
    double* l = a.data() + k * n * n;
    bool definite = true;
    for (size_t c = 0; c < n && definite; ++c) {
      for (size_t r = 0; r < n; ++r) {
        if (r < c) {
          l[r * n + c] = 0;
          continue;
        }
        double v = l[r * n + c];
        for (size_t j = 0; j < c; ++j) v -= l[r * n + j] * l[c * n + j];
        if (r == c) {
          definite = definite && v > 0;
          l[r * n + c] = fn::sqrt(v);
        } else {
          l[r * n + c] = v / l[c * n + c];
        }
      }
    }
    for (size_t r = 0; r < n && !definite; ++r) {
      for (size_t c = 0; c < n; ++c) l[r * n + c] = c <= r ? fn::kNan : 0;
    }
  }
  WHITTLE_ASSIGN(Tensor t, tensor_from(a, x.dtype(), dims_of(x), call.ctx));
  return one(std::move(t));
}

Result<Tensors> cross(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor &a = call.in[0], &b = call.in[1];
  WHITTLE_CHECK(need_same_dtype(a, b));
  if (dims_of(a) != dims_of(b) || rank_of(a) < 1 || dims_of(a).back() != 3) {
    return invalid_argument("cross products are of vectors of three");
  }
  WHITTLE_ASSIGN(const std::vector<double> x, doubles_of(a, call.ctx));
  WHITTLE_ASSIGN(const std::vector<double> y, doubles_of(b, call.ctx));
  std::vector<double> out(x.size());
  for (size_t i = 0; i < x.size(); i += 3) {
    for (size_t k = 0; k < 3; ++k) {
      const size_t p = i + (k + 1) % 3, q = i + (k + 2) % 3;
      out[i + k] = x[p] * y[q] - x[q] * y[p];
    }
  }
  WHITTLE_ASSIGN(Tensor t, tensor_from(out, a.dtype(), dims_of(a), call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo move_row(std::string_view op, Result<Tensors> (*run)(KernelCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = kMovable, .attrs = attrs, .cost = Cost::kMove, .run = run};
}
constexpr KernelInfo dense_row(std::string_view op, Result<Tensors> (*run)(KernelCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = kFloats, .attrs = attrs, .cost = Cost::kProduct,
          .exactness = Exactness::kSum, .run = run};
}

constexpr KernelInfo kRows[] = {
    dense_row("Cholesky", cholesky),
    dense_row("Cross", cross),
    move_row("MatrixBandPart", band_part),
    dense_row("MatrixDeterminant", solve),
    move_row("MatrixDiag", diag),
    move_row("MatrixDiagPart", diag_part),
    move_row("MatrixDiagPartV2", diag_part),
    move_row("MatrixDiagPartV3", diag_part, "align"),
    move_row("MatrixDiagV2", diag),
    move_row("MatrixDiagV3", diag, "align"),
    dense_row("MatrixInverse", solve, "adjoint"),
    move_row("MatrixSetDiag", set_diag),
    move_row("MatrixSetDiagV2", set_diag),
    move_row("MatrixSetDiagV3", set_diag, "align"),
    dense_row("MatrixSolve", solve, "adjoint"),
    dense_row("MatrixTriangularSolve", triangular_solve, "lower,adjoint"),
};

}  // namespace

Rows matrix_kernels() { return kRows; }

}  // namespace whittle::eval
