// Fourier transforms over the last one or two dimensions.
#include <algorithm>

#include "families.h"
#include "fft.h"

namespace whittle::eval {
namespace {

constexpr int64_t kMaxLength = 1 << 22;

Complex128 element(const Tensor& t, uint64_t i) {
  switch (t.dtype()) {
    case DType::kFloat: return {t.values<float>()[i], 0};
    case DType::kDouble: return {t.values<double>()[i], 0};
    case DType::kComplex64: {
      const float* p = reinterpret_cast<const float*>(t.bytes().data()) + 2 * i;
      return {p[0], p[1]};
    }
    default: {
      const double* p = reinterpret_cast<const double*>(t.bytes().data()) + 2 * i;
      return {p[0], p[1]};
    }
  }
}

void put(Tensor& t, uint64_t i, Complex128 v) {
  uint8_t* to = t.mutable_bytes();
  switch (t.dtype()) {
    case DType::kFloat: reinterpret_cast<float*>(to)[i] = static_cast<float>(v.re); return;
    case DType::kDouble: reinterpret_cast<double*>(to)[i] = v.re; return;
    case DType::kComplex64:
      reinterpret_cast<float*>(to)[2 * i] = static_cast<float>(v.re);
      reinterpret_cast<float*>(to)[2 * i + 1] = static_cast<float>(v.im);
      return;
    default:
      reinterpret_cast<double*>(to)[2 * i] = v.re;
      reinterpret_cast<double*>(to)[2 * i + 1] = v.im;
  }
}

bool is_known(const Tensor& t) {
  return t.dtype() == DType::kFloat || t.dtype() == DType::kDouble ||
         t.dtype() == DType::kComplex64 || t.dtype() == DType::kComplex128;
}

// One transform a line along the last axis or, with kRank 2, over the last two.
template <int kRank, bool kInverse>
Result<Tensors> complex_fft(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  if (!kComplex.has(x.dtype())) return no_kernel("FFT of that dtype");
  if (rank_of(x) < kRank) return invalid_argument("the rank is too low");
  const size_t rank = dims_of(x).size();
  const int64_t n = dims_of(x)[rank - 1], m = kRank == 2 ? dims_of(x)[rank - 2] : 1;
  if (n > kMaxLength || m > kMaxLength) return over_limit("the transform is too long");
  WHITTLE_ASSIGN(Tensor out, make_tensor(x.dtype(), dims_of(x), call.ctx));
  const uint64_t size = static_cast<uint64_t>(n * m);
  WHITTLE_CHECK(within_budget(size * 16, call.ctx));
  std::vector<Complex128> plane(static_cast<size_t>(size)), line;
  for (uint64_t at = 0; at < x.elements(); at += size) {
    WHITTLE_CHECK(call.ctx.check_cancelled());
    for (uint64_t i = 0; i < size; ++i) plane[i] = element(x, at + i);
    for (int64_t r = 0; r < m; ++r) {
      line.assign(plane.begin() + r * n, plane.begin() + (r + 1) * n);
      fft(line, kInverse);
      std::copy(line.begin(), line.end(), plane.begin() + r * n);
    }
    for (int64_t c = 0; kRank == 2 && c < n; ++c) {
      line.resize(static_cast<size_t>(m));
      for (int64_t r = 0; r < m; ++r) line[static_cast<size_t>(r)] = plane[static_cast<size_t>(r * n + c)];
      fft(line, kInverse);
      for (int64_t r = 0; r < m; ++r) plane[static_cast<size_t>(r * n + c)] = line[static_cast<size_t>(r)];
    }
    for (uint64_t i = 0; i < size; ++i) put(out, at + i, plane[i]);
  }
  return one(std::move(out));
}

Result<int64_t> length_of(const Tensor& t) {
  WHITTLE_ASSIGN(const Dims length, int_vector(t, "fft_length"));
  if (length.size() != 1) return no_kernel("real transforms of more than one dimension");
  if (length[0] < 0 || length[0] > kMaxLength) return over_limit("the transform is too long");
  return length[0];
}

Result<Tensors> rfft(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  if (!is_known(x) || kComplex.has(x.dtype())) return no_kernel("RFFT of that dtype");
  if (rank_of(x) < 1) return invalid_argument("the rank is too low");
  WHITTLE_ASSIGN(const int64_t length, length_of(call.in[1]));
  Dims dims = dims_of(x);
  const uint64_t n = static_cast<uint64_t>(dims.back());
  dims.back() = length == 0 ? 0 : length / 2 + 1;
  const uint64_t m = static_cast<uint64_t>(dims.back());
  if (n != 0 && n < static_cast<uint64_t>(length)) {
    return invalid_argument(cat("a signal of ", n, " for a transform of ", length));
  }
  WHITTLE_ASSIGN(Tensor out, make_tensor(call.node.attrs.type_or("Tcomplex", DType::kComplex64),
                                         std::move(dims), call.ctx));
  if (out.elements() == 0) return one(std::move(out));
  const uint64_t rows = out.elements() / m;
  std::vector<Complex128> line(static_cast<size_t>(length));
  for (uint64_t r = 0; r < rows; ++r) {
    WHITTLE_CHECK(call.ctx.check_cancelled());
    for (uint64_t i = 0; i < line.size(); ++i) line[i] = i < n ? element(x, r * n + i) : Complex128{0, 0};
    fft(line, false);
    for (uint64_t i = 0; i < m; ++i) put(out, r * m + i, line[i]);
  }
  return one(std::move(out));
}

Result<Tensors> irfft(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  if (!kComplex.has(x.dtype())) return no_kernel("IRFFT of that dtype");
  if (rank_of(x) < 1) return invalid_argument("the rank is too low");
  WHITTLE_ASSIGN(const int64_t length, length_of(call.in[1]));
  Dims dims = dims_of(x);
  const uint64_t n = static_cast<uint64_t>(dims.back());
  if (n != 0 && n < static_cast<uint64_t>(length) / 2 + 1) {
    return invalid_argument(cat("a spectrum of ", n, " for a transform of ", length));
  }
  dims.back() = length;
  WHITTLE_ASSIGN(Tensor out, make_tensor(call.node.attrs.type_or("Treal", DType::kFloat),
                                         std::move(dims), call.ctx));
  if (out.elements() == 0) return one(std::move(out));
  const uint64_t size = static_cast<uint64_t>(length), rows = out.elements() / size;
  std::vector<Complex128> line(static_cast<size_t>(length));
  for (uint64_t r = 0; r < rows; ++r) {
    WHITTLE_CHECK(call.ctx.check_cancelled());
    // The half that is given, and its mirror.
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t k = i <= size / 2 ? i : size - i;
      Complex128 v = k < n ? element(x, r * n + k) : Complex128{0, 0};
      if (i > size / 2) v.im = -v.im;
      line[i] = v;
    }
    // A real signal has real ends of its spectrum.
    line[0].im = 0;
    if (size % 2 == 0) line[size / 2].im = 0;
    fft(line, true);
    for (uint64_t i = 0; i < size; ++i) put(out, r * size + i, line[i]);
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, DTypeSet types, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "") {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kProduct,
          .exactness = Exactness::kSum, .run = run};
}
constexpr DTypeSet kReal = dtypes(DType::kFloat, DType::kDouble);

constexpr KernelInfo kRows[] = {
    row("FFT", kComplex, complex_fft<1, false>),
    row("FFT2D", kComplex, complex_fft<2, false>),
    row("IFFT", kComplex, complex_fft<1, true>),
    row("IFFT2D", kComplex, complex_fft<2, true>),
    row("IRFFT", kComplex, irfft, "Treal"),
    row("RFFT", kReal, rfft, "Tcomplex"),
};

}  // namespace

Rows fft_kernels() { return kRows; }

}  // namespace whittle::eval
