// bundle_box.h: a box of a tensor, put together from the pieces that the bundle stores.
//
//   stored pieces (boxes)        wanted box         as file pieces, row-major
//   +------+---------+
//   |  a   |    b    |            +------+          one run of a, one of b for each row; of c and d
//   +------+---------+            |  ab  |          alike. Along axis 0 alone: a run for each piece.
//   |  c   |    d    |            +------+
//   +------+---------+
#ifndef WHITTLE_FORMAT_BUNDLE_BOX_H_
#define WHITTLE_FORMAT_BUNDLE_BOX_H_

#include <cstdint>
#include <vector>

#include "whittle/tensor_ref.h"

namespace whittle::format {

struct Box {
  std::vector<int64_t> start;   // one an axis
  std::vector<int64_t> extent;
};

struct StoredPiece {
  Box box;                // of the tensor; no extent is 0
  FileRange bytes;        // row-major
  uint32_t crc32c = 0;    // of them, not masked
};

// The elements of `wanted` as a tensor of kind kFile. kCorrupt when the pieces overlap in it or do
// not cover it; kUnsupported when it would take more than kMaxPieces.
Result<TensorRef> assemble_box(DType dtype, const Box& wanted, std::vector<StoredPiece> pieces,
                               bool swap_bytes);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_BUNDLE_BOX_H_
