#include "gemm_kernels.h"

#include <algorithm>
#include <cstring>

#include "simd.h"

namespace whittle::eval {
namespace {

// kRows rows of c times kVectors vectors of columns stay in registers while k runs.
template <size_t kRows, size_t kVectors>
void tile(size_t k, const float* a, size_t a_stride, const float* b, size_t b_stride, float* c,
          size_t c_stride, bool accumulate) {
  Float4 acc[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      acc[r][v] = accumulate ? load4(c + r * c_stride + 4 * v) : Float4{};
    }
  }
  for (size_t i = 0; i < k; ++i) {
    Float4 row[kVectors];
    for (size_t v = 0; v < kVectors; ++v) row[v] = load4(b + i * b_stride + 4 * v);
    for (size_t r = 0; r < kRows; ++r) {
      const Float4 x = splat4(a[r * a_stride + i]);
      for (size_t v = 0; v < kVectors; ++v) acc[r][v] = acc[r][v] + x * row[v];
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) store4(c + r * c_stride + 4 * v, acc[r][v]);
  }
}

template <class T>
void plain(size_t m, size_t n, size_t k, const T* a, size_t a_stride, const T* b, size_t b_stride,
           T* c, size_t c_stride, bool accumulate) {
  for (size_t r = 0; r < m; ++r) {
    T* row = c + r * c_stride;
    if (!accumulate) std::fill(row, row + n, T{0});
    for (size_t i = 0; i < k; ++i) {
      const T x = a[r * a_stride + i];
      const T* column = b + i * b_stride;
      for (size_t j = 0; j < n; ++j) row[j] += x * column[j];
    }
  }
}

// Columns are taken kPanel at a time and k in slabs, so that the part of b in use stays in cache.
constexpr size_t kPanel = 64;
constexpr size_t kSlab = 128;

}  // namespace

void gemm_f32(size_t m, size_t n, size_t k, const float* a, size_t a_stride, const float* b,
              size_t b_stride, float* c, size_t c_stride, bool accumulate) {
  if (k == 0 || n < 8) return plain(m, n, k, a, a_stride, b, b_stride, c, c_stride, accumulate);
  alignas(16) float packed[kSlab * kPanel];
  for (size_t j0 = 0; j0 < n; j0 += kPanel) {
    const size_t width = std::min(kPanel, n - j0), vectors = width / 8 * 8;
    for (size_t k0 = 0; k0 < k; k0 += kSlab) {
      const size_t depth = std::min(kSlab, k - k0);
      const bool go_on = accumulate || k0 > 0;
      // The panel is copied once per slab so that its rows lie side by side: [column group][k][8].
      const bool pack = m >= 8;
      if (pack) {
        for (size_t j = 0; j < vectors; j += 8) {
          float* to = packed + j * depth;
          for (size_t i = 0; i < depth; ++i) {
            std::memcpy(to + i * 8, b + (k0 + i) * b_stride + j0 + j, 8 * sizeof(float));
          }
        }
      }
      for (size_t r = 0; r < m;) {
        const size_t rows = m - r >= 4 ? 4 : 1;
        const float* ar = a + r * a_stride + k0;
        float* cr = c + r * c_stride + j0;
        size_t j = 0;
        if (!pack && rows == 1) {
          // A single row needs more sums in flight than two to hide the latency of an addition.
          for (; j + 32 <= vectors; j += 32) {
            tile<1, 8>(depth, ar, a_stride, b + k0 * b_stride + j0 + j, b_stride, cr + j, c_stride,
                       go_on);
          }
        }
        for (; j < vectors; j += 8) {
          const float* bj = pack ? packed + j * depth : b + k0 * b_stride + j0 + j;
          const size_t bs = pack ? 8 : b_stride;
          if (rows == 4) {
            tile<4, 2>(depth, ar, a_stride, bj, bs, cr + j, c_stride, go_on);
          } else {
            tile<1, 2>(depth, ar, a_stride, bj, bs, cr + j, c_stride, go_on);
          }
        }
        if (vectors < width) {
          plain(rows, width - vectors, depth, ar, a_stride, b + k0 * b_stride + j0 + vectors,
                b_stride, cr + vectors, c_stride, go_on);
        }
        r += rows;
      }
    }
  }
}

void gemm_f64(size_t m, size_t n, size_t k, const double* a, size_t a_stride, const double* b,
              size_t b_stride, double* c, size_t c_stride, bool accumulate) {
  plain(m, n, k, a, a_stride, b, b_stride, c, c_stride, accumulate);
}

void gemm_u64(size_t m, size_t n, size_t k, const uint64_t* a, size_t a_stride, const uint64_t* b,
              size_t b_stride, uint64_t* c, size_t c_stride, bool accumulate) {
  plain(m, n, k, a, a_stride, b, b_stride, c, c_stride, accumulate);
}

}  // namespace whittle::eval
