#include "whittle/tensor_bundle.h"

#include <gtest/gtest.h>

#include <numeric>

#include "format/bundle_builder.h"
#include "format/ordered_code.h"
#include "support/random.h"
#include "whittle/crc32c.h"

namespace whittle {
namespace {

constexpr char kIndex[] = "variables/variables.index";
constexpr char kShard[] = "variables/variables.data-00000-of-00001";

Result<std::shared_ptr<const TensorBundle>> open(MemoryFiles& files) {
  return files.run([&](Context& ctx) {
    return open_tensor_bundle("variables/variables", [&](std::string_view p) { return files.find(p); }, ctx);
  });
}

Result<Tensor> load(MemoryFiles& files, const std::string& key, const std::string& slice = "") {
  auto bundle = open(files);
  if (!bundle.ok()) return bundle.take_error();
  auto ref = files.run([&](Context& ctx) { return (*bundle)->find({key, slice}, ctx); });
  if (!ref.ok()) return ref.take_error();
  return files.run([&](Context& ctx) { return load_stored(*ref, ctx); });
}

std::string hex(MemoryFiles& files, const std::string& key, const std::string& slice = "") {
  Result<Tensor> t = load(files, key, slice);
  return t.ok() ? to_hex(t->bytes()) : t.error().to_string();
}

std::string counting(size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<char>(i));
  return out;
}

// formats.md 3.8: written by TensorFlow 2.21, and known to the byte.
const char kGoldenIndex[] =
    "00000608011a02080100070b636f756e74657208011200280435a67b113a0000000001000000005fa01073"
    "000000000100000000c0f2a1b000010264002600000000010000000022b161032b08380e000000000000000000"
    "00000000000000000000000000000000000000000000000000000057fb808b247547db";

TEST(TensorBundle, ReadsTheGoldenIndex) {
  MemoryFiles files({{kIndex, from_hex(kGoldenIndex)}, {kShard, std::string(4, '\0')}});
  const std::shared_ptr<const TensorBundle> bundle = open(files).value();
  EXPECT_EQ(bundle->keys(), (std::vector<std::string>{"counter"}));
  EXPECT_EQ(bundle->entry_bytes("counter"), 4u);
  EXPECT_EQ(bundle->entry_bytes("other"), 0u);
  EXPECT_EQ(bundle->shard_count(), 1);
  const Tensor t = load(files, "counter").value();
  EXPECT_EQ(t.dtype(), DType::kFloat);
  EXPECT_EQ(t.shape(), Shape{});
  EXPECT_EQ(t.values<float>()[0], 0.0f);
}

TEST(TensorBundle, IsWrittenByTheTestsAsByTensorFlow) {
  MemoryFiles golden({{kIndex, from_hex(kGoldenIndex)}, {kShard, std::string(4, '\0')}});
  TestEntry counter{"counter", DType::kFloat, {}, std::string(4, '\0'), 0, {}};
  std::string index = build_bundle({counter})[0].content;
  // But for the key of the index block, which may be any separator: "d" there, "counter" here.
  EXPECT_EQ(to_hex(bytes_of(index.substr(0, 56))), std::string(kGoldenIndex).substr(0, 112));
}

TEST(TensorBundle, ReadsTheIndexAtOnceAndNoValueBeforeItIsLoaded) {
  MemoryFiles files = MemoryFiles::of(build_bundle({{"w", DType::kUint8, {1000}, std::string(1000, 'w'), 0, {}}}));
  const auto bundle = open(files).value();
  const uint64_t index_bytes = files.bytes_read();
  EXPECT_EQ(files.rounds(), 1);
  const TensorRef ref = bundle->find({"w", ""}, files.ctx()).value();
  EXPECT_EQ(files.bytes_read(), index_bytes);
  EXPECT_EQ(ref.kind(), TensorRef::Kind::kFile);
  EXPECT_EQ(ref.crc32c(), crc32c(bytes_of(std::string(1000, 'w'))));
}

TEST(TensorBundle, FindsEveryKeyInTablesOfAnyShape) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "layer" + std::to_string(i / 10) + "/kernel" + std::to_string(i);
    entries.push_back({name, DType::kUint8, {3}, std::string(3, static_cast<char>(i)), i % 3, {}});
  }
  for (const bool snappy : {false, true}) {
    for (const size_t block_entries : {1, 7, 16, 1000}) {
      for (const size_t interval : {1, 2, 16}) {
        TableOptions options;
        options.snappy = snappy;
        options.block_entries = block_entries;
        options.restart_interval = interval;
        MemoryFiles files = MemoryFiles::of(build_bundle(entries, 3, false, options));
        ASSERT_EQ(open(files).value()->keys().size(), 300u);
        for (int i = 0; i < 300; i += 37) {
          ASSERT_EQ(hex(files, entries[static_cast<size_t>(i)].key), to_hex(bytes_of(entries[static_cast<size_t>(i)].bytes)));
        }
        EXPECT_EQ(hex(files, "layer1"), "not_found: no tensor 'layer1' in the checkpoint, in variables/variables.index");
      }
    }
  }
}

TEST(TensorBundle, ReadsStrings) {
  EXPECT_EQ(to_hex(bytes_of(string_bytes({"hi"}))), "02d8d810736869");
  EXPECT_EQ(to_hex(bytes_of(string_bytes({"", "abc"}))), "0003ecc6ea19616263");
  const std::vector<TestEntry> entries = {
      {"a", DType::kString, {1}, string_bytes({"hi"}), 0, {}},
      {"b", DType::kString, {2}, string_bytes({"", "abc"}), 0, {}},
      {"c", DType::kString, {2, 2}, string_bytes({"x", std::string(300, 'y'), std::string("\0z", 2), ""}), 0, {}},
      {"d", DType::kString, {0}, string_bytes({}), 0, {}}};
  MemoryFiles files = MemoryFiles::of(build_bundle(entries));
  const auto bundle = open(files).value();
  EXPECT_EQ(bundle->entry("a")->masked_crc32c, 0x154deb09u);
  EXPECT_EQ(bundle->entry("b")->masked_crc32c, 0x35344714u);
  EXPECT_EQ(load(files, "a").value().strings(), (std::vector<std::string>{"hi"}));
  EXPECT_EQ(load(files, "b").value().strings(), (std::vector<std::string>{"", "abc"}));
  EXPECT_EQ(load(files, "c").value().strings()[2], std::string("\0z", 2));
  EXPECT_EQ(load(files, "d").value().elements(), 0u);
  EXPECT_EQ(load(files, "c", "2 2 1,1:-").value().strings(), (std::vector<std::string>{std::string("\0z", 2), ""}));
}

TEST(TensorBundle, ReadsBundlesOfBigEndianMachines) {
  const std::vector<TestEntry> entries = {
      {"f", DType::kFloat, {2}, from_hex("3f800000 c0000000"), 0, {}},
      {"c", DType::kComplex64, {1}, from_hex("3f800000 c0000000"), 0, {}},
      {"b", DType::kUint8, {2}, from_hex("0102"), 0, {}},
      {"s", DType::kString, {2}, string_bytes({"hello", "w"}, true), 0, {}}};
  MemoryFiles files = MemoryFiles::of(build_bundle(entries, 1, true));
  EXPECT_EQ(load(files, "f").value().values<float>()[1], -2.0f);
  EXPECT_EQ(hex(files, "c"), "0000803f000000c0");
  EXPECT_EQ(hex(files, "b"), "0102");
  EXPECT_EQ(load(files, "s").value().strings(), (std::vector<std::string>{"hello", "w"}));
}

TEST(TensorBundle, LetsEntriesShareBytes) {
  const std::string data = counting(8);
  const uint32_t crc = crc32c_mask(crc32c(bytes_of(data)));
  const uint32_t head = crc32c_mask(crc32c(bytes_of(data).first(4)));
  const std::string index = build_table({{"", header_proto(1)},
                                         {"a", entry_proto(DType::kUint8, {8}, 0, 0, 8, crc)},
                                         {"b", entry_proto(DType::kUint8, {2, 4}, 0, 0, 8, crc)},
                                         {"c", entry_proto(DType::kUint8, {4}, 0, 0, 4, head)}});
  MemoryFiles files({{kIndex, index}, {kShard, data}});
  EXPECT_EQ(hex(files, "a"), "0001020304050607");
  EXPECT_EQ(hex(files, "b"), "0001020304050607");
  EXPECT_EQ(hex(files, "c"), "00010203");
}

// A tensor in random boxes (by recursive cuts), whole and in random slices, against its bytes.
TEST(TensorBundle, StitchesPartitionedTensorsOfAnyCut) {
  Random random(11);
  for (int round = 0; round < 400; ++round) {
    const size_t rank = 1 + random.below(4);
    std::vector<int64_t> dims;
    size_t n = 2;
    for (size_t d = 0; d < rank; ++d) {
      dims.push_back(static_cast<int64_t>(1 + random.below(5)));
      n *= static_cast<size_t>(dims.back());
    }
    const std::string whole = counting(n);  // int16
    using Slice = std::vector<std::pair<int64_t, int64_t>>;
    std::vector<Slice> boxes = {Slice()};
    for (const int64_t d : dims) boxes[0].push_back({0, d});
    for (uint64_t cut = random.below(6); cut > 0; --cut) {
      Slice& box = boxes[random.below(boxes.size())];
      const size_t d = random.below(rank);
      if (box[d].second < 2) continue;
      const int64_t at = static_cast<int64_t>(1 + random.below(static_cast<uint64_t>(box[d].second) - 1));
      Slice rest = box;
      rest[d] = {box[d].first + at, box[d].second - at};
      box[d].second = at;
      boxes.push_back(rest);
    }
    const auto cut_out = [&](const Slice& box) {
      std::string out;
      for (size_t i = 0; i < n / 2; ++i) {
        size_t left = i;
        bool inside = true;
        for (size_t d = rank; d-- > 0;) {
          const int64_t index = static_cast<int64_t>(left % static_cast<size_t>(dims[d]));
          left /= static_cast<size_t>(dims[d]);
          inside &= index >= box[d].first && index < box[d].first + box[d].second;
        }
        if (inside) out += whole.substr(2 * i, 2);
      }
      return out;
    };
    std::vector<TestEntry> entries;
    TestEntry full{"w", DType::kInt16, dims, "", 0, {}};
    for (Slice& box : boxes) {
      std::vector<int64_t> piece_dims;
      std::vector<SliceExtent> extents;
      const std::string bytes = cut_out(box);
      for (size_t d = 0; d < rank; ++d) {
        piece_dims.push_back(box[d].second);
        if (box[d].second == dims[d]) box[d] = {0, -1};
        extents.push_back({box[d].first, box[d].second});
      }
      full.slices.push_back(box);
      const std::string key = format::piece_key("w", extents);
      entries.push_back({key, DType::kInt16, piece_dims, bytes, static_cast<int32_t>(random.below(2)), {}});
    }
    entries.push_back(full);
    MemoryFiles files = MemoryFiles::of(build_bundle(entries, 2));
    ASSERT_EQ(open(files).value()->keys(), (std::vector<std::string>{"w"}));
    ASSERT_EQ(hex(files, "w"), to_hex(bytes_of(whole)));
    for (int i = 0; i < 5; ++i) {
      std::string spec, text;
      Slice wanted;
      for (size_t d = 0; d < rank; ++d) {
        const int64_t start = static_cast<int64_t>(random.below(static_cast<uint64_t>(dims[d])));
        const int64_t length = static_cast<int64_t>(1 + random.below(static_cast<uint64_t>(dims[d] - start)));
        wanted.push_back({start, length});
        spec += std::to_string(dims[d]) + " ";
        text += (d > 0 ? ":" : "") + std::to_string(start) + "," + std::to_string(length);
      }
      ASSERT_EQ(hex(files, "w", spec + text), to_hex(bytes_of(cut_out(wanted)))) << spec << text;
    }
  }
}

class Partitioned : public testing::Test {
 protected:
  // [4,2] in rows 0..1 and 2..3, the second one first in the file.
  std::vector<TestEntry> entries_ = {
      {piece(2, 2), DType::kUint8, {2, 2}, "efgh", 0, {}},
      {piece(0, 2), DType::kUint8, {2, 2}, "abcd", 0, {}},
      {"w", DType::kUint8, {4, 2}, "", 0, {{{0, 2}, {0, -1}}, {{2, 2}, {0, -1}}}}};
  static std::string piece(int64_t start, int64_t length) {
    const SliceExtent extents[] = {{start, length}, {0, -1}};
    return format::piece_key("w", extents);
  }
  std::string find_error() {
    MemoryFiles files = MemoryFiles::of(build_bundle(entries_));
    return hex(files, "w");
  }
};

TEST_F(Partitioned, KeepsAChecksumWherePiecesAreWhole) {
  MemoryFiles files = MemoryFiles::of(build_bundle(entries_));
  const auto bundle = open(files).value();
  const TensorRef whole = bundle->find({"w", ""}, files.ctx()).value();
  EXPECT_EQ(whole.crc32c(), crc32c(bytes_of("abcdefgh")));
  EXPECT_TRUE(whole.checks().empty());
  EXPECT_EQ(bundle->find({"w", "4 2 2,2:-"}, files.ctx()).value().crc32c(), crc32c(bytes_of("efgh")));
  const TensorRef part = bundle->find({"w", "4 2 1,2:-"}, files.ctx()).value();
  EXPECT_FALSE(part.crc32c().has_value());
  EXPECT_EQ(part.checks().size(), 2u);
  EXPECT_EQ(part.shape(), (Shape{2, 2}));
}

TEST_F(Partitioned, VerifiesWhatASliceIsCutFrom) {
  std::vector<MemoryFile> stored = build_bundle(entries_);
  MemoryFiles good = MemoryFiles::of(stored);
  EXPECT_EQ(hex(good, "w", "4 2 1,2:-"), to_hex(bytes_of("cdef")));
  stored[1].content[0] ^= 1;  // 'e': in the slice's second piece
  MemoryFiles bad = MemoryFiles::of(stored);
  EXPECT_EQ(hex(bad, "w", "4 2 1,2:-"),
            "corrupt: the checksum of the values is wrong, in variables/variables.data-00000-of-00001 at byte 0");
  EXPECT_EQ(hex(bad, "w", "4 2 0,2:-"), to_hex(bytes_of("abcd")));
}

TEST_F(Partitioned, RefusesGaps) {
  entries_[2].slices.pop_back();
  EXPECT_NE(find_error().find("corrupt: the pieces of a partitioned tensor do not cover it"), std::string::npos);
}

TEST_F(Partitioned, RefusesOverlaps) {
  entries_.push_back({piece(1, 2), DType::kUint8, {2, 2}, "cdef", 0, {}});
  entries_[2].slices.push_back({{1, 2}, {0, -1}});
  EXPECT_NE(find_error().find("corrupt: pieces of a partitioned tensor overlap"), std::string::npos);
}

TEST_F(Partitioned, RefusesMissingPieces) {
  entries_.erase(entries_.begin());
  EXPECT_NE(find_error().find("corrupt: slice 1 of the tensor is missing"), std::string::npos);
}

TEST_F(Partitioned, RefusesPiecesOfAnotherShapeOrDtype) {
  entries_[0].dims = {4};
  EXPECT_NE(find_error().find("corrupt: 4 bytes for uint8[4], expected 4 for uint8[2,2]"), std::string::npos);
  entries_[0].dims = {2, 2};
  entries_[0].dtype = DType::kInt8;
  EXPECT_NE(find_error().find("corrupt: 4 bytes for int8[2,2]"), std::string::npos);
}

TEST_F(Partitioned, RefusesSlicesOutsideOfTheTensor) {
  for (const std::pair<int64_t, int64_t>& extent :
       {std::pair<int64_t, int64_t>{3, 2}, {-1, 2}, {0, 5}, {INT64_MAX, INT64_MAX}, {0, -2}, {1, -1}}) {
    entries_[2].slices[1][0] = extent;
    EXPECT_NE(find_error().find("corrupt: a slice "), std::string::npos) << extent.first << extent.second;
  }
}

TEST_F(Partitioned, RefusesSlicesOfAnotherRank) {
  entries_[2].slices[1].pop_back();
  EXPECT_NE(find_error().find("corrupt: a slice with another number of dimensions"), std::string::npos);
  entries_[2].slices[0].push_back({0, -1});  // the numbers add up, the slices do not
  EXPECT_NE(find_error().find("corrupt: a slice with another number of dimensions"), std::string::npos);
}

TEST_F(Partitioned, RefusesASpecOfAnotherShape) {
  MemoryFiles files = MemoryFiles::of(build_bundle(entries_));
  EXPECT_NE(hex(files, "w", "4 3 0,2:-").find("corrupt: the slice '4 3 0,2:-' is none of the stored [4,2]"), std::string::npos);
  EXPECT_NE(hex(files, "w", "nonsense").find("corrupt: the slice 'nonsense' is none of a tensor"), std::string::npos);
}

TEST(TensorBundle, RefusesATensorInTooManyPieces) {
  // Columns 0 and 1 apart: every row takes two pieces.
  const int64_t rows = 100000;
  const auto piece = [](int64_t column) {
    const SliceExtent extents[] = {{0, -1}, {column, 1}};
    return format::piece_key("w", extents);
  };
  MemoryFiles files = MemoryFiles::of(build_bundle(
      {{piece(0), DType::kUint8, {rows, 1}, std::string(rows, 'a'), 0, {}},
       {piece(1), DType::kUint8, {rows, 1}, std::string(rows, 'b'), 0, {}},
       {"w", DType::kUint8, {rows, 2}, "", 0, {{{0, -1}, {0, 1}}, {{0, -1}, {1, 1}}}}}));
  const std::string error = hex(files, "w");
  EXPECT_EQ(error.substr(0, 12), "unsupported:") << error;
  EXPECT_EQ(hex(files, "w", "100000 2 5,3:-"), to_hex(bytes_of("ababab")));
}

}  // namespace
}  // namespace whittle
