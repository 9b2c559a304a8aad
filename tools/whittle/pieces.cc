#include "pieces.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

namespace whittle {
namespace {

// A window stays in the second-level cache through crc and encode, and a read call costs little beside it.
constexpr size_t kWindowBytes = size_t{1} << 20;
// Runs shorter than this that lie no further apart than the gap are read as one span and picked apart.
constexpr uint64_t kLongRun = 256 << 10;
constexpr uint64_t kGap = 64 << 10;

}  // namespace

PieceReader::PieceReader(const Source& source) : source_(source), handles_(O_RDONLY), window_(kWindowBytes) {}

Status PieceReader::read(const FileRange& range, std::span<uint8_t> bytes) {
  const Source::File& file = source_.files[static_cast<uint32_t>(range.file)];
  WHITTLE_ASSIGN(const int fd, handles_.get(file.full, file.path));
  return read_at(fd, range.offset, bytes, file.path);
}

Status PieceReader::read(const std::vector<FilePiece>& pieces, const std::function<Status(std::span<const uint8_t>)>& push) {
  push_ = &push;
  filled_ = 0;
  for (const FilePiece& piece : pieces) {
    if (piece.range.length == 0 || piece.count == 0) continue;
    if (piece.count == 1 || piece.stride == piece.range.length) {
      WHITTLE_CHECK(contiguous({piece.range.file, piece.range.offset, piece.total()}));
    } else if (piece.range.length < kLongRun && piece.stride > piece.range.length && piece.stride - piece.range.length <= kGap) {
      WHITTLE_CHECK(spans(piece));
    } else {
      for (uint64_t run = 0; run < piece.count; ++run) {
        WHITTLE_CHECK(contiguous({piece.range.file, piece.range.offset + run * piece.stride, piece.range.length}));
      }
    }
  }
  return flush();
}

Status PieceReader::flush() {
  if (filled_ == 0) return {};
  const size_t size = filled_;
  filled_ = 0;
  return (*push_)({window_.data(), size});
}

Status PieceReader::contiguous(FileRange range) {
  while (range.length > 0) {
    if (filled_ == window_.size()) WHITTLE_CHECK(flush());
    const size_t n = static_cast<size_t>(std::min<uint64_t>(range.length, window_.size() - filled_));
    WHITTLE_CHECK(read(range, {window_.data() + filled_, n}));
    filled_ += n;
    range.offset += n;
    range.length -= n;
  }
  return {};
}

Status PieceReader::spans(const FilePiece& piece) {
  const uint64_t length = piece.range.length;
  const uint64_t runs_per_span = 1 + (kWindowBytes - length) / piece.stride;
  span_.resize(kWindowBytes);
  for (uint64_t first = 0; first < piece.count; first += runs_per_span) {
    const uint64_t runs = std::min(runs_per_span, piece.count - first);
    const FileRange range{piece.range.file, piece.range.offset + first * piece.stride, 0};
    WHITTLE_CHECK(read(range, {span_.data(), static_cast<size_t>((runs - 1) * piece.stride + length)}));
    for (uint64_t run = 0; run < runs; ++run) {
      for (uint64_t done = 0; done < length;) {
        if (filled_ == window_.size()) WHITTLE_CHECK(flush());
        const size_t n = static_cast<size_t>(std::min<uint64_t>(length - done, window_.size() - filled_));
        std::memcpy(window_.data() + filled_, span_.data() + run * piece.stride + done, n);
        filled_ += n;
        done += n;
      }
    }
  }
  return {};
}

}  // namespace whittle
