#include "bundle_box.h"

#include <algorithm>

#include "whittle/crc32c.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

// Looks at pieces, in all, before a tensor counts as too finely divided; about 0.1 s.
constexpr uint64_t kMaxWork = uint64_t{1} << 22;

class Assembler {
 public:
  Assembler(uint64_t width, const std::vector<StoredPiece>& stored)
      : width_(width), stored_(stored), used_(stored.size(), false) {}

  // Appends the file pieces of `box`, whose axes before `axis` have one index each, so that cutting
  // it along `axis` keeps the row-major order.
  Status append(Box& box, size_t axis, std::vector<uint32_t> among) {
    if (among.size() == 1 && covers(stored_[among[0]].box, box)) return append_from(among[0], box);
    if (among.empty()) return corrupt("the pieces of a partitioned tensor do not cover it");
    if (axis == box.start.size()) return corrupt("pieces of a partitioned tensor overlap");

    const int64_t box_start = box.start[axis], box_extent = box.extent[axis];
    const int64_t box_end = box_start + box_extent;
    const auto start = [&](uint32_t i) { return stored_[i].box.start[axis]; };
    const auto end = [&](uint32_t i) { return start(i) + stored_[i].box.extent[axis]; };
    std::vector<int64_t> cuts = {box_start, box_end};
    for (const uint32_t i : among) {
      if (start(i) > box_start && start(i) < box_end) cuts.push_back(start(i));
      if (end(i) > box_start && end(i) < box_end) cuts.push_back(end(i));
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::sort(among.begin(), among.end(), [&](uint32_t a, uint32_t b) {
      return start(a) != start(b) ? start(a) < start(b) : a < b;
    });

    // Between two cuts, every index has the same pieces: `active`, kept by sweeping along the axis.
    std::vector<uint32_t> active;
    size_t next = 0;
    for (size_t c = 0; c + 1 < cuts.size(); ++c) {
      const int64_t from = cuts[c], to = cuts[c + 1];
      active.erase(std::remove_if(active.begin(), active.end(),
                                  [&](uint32_t i) { return end(i) <= from; }),
                   active.end());
      for (; next < among.size() && start(among[next]) <= from; ++next) {
        if (end(among[next]) > from) active.push_back(among[next]);
      }
      box.start[axis] = from;
      box.extent[axis] = to - from;
      WHITTLE_CHECK(work(1 + active.size()));
      if (active.size() == 1 && covers(stored_[active[0]].box, box)) {
        WHITTLE_CHECK(append_from(active[0], box));
        continue;
      }
      box.extent[axis] = 1;
      for (int64_t index = from; index < to; ++index) {
        box.start[axis] = index;
        WHITTLE_CHECK(work(1 + active.size()));
        WHITTLE_CHECK(append(box, axis + 1, active));
      }
    }
    box.start[axis] = box_start;
    box.extent[axis] = box_extent;
    return {};
  }

  TensorRef finish(DType dtype, Shape shape, bool swap_bytes) {
    if (all_whole_) {
      return TensorRef::file(dtype, std::move(shape), std::move(pieces_), crc32c_, swap_bytes);
    }
    std::vector<FileCheck> checks;
    for (size_t i = 0; i < stored_.size(); ++i) {
      if (used_[i]) checks.push_back({stored_[i].bytes, stored_[i].crc32c});
    }
    return TensorRef::file(dtype, std::move(shape), std::move(pieces_), std::nullopt, swap_bytes,
                           std::move(checks));
  }

 private:
  static bool covers(const Box& outer, const Box& inner) {
    for (size_t d = 0; d < inner.start.size(); ++d) {
      if (outer.start[d] > inner.start[d] ||
          outer.start[d] + outer.extent[d] < inner.start[d] + inner.extent[d]) {
        return false;
      }
    }
    return true;
  }

  Status work(uint64_t steps) {
    work_ += steps;
    if (work_ <= kMaxWork && pieces_.size() <= kMaxPieces) return {};
    return unsupported("a partitioned tensor in too many small pieces");
  }

  Status append_from(uint32_t index, const Box& box) {
    const StoredPiece& piece = stored_[index];
    used_[index] = true;
    if (piece.box.start == box.start && piece.box.extent == box.extent) {
      crc32c_ = crc32c_combine(crc32c_, piece.crc32c, piece.bytes.length);
    } else {
      all_whole_ = false;
    }
    std::vector<int64_t> start = box.start;
    for (size_t d = 0; d < start.size(); ++d) start[d] -= piece.box.start[d];
    return append_box(pieces_, piece.bytes.file, piece.bytes.offset, width_, piece.box.extent, start,
                      box.extent);
  }

  uint64_t width_;
  const std::vector<StoredPiece>& stored_;
  std::vector<bool> used_;
  std::vector<FilePiece> pieces_;
  bool all_whole_ = true;  // so far, whole stored pieces one after the other
  uint32_t crc32c_ = 0;    // of them
  uint64_t work_ = 0;
};

}  // namespace

Result<TensorRef> assemble_box(DType dtype, const Box& wanted, std::vector<StoredPiece> pieces,
                               bool swap_bytes) {
  Assembler assembler(byte_width(dtype), pieces);
  const Shape shape(wanted.extent);
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  if (elements > 0) {
    std::vector<uint32_t> all(pieces.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
    Box box = wanted;
    WHITTLE_CHECK(assembler.append(box, 0, std::move(all)));
  }
  return assembler.finish(dtype, shape, swap_bytes && swap_width(dtype) > 1);
}

}  // namespace whittle::format
