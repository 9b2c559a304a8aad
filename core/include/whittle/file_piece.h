// file_piece.h: runs of bytes in files, and cutting boxes out of them.
//
//   FilePiece  `count` runs of range.length bytes; run k starts at range.offset + k * stride
//
//   box of a row-major array [4,6], rows 1..2, columns 2..4      one piece: length 3, stride 6,
//     . . . . . .                                                count 2 (times the width)
//     . . x x x .
//     . . x x x .
//     . . . . . .
#ifndef WHITTLE_FILE_PIECE_H_
#define WHITTLE_FILE_PIECE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "whittle/context.h"
#include "whittle/result.h"

namespace whittle {

struct FilePiece {
  FileRange range;
  uint64_t stride = 0;
  uint64_t count = 1;
  uint64_t total() const { return range.length * count; }
};

// A range of a file that must have this CRC-32C (not masked).
struct FileCheck {
  FileRange range;
  uint32_t crc32c = 0;
};

// Pieces that one tensor may have; a box that needs more is refused as unsupported.
constexpr size_t kMaxPieces = 65536;

uint64_t total_bytes(std::span<const FilePiece> pieces);

// Appends a piece, joining it with the last one when they are one run or one evenly spaced row.
void append_piece(std::vector<FilePiece>& pieces, const FilePiece& piece);

// Appends the runs of the box [start, start + extent) of a row-major array of `width`-byte elements
// that lies at `file`, `offset`. The box must lie within `dims`, and the array within the file.
Status append_box(std::vector<FilePiece>& pieces, FileId file, uint64_t offset, uint64_t width,
                  std::span<const int64_t> dims, std::span<const int64_t> start,
                  std::span<const int64_t> extent);

// Walks the bytes of pieces, end to end, from front to back.
class PieceCursor {
 public:
  explicit PieceCursor(std::span<const FilePiece> pieces) : pieces_(pieces) {}
  void skip(uint64_t bytes);                                   // at most what is left
  Status take(uint64_t bytes, std::vector<FilePiece>& pieces); // appends them

 private:
  std::span<const FilePiece> pieces_;
  uint64_t at_ = 0;  // within the first of pieces_
};

}  // namespace whittle

#endif  // WHITTLE_FILE_PIECE_H_
