#include "whittle/file_piece.h"

#include <algorithm>
#include <cassert>

#include "whittle/text.h"

namespace whittle {
namespace {

Status check_count(const std::vector<FilePiece>& pieces) {
  if (pieces.size() <= kMaxPieces) return {};
  return unsupported(cat("the tensor falls into more than ", kMaxPieces, " pieces of its file"));
}

}  // namespace

uint64_t total_bytes(std::span<const FilePiece> pieces) {
  uint64_t total = 0;
  for (const FilePiece& piece : pieces) total += piece.total();
  return total;
}

void append_piece(std::vector<FilePiece>& pieces, const FilePiece& piece) {
  if (piece.total() == 0) return;
  if (!pieces.empty() && pieces.back().range.file == piece.range.file) {
    FilePiece& last = pieces.back();
    const bool single = last.count == 1 && piece.count == 1;
    if (single && last.range.offset + last.range.length == piece.range.offset) {
      last.range.length += piece.range.length;
      return;
    }
    const bool in_step = piece.count == 1 || piece.stride == last.stride;
    if (last.count > 1 && in_step && piece.range.length == last.range.length &&
        piece.range.offset == last.range.offset + last.count * last.stride) {
      last.count += piece.count;
      return;
    }
  }
  pieces.push_back(piece);
}

Status append_box(std::vector<FilePiece>& pieces, FileId file, uint64_t offset, uint64_t width,
                  std::span<const int64_t> dims, std::span<const int64_t> start,
                  std::span<const int64_t> extent) {
  // An axis that is covered completely is one with the axis before it.
  struct Axis { uint64_t dim, start, extent; };
  std::vector<Axis> axes = {{1, 0, 1}};
  for (size_t d = 0; d < dims.size(); ++d) {
    if (extent[d] == 0) return {};
    const uint64_t dim = static_cast<uint64_t>(dims[d]);
    if (extent[d] == dims[d]) {
      axes.back().dim *= dim;
      axes.back().start *= dim;
      axes.back().extent *= dim;
    } else {
      axes.push_back({dim, static_cast<uint64_t>(start[d]), static_cast<uint64_t>(extent[d])});
    }
  }
  if (axes.size() > 1 && axes.front().dim == 1) axes.erase(axes.begin());
  const size_t rank = axes.size();
  std::vector<uint64_t> step(rank, width);  // bytes from one index of an axis to the next
  for (size_t d = rank - 1; d-- > 0;) step[d] = step[d + 1] * axes[d + 1].dim;
  uint64_t origin = offset;
  for (size_t d = 0; d < rank; ++d) origin += axes[d].start * step[d];

  // The last axis makes the runs, the one before it the evenly spaced rows of runs; each combination
  // of indices of the others is a piece.
  FilePiece piece{FileRange{file, origin, axes[rank - 1].extent * width}, 0, 1};
  const size_t outer = rank < 2 ? 0 : rank - 2;
  if (rank >= 2 && axes[outer].extent > 1) {
    piece.stride = step[outer];
    piece.count = axes[outer].extent;
  }
  std::vector<uint64_t> index(outer, 0);
  for (;;) {
    piece.range.offset = origin;
    for (size_t d = 0; d < outer; ++d) piece.range.offset += index[d] * step[d];
    append_piece(pieces, piece);
    WHITTLE_CHECK(check_count(pieces));
    size_t d = outer;
    while (d > 0 && ++index[d - 1] == axes[d - 1].extent) index[--d] = 0;
    if (d == 0) return {};
  }
}

void PieceCursor::skip(uint64_t bytes) {
  at_ += bytes;
  while (!pieces_.empty() && at_ >= pieces_.front().total()) {
    at_ -= pieces_.front().total();
    pieces_ = pieces_.subspan(1);
  }
}

Status PieceCursor::take(uint64_t bytes, std::vector<FilePiece>& pieces) {
  while (bytes > 0) {
    assert(!pieces_.empty());
    const FilePiece& piece = pieces_.front();
    const uint64_t length = piece.range.length;
    const uint64_t run = at_ / length;
    const uint64_t into = at_ % length;
    FilePiece part = piece;
    part.range.offset += run * piece.stride + into;
    uint64_t taken;
    if (into != 0 || bytes < length) {  // a part of one run
      taken = std::min(bytes, length - into);
      part.range.length = taken;
      part.count = 1;
    } else {
      part.count = std::min(piece.count - run, bytes / length);
      taken = part.count * length;
    }
    if (part.count == 1) part.stride = 0;
    append_piece(pieces, part);
    WHITTLE_CHECK(check_count(pieces));
    skip(taken);
    bytes -= taken;
  }
  return {};
}

}  // namespace whittle
