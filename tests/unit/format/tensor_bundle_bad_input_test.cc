// Broken checkpoints: a table of what is wrong and what is said. Then every cut and thousands of
// seeded mutations, which must end in a value or an error.
#include <gtest/gtest.h>

#include <functional>

#include "format/bundle_builder.h"
#include "format/ordered_code.h"
#include "support/random.h"
#include "whittle/crc32c.h"
#include "whittle/tensor_bundle.h"
#include "whittle/wire.h"

namespace whittle {
namespace {

constexpr char kIndex[] = "variables/variables.index";
constexpr char kShard[] = "variables/variables.data-00000-of-00001";

std::string fixed32(uint32_t value) {
  return {static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16),
          static_cast<char>(value >> 24)};
}

std::string varint(uint64_t value) {
  std::string out;
  append_varint(out, value);
  return out;
}

// Opens the bundle and finds and loads every key; the first error, or "ok".
std::string use(MemoryFiles& files) {
  auto bundle = files.run([&](Context& ctx) {
    return open_tensor_bundle("variables/variables", [&](std::string_view p) { return files.find(p); }, ctx);
  });
  if (!bundle.ok()) return bundle.error().to_string();
  for (const std::string& key : (*bundle)->keys()) {
    auto ref = files.run([&](Context& ctx) { return (*bundle)->find({key, ""}, ctx); });
    if (!ref.ok()) return ref.error().to_string();
    auto tensor = files.run([&](Context& ctx) { return load_stored(*ref, ctx); });
    if (!tensor.ok()) return tensor.error().to_string();
  }
  return "ok";
}

std::string use_index(const std::string& index, const std::string& data = "12345678") {
  MemoryFiles files({{kIndex, index}, {kShard, data}});
  return use(files);
}

// A table of hand-made blocks: data, index, and a footer that points to them.
struct RawTable {
  std::string data_payload = from_hex("00000608011a02080100000000 01000000");
  std::string index_payload;      // empty: one entry, key "d", naming the data block
  std::string data_handle;        // empty: the right one
  char type = 0;
  bool bad_crc = false;

  std::string build() const {
    std::string file;
    const auto block = [&](const std::string& payload, char block_type, bool bad) {
      const std::string stored = payload + block_type;
      const std::string handle = varint(file.size()) + varint(payload.size());
      file += stored + fixed32(crc32c_mask(crc32c(bytes_of(stored))) + (bad ? 1 : 0));
      return handle;
    };
    std::string handle = block(data_payload, type, bad_crc);
    if (!data_handle.empty()) handle = data_handle;
    const std::string meta = block(from_hex("00000000 01000000"), 0, false);
    std::string index = index_payload;
    if (index.empty()) {
      index = std::string("\0\1", 2) + varint(handle.size()) + "d" + handle + from_hex("00000000 01000000");
    }
    std::string footer = meta + block(index, 0, false);
    footer.resize(40, '\0');
    return file + footer + from_hex("57fb808b247547db");
  }
};

std::string raw(const std::function<void(RawTable&)>& change) {
  RawTable table;
  change(table);
  return use_index(table.build());
}

// One entry "w" of these fields, next to 8 bytes of data.
std::string entry(const std::string& proto) {
  return use_index(build_table({{"", header_proto(1)}, {"w", proto}}));
}

std::string header(const std::string& hex) { return use_index(build_table({{"", from_hex(hex)}})); }

uint32_t good_crc() { return crc32c_mask(crc32c(bytes_of("12345678"))); }

TEST(BadBundle, SaysWhatIsWrongAndWhere) {
  constexpr int64_t kHuge = int64_t{1} << 60;
  const std::string in_index = ", in variables/variables.index";
  const struct { const char* what; std::string got; std::string want; } kCases[] = {
      {"nothing wrong", entry(entry_proto(DType::kUint8, {8}, 0, 0, 8, good_crc())), "ok"},
      {"no entries", raw([](RawTable&) {}), "ok"},
      // the file
      {"empty file", use_index(""), "corrupt: footer too short (0 of 48 bytes)" + in_index + " at byte 0"},
      {"short file", use_index("abc"), "corrupt: footer too short (3 of 48 bytes)" + in_index + " at byte 0"},
      {"no table", use_index(std::string(100, 'x')),
       "corrupt: not an index file: the magic number at its end is missing" + in_index + " at byte 92"},
      {"broken footer", use_index(std::string(60, '\xff') + from_hex("57fb808b247547db")),
       "corrupt: broken block handles in the footer" + in_index + " at byte 20"},
      {"missing index", [] { MemoryFiles files({{kShard, ""}}); return use(files); }(),
       "not_found: variables/variables.index is missing"},
      {"version 1, one file", [] { MemoryFiles files({{"variables/variables", ""}}); return use(files); }(),
       "unsupported: a checkpoint of version 1; load it in TensorFlow and save it again with "
       "Saver(write_version=SaverDef.V2), in variables/variables"},
      {"version 1, shards", [] { MemoryFiles files({{"variables/variables-00000-of-00003", ""}}); return use(files); }(),
       "unsupported: a checkpoint of version 1; load it in TensorFlow and save it again with "
       "Saver(write_version=SaverDef.V2), in variables/variables"},
      {"missing shard", [] { MemoryFiles files({{kIndex, build_table({{"", header_proto(2)},
           {"w", entry_proto(DType::kUint8, {8}, 1, 0, 8, 0)}})}, {kShard, ""}}); return use(files); }(),
       "not_found: variables/variables.data-00001-of-00002 is missing, in tensor w"},
      // blocks
      {"wrong block checksum", raw([](RawTable& t) { t.bad_crc = true; }),
       "corrupt: the checksum of a block is wrong" + in_index + " at byte 0"},
      {"unknown compression", raw([](RawTable& t) { t.type = 2; }),
       "corrupt: unknown compression 2" + in_index + " at byte 17"},
      {"block size 2^64-3", raw([](RawTable& t) { t.data_handle = varint(0) + varint(UINT64_MAX - 2); }),
       "corrupt: a block of 18446744073709551613 bytes at byte 0 does not lie in the file (111 bytes)" + in_index + " at byte 39"},
      {"block offset beyond the file", raw([](RawTable& t) { t.data_handle = varint(UINT64_MAX - 2) + varint(8); }),
       "corrupt: a block of 8 bytes at byte 18446744073709551613 does not lie in the file (111 bytes)" + in_index + " at byte 39"},
      {"broken block handle", raw([](RawTable& t) { t.data_handle = "\x80"; }),
       "corrupt: broken block handle" + in_index + " at byte 39"},
      {"the same block twice", raw([](RawTable& t) {
         t.index_payload = from_hex("000102 64 0011") + from_hex("000102 65 0011") + from_hex("00000000 01000000"); }),
       "corrupt: the block at byte 0 is out of order" + in_index + " at byte 45"},
      {"restart count 2^30", raw([](RawTable& t) { t.data_payload = from_hex("00000608011a02080100000000 00000040"); }),
       "corrupt: a block of 17 bytes claims 1073741824 restart points" + in_index + " at byte 0"},
      {"restart count 0", raw([](RawTable& t) { t.data_payload = from_hex("00000608011a02080100000000 00000000"); }),
       "corrupt: a block of 17 bytes claims 0 restart points" + in_index + " at byte 0"},
      {"restart beyond the block", raw([](RawTable& t) { t.data_payload = from_hex("00000608011a020801 00010000 01000000"); }),
       "corrupt: a restart point is not at an entry" + in_index + " at byte 9"},
      {"no room for a restart count", raw([](RawTable& t) { t.data_payload = "abc"; }),
       "corrupt: a block without its restart points" + in_index + " at byte 0"},
      {"shares more than there is", raw([](RawTable& t) { t.data_payload = from_hex("00000608011a020801 0101 00 77 00000000 01000000"); }),
       "corrupt: an entry shares 1 bytes of a key of 0" + in_index + " at byte 9"},
      {"entry beyond its block", raw([](RawTable& t) { t.data_payload = from_hex("00007f08011a020801 00000000 01000000"); }),
       "corrupt: an entry reaches beyond its block" + in_index + " at byte 0"},
      {"lengths that overflow", raw([](RawTable& t) { t.data_payload = from_hex("00 ffffffff0f ffffffff0f 00000000 01000000"); }),
       "corrupt: an entry reaches beyond its block" + in_index + " at byte 0"},
      {"varint of 11 bytes", raw([](RawTable& t) { t.data_payload = from_hex("8080808080808080808001 0000 00000000 01000000"); }),
       "corrupt: broken entry header" + in_index + " at byte 0"},
      {"keys out of order", raw([](RawTable& t) { t.data_payload = from_hex("00000608011a020801 000100 77 000100 61 00000000 01000000"); }),
       "corrupt: the keys are out of order" + in_index + " at byte 13"},
      {"equal keys", raw([](RawTable& t) { t.data_payload = from_hex("00000608011a020801 000100 77 010000 00000000 01000000"); }),
       "corrupt: the keys are out of order" + in_index + " at byte 13"},
      {"snappy bomb", raw([](RawTable& t) { t.type = 1; t.data_payload = from_hex("ffffffff0f 00000000 00"); }),
       "corrupt: snappy block of 10 bytes claims to hold 4294967295" + in_index + " at byte 0"},
      {"snappy copy from before the start", raw([](RawTable& t) { t.type = 1; t.data_payload = from_hex("08 0c 61626364 01 05"); }),
       "corrupt: snappy copy from 5 bytes back of 4 made" + in_index + " at byte 0"},
      // the header
      {"no header", use_index(build_table({})), "corrupt: the table has no header, in variables/variables.index"},
      {"another first key", use_index(build_table({{"w", "x"}})),
       "corrupt: the table does not start with its header" + in_index + " at byte 4"},
      {"broken header", header("0a ff"), "corrupt: broken length at byte 1" + in_index + " at byte 3"},
      {"no shards", header("10 00"), "corrupt: the header states 0 shards" + in_index + " at byte 3"},
      {"negative shards", header("08 ffffffffffffffffff01"), "corrupt: the header states -1 shards" + in_index + " at byte 3"},
      {"unknown byte order", header("0801 1002"), "corrupt: the header states byte order 2" + in_index + " at byte 3"},
      {"a newer reader", header("0801 1a02 1002"), "unsupported: the checkpoint was written for a newer reader" + in_index + " at byte 3"},
      {"a bad consumer", header("0801 1a03 1a0101"), "unsupported: the checkpoint was written for a newer reader" + in_index + " at byte 3"},
      {"version 1 inside", header("0a02 0800"),
       "unsupported: a checkpoint of version 1; load it in TensorFlow and save it again with "
       "Saver(write_version=SaverDef.V2)" + in_index + " at byte 3"},
      // entries
      {"broken entry", entry("\x08"), "corrupt: broken varint at byte 1" + in_index + " at byte 13"},
      {"strings of shape 2^60", entry(entry_proto(DType::kString, {kHuge}, 0, 0, 8, 0)),
       "corrupt: 1152921504606846976 strings in 8 bytes" + in_index + " at byte 13, in tensor w"},
      {"elements overflow", entry(entry_proto(DType::kFloat, {int64_t{1} << 31, int64_t{1} << 31, 4}, 0, 0, 8, 0)),
       "corrupt: shape [2147483648,2147483648,4] has more than 2^63 - 1 elements" + in_index + " at byte 13, in tensor w"},
      {"bytes overflow", entry(entry_proto(DType::kDouble, {kHuge}, 0, 0, 0, 0)),
       "corrupt: float64[1152921504606846976] has more than 2^62 bytes" + in_index + " at byte 13, in tensor w"},
      {"negative dimension", entry(entry_proto(DType::kFloat, {-5}, 0, 0, 8, 0)),
       "corrupt: shape [-5] is not fully defined" + in_index + " at byte 13, in tensor w"},
      {"rank 255", entry(entry_proto(DType::kFloat, std::vector<int64_t>(255, 1), 0, 0, 4, 0)),
       "corrupt: a shape of more than 254 dimensions" + in_index + " at byte 14"},
      {"dtype 77", entry(entry_proto(static_cast<DType>(77), {0}, 0, 0, 0, 0)),
       "unsupported: a stored tensor of dtype(77)" + in_index + " at byte 13, in tensor w"},
      {"a reference dtype", entry(entry_proto(static_cast<DType>(101), {2}, 0, 0, 8, 0)),
       "unsupported: a stored tensor of float32_ref" + in_index + " at byte 13, in tensor w"},
      {"a variant", entry(entry_proto(DType::kVariant, {}, 0, 0, 8, 0)),
       "unsupported: a stored tensor of variant" + in_index + " at byte 13, in tensor w"},
      {"another size", entry(entry_proto(DType::kFloat, {3}, 0, 0, 8, 0)),
       "corrupt: 8 bytes for float32[3], expected 12 for float32[3]" + in_index + " at byte 13, in tensor w"},
      {"negative size", entry(entry_proto(DType::kFloat, {2}, 0, 0, -8, 0)),
       "corrupt: a tensor of -8 bytes at byte 0" + in_index + " at byte 13, in tensor w"},
      {"negative offset", entry(entry_proto(DType::kFloat, {2}, 0, -1, 8, 0)),
       "corrupt: a tensor of 8 bytes at byte -1" + in_index + " at byte 13, in tensor w"},
      {"beyond the shard", entry(entry_proto(DType::kFloat, {2}, 0, 1, 8, 0)),
       "corrupt: a tensor of 8 bytes at byte 1 ends after variables/variables.data-00000-of-00001 (8 bytes)" + in_index + " at byte 13, in tensor w"},
      {"offset + size overflow", entry(entry_proto(DType::kFloat, {2}, 0, INT64_MAX, 8, 0)),
       "corrupt: a tensor of 8 bytes at byte 9223372036854775807 ends after variables/variables.data-00000-of-00001 (8 bytes)" + in_index + " at byte 13, in tensor w"},
      {"shard out of range", entry(entry_proto(DType::kFloat, {2}, 1, 0, 8, 0)),
       "corrupt: shard 1 of 1" + in_index + " at byte 13, in tensor w"},
      {"negative shard", entry(entry_proto(DType::kFloat, {2}, -1, 0, 8, 0)),
       "corrupt: shard -1 of 1" + in_index + " at byte 13, in tensor w"},
      {"wrong checksum", entry(entry_proto(DType::kUint8, {8}, 0, 0, 8, good_crc() + 1)),
       "corrupt: the checksum of the values is wrong, in variables/variables.data-00000-of-00001 at byte 0"},
  };
  for (const auto& c : kCases) EXPECT_EQ(c.got, c.want) << c.what;
}

TEST(BadBundle, SaysWhatIsWrongWithStrings) {
  const auto strings = [](std::vector<int64_t> dims, const std::string& bytes, uint32_t crc_change = 0) {
    std::vector<MemoryFile> files = build_bundle({{"s", DType::kString, {2}, string_bytes({"ab", "c"}), 0, {}}});
    MemoryFiles good = MemoryFiles::of(files);
    auto bundle = good.run([&](Context& ctx) {
      return open_tensor_bundle("variables/variables", [&](std::string_view p) { return good.find(p); }, ctx);
    });
    const uint32_t crc = bundle.value()->entry("s")->masked_crc32c + crc_change;
    return use_index(build_table({{"", header_proto(1)}, {"s", entry_proto(DType::kString, dims, 0, 0,
                     static_cast<int64_t>(bytes.size()), crc)}}), bytes);
  };
  const std::string good = string_bytes({"ab", "c"});
  const std::string place = ", in variables/variables.data-00000-of-00001 at byte 0, in tensor s";
  EXPECT_EQ(strings({2}, good), "ok");
  EXPECT_EQ(strings({2}, good, 1), "corrupt: the checksum of the values is wrong" + place);
  std::string changed = good;
  changed[0] = 3;
  EXPECT_EQ(strings({2}, changed), "corrupt: the checksum of the lengths of the strings is wrong" + place);
  EXPECT_EQ(strings({2}, good.substr(0, 4)), "corrupt: the lengths of the strings are cut off" + place);
  EXPECT_EQ(strings({4}, std::string(4, '\x80')), "corrupt: a broken length of a string" + place);
}

TEST(BadBundle, SeesStringsThatDoNotFillTheirTensor) {
  // Lengths and checksums that agree with each other but not with the bytes that follow.
  for (const std::string& text : {std::string("ab"), std::string("abcd")}) {
    const std::string words = fixed32(3);
    const std::string bytes = "\3" + fixed32(crc32c_mask(crc32c(bytes_of(words)))) + text;
    const uint32_t crc = crc32c_extend(crc32c(bytes_of(words)), bytes_of(bytes).subspan(1));
    const std::string got = use_index(build_table({{"", header_proto(1)}, {"s", entry_proto(DType::kString, {1}, 0, 0,
                     static_cast<int64_t>(bytes.size()), crc32c_mask(crc))}}), bytes);
    EXPECT_EQ(got.substr(0, got.find(", in")), text.size() == 2 ? "corrupt: a string reaches beyond its tensor"
                                                                 : "corrupt: 1 bytes after the last string");
  }
}

TEST(BadBundle, IsRefusedAboveTheMemoryBudget) {
  std::map<std::string, std::string> table = {{"", header_proto(1)}};
  for (int i = 0; i < 2000; ++i) table["w" + std::to_string(i)] = entry_proto(DType::kUint8, {8}, 0, 0, 8, 0);
  MemoryFiles files({{kIndex, build_table(table)}, {kShard, "12345678"}});
  files.ctx().set_memory_budget(100000);
  const std::string got = use(files);
  EXPECT_EQ(got.substr(0, got.find(" at byte")),
            "limit: the index of the checkpoint does not fit the memory budget, in variables/variables.index");
}

TEST(BadBundle, WithSlicesByTheMillionIsRefusedBeforeTheyTakeMemory) {
  WireWriter slices;
  WireWriter dims;
  dims.bytes(2, "");
  slices.bytes(2, dims.data());
  WireWriter slice;
  for (int i = 0; i < 254; ++i) slice.bytes(1, "");
  for (int i = 0; i < 2000; ++i) slices.bytes(7, slice.data());
  MemoryFiles files({{kIndex, build_table({{"", header_proto(1)}, {"w", slices.data()}})}});
  files.ctx().set_memory_budget(1 << 20);  // 2 bytes of file are 16 of memory
  const std::string got = use(files);
  EXPECT_EQ(got.substr(0, 6), "limit:") << got;
}

TEST(BadBundle, LongKeysCostNoMoreThanTheirBytes) {
  // Each of 50,000 entries shares 100,000 bytes with the one before: 5 GB if keys were built anew.
  std::string payload = from_hex("00000608011a020801");
  payload += std::string("\0", 1) + varint(100000) + std::string("\0", 1) + std::string(100000, 'k');
  for (int i = 0; i < 50000; ++i) payload += varint(100000 + static_cast<uint64_t>(i)) + "\1" + std::string("\0", 1) + "x";
  payload += from_hex("00000000 01000000");
  RawTable table;
  table.data_payload = payload;
  const std::string got = use_index(table.build());
  EXPECT_EQ(got.substr(0, 6), "limit:") << got;  // keys of 7 GB are above the budget
}

std::vector<MemoryFile> rich_bundle(bool snappy) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 20; ++i) {
    entries.push_back({"layer/kernel" + std::to_string(i), DType::kInt16, {2, 2}, "12345678", i % 2, {}});
  }
  entries.push_back({"s", DType::kString, {2}, string_bytes({"ab", "cde"}), 0, {}});
  const SliceExtent a[] = {{0, 1}, {0, -1}}, b[] = {{1, 1}, {0, -1}};
  entries.push_back({format::piece_key("w", a), DType::kUint8, {1, 2}, "ab", 0, {}});
  entries.push_back({format::piece_key("w", b), DType::kUint8, {1, 2}, "cd", 0, {}});
  entries.push_back({"w", DType::kUint8, {2, 2}, "", 0, {{{0, 1}, {0, -1}}, {{1, 1}, {0, -1}}}});
  TableOptions options;
  options.block_entries = 9;
  options.restart_interval = 4;
  options.snappy = snappy;
  return build_bundle(entries, 2, false, options);
}

TEST(BadBundle, CutAnywhereIsAnError) {
  for (const bool snappy : {false, true}) {
    const std::vector<MemoryFile> files = rich_bundle(snappy);
    {
      MemoryFiles whole = MemoryFiles::of(files);
      ASSERT_EQ(use(whole), "ok");
    }
    for (size_t f = 0; f < files.size(); ++f) {
      for (size_t n = 0; n < files[f].content.size(); ++n) {
        std::vector<MemoryFile> cut = files;
        cut[f].content.resize(n);
        MemoryFiles broken = MemoryFiles::of(cut);
        ASSERT_NE(use(broken), "ok") << files[f].path << " " << n;
      }
    }
  }
}

TEST(BadBundle, WithAnyBitFlippedIsAnErrorOrHarmless) {
  const std::vector<MemoryFile> files = rich_bundle(false);
  for (size_t f = 0; f < files.size(); ++f) {
    for (size_t bit = 0; bit < 8 * files[f].content.size(); bit += 3) {
      std::vector<MemoryFile> flipped = files;
      flipped[f].content[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      MemoryFiles broken = MemoryFiles::of(flipped);
      const std::string got = use(broken);
      // Only the padding of the footer and the metaindex block are read by nobody.
      if (f > 0) {
        EXPECT_NE(got, "ok") << f << " " << bit / 8;
      }
    }
  }
}

// Mutations behind a right block checksum, which a flipped bit never passes.
TEST(BadBundle, SurvivesMutatedEntriesAndBlocks) {
  Random random(12);
  const std::vector<std::string> protos = {
      entry_proto(DType::kUint8, {8}, 0, 0, 8, good_crc()),
      entry_proto(DType::kString, {3}, 0, 0, 8, good_crc()),
      entry_proto(DType::kFloat, {1, 2, 1}, 0, 0, 8, good_crc()),
      from_hex("0804 1206 1202 0802 1202 3a08 0a04 0800 1001 0a00")};
  for (int i = 0; i < 5000; ++i) {
    std::string proto = protos[random.below(protos.size())];
    for (uint64_t n = 1 + random.below(3); n > 0; --n) {
      proto[random.below(proto.size())] = static_cast<char>(random.next());
    }
    if (random.below(4) == 0) proto.resize(random.below(proto.size() + 1));
    (void)entry(proto);
    RawTable table;
    table.data_payload = from_hex("00000608011a020801 000104 77 08041200 00000000 01000000");
    table.data_payload[random.below(table.data_payload.size())] = static_cast<char>(random.next());
    table.type = static_cast<char>(random.below(2));
    (void)use_index(table.build());
  }
}

}  // namespace
}  // namespace whittle
