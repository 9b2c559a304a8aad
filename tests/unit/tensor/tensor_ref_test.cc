#include "whittle/tensor_ref.h"

#include <gtest/gtest.h>

#include <numeric>

#include "support/files.h"
#include "support/random.h"
#include "whittle/crc32c.h"

namespace whittle {
namespace {

constexpr FileId kFile = FileId(0);

std::string counting(size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<char>(i));
  return out;
}

Result<Tensor> load(MemoryFiles& files, const TensorRef& ref) {
  return files.run([&](Context& ctx) { return load_stored(ref, ctx); });
}

std::string loaded_hex(MemoryFiles& files, const TensorRef& ref) {
  Result<Tensor> t = load(files, ref);
  return t.ok() ? to_hex(t->bytes()) : t.error().to_string();
}

TensorRef bytes_ref(Shape shape, std::vector<FilePiece> pieces, std::optional<uint32_t> crc = {}) {
  return TensorRef::file(DType::kUint8, std::move(shape), std::move(pieces), crc, false);
}

TEST(LoadStored, GathersPiecesInOneRound) {
  MemoryFiles files({{"data", counting(256)}});
  const TensorRef ref = bytes_ref(Shape{9}, {{{kFile, 200, 2}, 0, 1}, {{kFile, 10, 2}, 5, 3}, {{kFile, 0, 1}, 0, 1}});
  EXPECT_EQ(loaded_hex(files, ref), "c8c90a0b0f10141500");
  EXPECT_EQ(files.rounds(), 1);
}

TEST(LoadStored, ReadsDenseRowsTogetherAndSparseOnesApart) {
  MemoryFiles files({{"data", std::string(1 << 20, 'x')}});
  EXPECT_TRUE(load(files, bytes_ref(Shape{1000}, {{{kFile, 0, 10}, 100, 100}})).ok());
  EXPECT_EQ(files.bytes_read(), 99u * 100 + 10);
  MemoryFiles sparse({{"data", std::string(1 << 20, 'x')}});
  EXPECT_TRUE(load(sparse, bytes_ref(Shape{100}, {{{kFile, 0, 10}, 100000, 10}})).ok());
  EXPECT_EQ(sparse.bytes_read(), 100u);
}

TEST(LoadStored, VerifiesTheChecksum) {
  MemoryFiles files({{"variables/variables.data-00000-of-00001", "..abcd"}});
  const uint32_t crc = crc32c(bytes_of("abcd"));
  EXPECT_EQ(loaded_hex(files, bytes_ref(Shape{4}, {{{kFile, 2, 4}, 0, 1}}, crc)), "61626364");
  EXPECT_EQ(loaded_hex(files, bytes_ref(Shape{4}, {{{kFile, 2, 4}, 0, 1}}, crc + 1)),
            "corrupt: the checksum of the values is wrong, in "
            "variables/variables.data-00000-of-00001 at byte 2");
}

TEST(LoadStored, VerifiesTheWholeThatASliceComesFrom) {
  MemoryFiles files({{"data", "..abcdef"}});
  const std::vector<FilePiece> pieces = {{{kFile, 3, 2}, 0, 1}};
  FileCheck check{{kFile, 2, 6}, crc32c(bytes_of("abcdef"))};
  EXPECT_EQ(loaded_hex(files, TensorRef::file(DType::kUint8, Shape{2}, pieces, {}, false, {check})),
            "6263");
  EXPECT_EQ(files.rounds(), 1);
  check.crc32c ^= 1;
  EXPECT_EQ(loaded_hex(files, TensorRef::file(DType::kUint8, Shape{2}, pieces, {}, false, {check})),
            "corrupt: the checksum of the values is wrong, in data at byte 2");
}

TEST(LoadStored, SwapsTheBytesOfEachNumber) {
  MemoryFiles files({{"data", from_hex("0001020304050607 08090a0b0c0d0e0f")}});
  const std::vector<FilePiece> pieces = {{{kFile, 0, 16}, 0, 1}};
  const auto hex = [&](DType t, Shape s) {
    return loaded_hex(files, TensorRef::file(t, s, pieces, crc32c(bytes_of(from_hex(
        "0001020304050607 08090a0b0c0d0e0f"))), true));
  };
  EXPECT_EQ(hex(DType::kInt16, Shape{8}), "0100030205040706" "09080b0a0d0c0f0e");
  EXPECT_EQ(hex(DType::kFloat, Shape{4}), "0302010007060504" "0b0a09080f0e0d0c");
  EXPECT_EQ(hex(DType::kComplex64, Shape{2}), "0302010007060504" "0b0a09080f0e0d0c");
  EXPECT_EQ(hex(DType::kComplex128, Shape{1}), "0706050403020100" "0f0e0d0c0b0a0908");
  EXPECT_EQ(hex(DType::kInt8, Shape{16}), "0001020304050607" "08090a0b0c0d0e0f");
}

TEST(LoadStored, FillsSplats) {
  MemoryFiles files({});
  EXPECT_EQ(loaded_hex(files, TensorRef::splat(DType::kInt16, Shape{3}, {1, 2})), "010201020102");
  const Tensor t = load(files, TensorRef::splat_string(Shape{2}, "ab")).value();
  EXPECT_EQ(t.strings(), (std::vector<std::string>{"ab", "ab"}));
  EXPECT_EQ(loaded_hex(files, TensorRef::splat(DType::kInt16, Shape{0}, {1, 2})), "");
}

TEST(LoadStored, RefusesWhatIsAboveTheBudgetBeforeAllocating) {
  MemoryFiles files({});
  const Shape huge{int64_t{1} << 40};
  EXPECT_EQ(load(files, TensorRef::splat(DType::kInt16, huge, {1, 2})).error().code, Code::kLimit);
  EXPECT_EQ(load(files, TensorRef::splat_string(huge, "")).error().code, Code::kLimit);
  EXPECT_EQ(load(files, TensorRef::splat_string(Shape{1 << 20}, std::string(1000, 'x'))).error().code,
            Code::kLimit);
  EXPECT_EQ(load(files, TensorRef()).error().code, Code::kInternal);
}

TEST(TensorRef, SaysItsSizeWithoutItsBytes) {
  EXPECT_EQ(TensorRef::splat(DType::kFloat, Shape{int64_t{1} << 40}, {0, 0, 0, 0}).byte_size(),
            uint64_t{1} << 42);
  EXPECT_EQ(TensorRef::owned(Tensor(Shape{2}, {"", std::string(200, 'a')})).byte_size(), 203u);
  EXPECT_EQ(TensorRef::splat_string(Shape{10}, "abc").byte_size(), 40u);
  EXPECT_EQ(TensorRef().byte_size(), 0u);
}

TEST(TensorRef, TakesDtypeAndShapeFromItsLastStep) {
  const TensorRef ref = bytes_ref(Shape{2, 3}, {{{kFile, 0, 6}, 0, 1}});
  const TensorRef flat = ref.reshaped(Shape{6});
  EXPECT_EQ(flat.shape(), Shape{6});
  EXPECT_EQ(flat.stored_shape(), (Shape{2, 3}));
  EXPECT_EQ(flat.reshaped(Shape{3, 2}).steps().size(), 1u);
  EXPECT_TRUE(flat.reshaped(Shape{2, 3}).same_source(ref));
  EXPECT_FALSE(flat.same_source(ref));
  EXPECT_TRUE(flat.same_source(ref.reshaped(Shape{6})));
  EXPECT_FALSE(bytes_ref(Shape{2, 3}, {{{kFile, 0, 6}, 0, 1}}).same_source(ref));
  Step cast;
  cast.kind = StepKind::kCast;
  cast.dtype = DType::kHalf;
  cast.shape = Shape{2, 3};
  EXPECT_EQ(ref.with_step(cast).byte_size(), 12u);
}

// Slices of every kind of storage, against slicing the loaded tensor by index.
TEST(SliceAxis, CutsEveryStorageTheSameWay) {
  Random random(9);
  MemoryFiles files({{"data", counting(256) + counting(256) + counting(256)}});
  for (int round = 0; round < 2000; ++round) {
    const size_t rank = 1 + random.below(4);
    Shape shape;
    uint64_t n = 1;
    for (size_t d = 0; d < rank; ++d) {
      shape.dims.push_back(static_cast<int64_t>(random.below(5)));
      n *= static_cast<uint64_t>(shape.dims.back());
    }
    TensorRef ref;
    if (random.below(3) == 0) {
      ref = TensorRef::owned(Tensor::of<uint8_t>(DType::kUint8, shape, random.bytes(n)).value());
    } else {
      std::vector<FilePiece> pieces;
      for (uint64_t left = n; left > 0;) {
        FilePiece p{{kFile, random.below(100), 1 + random.below(left)}, 0, 1};
        p.count = 1 + random.below(left / p.range.length);
        if (random.below(2) == 0) p.count = 1;
        p.stride = p.range.length + random.below(7);
        left -= p.total();
        pieces.push_back(p);
      }
      ref = bytes_ref(shape, pieces);
    }
    const int axis = static_cast<int>(random.below(rank));
    const int64_t dim = shape.dims[static_cast<size_t>(axis)];
    const int64_t start = static_cast<int64_t>(random.below(static_cast<uint64_t>(dim) + 1));
    const int64_t extent = static_cast<int64_t>(random.below(static_cast<uint64_t>(dim - start) + 1));
    const TensorRef slice = slice_axis(ref, axis, start, extent).value();
    const Tensor whole = load(files, ref).value();
    const Tensor part = load(files, slice).value();
    std::vector<uint8_t> expected;
    uint64_t inner = 1;
    for (size_t d = static_cast<size_t>(axis) + 1; d < rank; ++d) inner *= static_cast<uint64_t>(shape.dims[d]);
    for (uint64_t i = 0; i < n; ++i) {
      const int64_t index = static_cast<int64_t>(i / inner % static_cast<uint64_t>(dim));
      if (index >= start && index < start + extent) expected.push_back(whole.bytes()[i]);
    }
    ASSERT_EQ(vector_of(part.bytes()), expected);
  }
}

TEST(SliceAxis, CutsStringsAndSplats) {
  const TensorRef strings = TensorRef::owned(Tensor(Shape{2, 3}, {"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(slice_axis(strings, 1, 1, 2).value().tensor().strings(),
            (std::vector<std::string>{"b", "c", "e", "f"}));
  const TensorRef splat = TensorRef::splat(DType::kUint8, Shape{int64_t{1} << 40, 5}, {7});
  EXPECT_EQ(slice_axis(splat, 0, 5, 1 << 20).value().shape(), (Shape{1 << 20, 5}));
  EXPECT_TRUE(slice_axis(splat, 0, 0, int64_t{1} << 40).value().same_source(splat));
}

// channel(i) of the slice must find the value that channel(i) of the whole found.
TEST(SliceAxis, CutsValuesPerChannelAlong) {
  const std::vector<int64_t> dims = {2, 3, 4, 5};
  for (size_t first = 0; first < 4; ++first) {
    for (size_t last = first + 1; last <= 4; ++last) {
      int64_t channels = 1, inner = 1;
      for (size_t d = first; d < last; ++d) channels *= dims[d];
      for (size_t d = last; d < 4; ++d) inner *= dims[d];
      auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(channels));
      std::iota(values->begin(), values->end(), 0.0f);
      Step step;
      step.kind = StepKind::kScaleChannels;
      step.dtype = DType::kFloat;
      step.shape = Shape(dims);
      step.inner = static_cast<uint64_t>(inner);
      step.values = values;
      const TensorRef ref = TensorRef::splat(DType::kFloat, Shape(dims), {0, 0, 0, 0}).with_step(step);
      for (int axis = 0; axis < 4; ++axis) {
        const int64_t dim = dims[static_cast<size_t>(axis)];
        const TensorRef slice = slice_axis(ref, axis, 1, dim - 1).value();
        ASSERT_EQ(slice.steps().size(), 1u);
        const Step& cut = slice.steps()[0];
        EXPECT_EQ(cut.shape, slice.stored_shape());
        int64_t below = 1;
        for (size_t d = static_cast<size_t>(axis) + 1; d < 4; ++d) below *= dims[d];
        uint64_t j = 0;
        for (uint64_t i = 0; i < 120; ++i) {
          if (static_cast<int64_t>(i) / below % dim == 0) continue;
          const float in_slice = (*cut.values)[j / cut.inner % cut.values->size()];
          const float in_whole = (*values)[i / step.inner % values->size()];
          ASSERT_EQ(in_slice, in_whole) << first << last << axis << " " << i;
          ++j;
        }
      }
    }
  }
}

TEST(SliceAxis, RefusesWhatItCannotCut) {
  const TensorRef ref = bytes_ref(Shape{2, 3}, {{{kFile, 0, 6}, 0, 1}});
  for (const auto& [axis, start, extent] :
       {std::tuple<int, int64_t, int64_t>{2, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 0, 3}, {0, 2, 1},
        {0, 1, -1}, {0, INT64_MAX, 1}, {0, 1, INT64_MAX}}) {
    EXPECT_EQ(slice_axis(ref, axis, start, extent).error().code, Code::kInvalidArgument);
  }
  EXPECT_EQ(slice_axis(ref.reshaped(Shape{6}), 0, 0, 1).error().code, Code::kUnsupported);
  Step odd;
  odd.kind = StepKind::kScaleChannels;
  odd.dtype = DType::kUint8;
  odd.shape = Shape{2, 3};
  odd.inner = 2;
  odd.values = std::make_shared<std::vector<float>>(3);
  EXPECT_EQ(slice_axis(ref.with_step(odd), 0, 0, 1).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace whittle
