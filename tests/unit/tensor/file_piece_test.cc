#include "whittle/file_piece.h"

#include <gtest/gtest.h>

#include "support/random.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// The offsets of every byte, in order.
std::vector<uint64_t> offsets(const std::vector<FilePiece>& pieces) {
  std::vector<uint64_t> out;
  for (const FilePiece& p : pieces) {
    for (uint64_t run = 0; run < p.count; ++run) {
      for (uint64_t i = 0; i < p.range.length; ++i) {
        out.push_back(p.range.offset + run * p.stride + i);
      }
    }
  }
  return out;
}

std::vector<uint64_t> box_offsets(uint64_t offset, uint64_t width, const std::vector<int64_t>& dims,
                                  const std::vector<int64_t>& start,
                                  const std::vector<int64_t>& extent) {
  std::vector<uint64_t> out;
  int64_t total = 1;
  for (const int64_t d : dims) total *= d;
  for (int64_t i = 0; i < total; ++i) {
    int64_t rest = i;
    bool inside = true;
    for (size_t d = dims.size(); d-- > 0; rest /= dims[d]) {
      const int64_t index = rest % dims[d];
      inside &= index >= start[d] && index < start[d] + extent[d];
    }
    for (uint64_t b = 0; inside && b < width; ++b) {
      out.push_back(offset + static_cast<uint64_t>(i) * width + b);
    }
  }
  return out;
}

TEST(AppendBox, GivesTheRunsOfAnyBox) {
  Random random(8);
  for (int round = 0; round < 3000; ++round) {
    const size_t rank = random.below(6);
    std::vector<int64_t> dims(rank), start(rank), extent(rank);
    for (size_t d = 0; d < rank; ++d) {
      dims[d] = static_cast<int64_t>(1 + random.below(4));
      start[d] = static_cast<int64_t>(random.below(static_cast<uint64_t>(dims[d])));
      extent[d] = static_cast<int64_t>(random.below(static_cast<uint64_t>(dims[d] - start[d]) + 1));
      if (random.below(3) == 0) start[d] = 0, extent[d] = dims[d];
    }
    const uint64_t width = 1 + random.below(3);
    std::vector<FilePiece> pieces;
    ASSERT_TRUE(append_box(pieces, FileId(0), 100, width, dims, start, extent).ok());
    const std::vector<uint64_t> expected = box_offsets(100, width, dims, start, extent);
    ASSERT_EQ(offsets(pieces), expected);
    ASSERT_EQ(total_bytes(pieces), expected.size());

    // A cursor over these pieces cuts the same bytes.
    PieceCursor cursor(pieces);
    std::vector<uint64_t> cut_expected;
    std::vector<FilePiece> cut;
    size_t at = 0;
    while (at < expected.size()) {
      const size_t skip = random.below(expected.size() - at + 1);
      cursor.skip(skip);
      at += skip;
      const size_t take = random.below(expected.size() - at + 1);
      ASSERT_TRUE(cursor.take(take, cut).ok());
      for (size_t i = 0; i < take; ++i) cut_expected.push_back(expected[at + i]);
      at += take;
    }
    ASSERT_EQ(offsets(cut), cut_expected);
  }
}

TEST(AppendBox, NeedsOnePieceForASliceOfOneAxis) {
  std::vector<FilePiece> pieces;
  const int64_t dims[] = {int64_t{1} << 20, 3, 7, 11}, start[] = {0, 0, 2, 0};
  const int64_t extent[] = {int64_t{1} << 20, 3, 4, 11};
  ASSERT_TRUE(append_box(pieces, FileId(0), 0, 4, dims, start, extent).ok());
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].range.offset, 88u);
  EXPECT_EQ(pieces[0].range.length, 4u * 4 * 11);
  EXPECT_EQ(pieces[0].stride, 7u * 4 * 11);
  EXPECT_EQ(pieces[0].count, uint64_t{3} << 20);
}

TEST(AppendBox, RefusesBoxesInTooManyPieces) {
  std::vector<FilePiece> pieces;
  const int64_t dims[] = {int64_t{1} << 40, 4, 4, 4}, start[] = {0, 0, 0, 0};
  const int64_t extent[] = {int64_t{1} << 40, 2, 2, 2};
  const Status status = append_box(pieces, FileId(0), 0, 1, dims, start, extent);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kUnsupported);
}

TEST(AppendPiece, JoinsNeighboursOnly) {
  std::vector<FilePiece> pieces;
  append_piece(pieces, {{FileId(0), 0, 4}, 0, 1});
  append_piece(pieces, {{FileId(0), 4, 6}, 0, 1});
  append_piece(pieces, {{FileId(0), 0, 0}, 0, 1});
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].range.length, 10u);
  append_piece(pieces, {{FileId(1), 10, 4}, 0, 1});
  append_piece(pieces, {{FileId(1), 20, 4}, 0, 1});
  EXPECT_EQ(pieces.size(), 3u);
}

}  // namespace
}  // namespace whittle
