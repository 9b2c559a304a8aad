// A bundle whose index is any bytes, with a little data: opened, and every tensor found and loaded.
//
// Each input runs twice: as it is, and with its block checksums made right, for else mutations would
// end at the first block.
#include <algorithm>

#include "format/bundle_builder.h"
#include "format/ordered_code.h"
#include "fuzz.h"
#include "whittle/crc32c.h"
#include "whittle/tensor_bundle.h"
#include "whittle/wire.h"

namespace {

using namespace whittle;

constexpr char kPrefix[] = "variables/variables";

void use(const std::string& index) {
  MemoryFiles files({{"variables/variables.index", index},
                     {"variables/variables.data-00000-of-00002", "123456789012" + string_bytes({"ab", "cde"})},
                     {"variables/variables.data-00001-of-00002", std::string(64, 'x')}});
  files.ctx().set_memory_budget(1 << 20);
  const auto bundle = files.run([&](Context& ctx) {
    return open_tensor_bundle(kPrefix, [&](std::string_view p) { return files.find(p); }, ctx);
  });
  if (!bundle.ok()) return;
  for (const std::string& key : (*bundle)->keys()) {
    (void)(*bundle)->entry_bytes(key);
    for (const char* slice : {"", "2 2 0,1:-", "4 1,2"}) {
      const auto ref = files.run([&](Context& ctx) { return (*bundle)->find({key, slice}, ctx); });
      if (ref.ok()) (void)files.run([&](Context& ctx) { return load_stored(*ref, ctx); });
    }
  }
}

bool read_handle(const std::string& file, size_t* at, uint64_t* offset, uint64_t* size) {
  for (uint64_t* value : {offset, size}) {
    const size_t n = decode_varint(bytes_of(file).subspan(*at), value);
    if (n == 0) return false;
    *at += n;
  }
  return *size < file.size() && *offset < file.size() && *offset + *size + 5 <= file.size();
}

void fix_checksum(std::string& file, uint64_t offset, uint64_t size) {
  const uint32_t crc = crc32c_mask(crc32c(bytes_of(file).subspan(offset, size + 1)));
  for (size_t i = 0; i < 4; ++i) file[offset + size + 1 + i] = static_cast<char>(crc >> (8 * i));
}

void fix_checksums(std::string& file) {
  if (file.size() < 48) return;
  size_t at = file.size() - 48;
  uint64_t offset = 0, size = 0;
  if (!read_handle(file, &at, &offset, &size)) return;
  if (!read_handle(file, &at, &offset, &size)) return;
  fix_checksum(file, offset, size);
  // The handles in the index block, entry by entry, as far as they make sense.
  for (size_t entry = offset; entry < offset + size;) {
    uint64_t number[3] = {};
    for (uint64_t& n : number) entry += decode_varint(bytes_of(file).subspan(entry), &n);
    if (number[1] > size || number[2] > size) return;
    size_t value = entry + static_cast<size_t>(number[1]);
    entry = value + static_cast<size_t>(number[2]);
    uint64_t data_offset = 0, data_size = 0;
    if (value >= file.size() || !read_handle(file, &value, &data_offset, &data_size)) return;
    fix_checksum(file, data_offset, data_size);
    if (number[1] + number[2] == 0) return;
  }
}

std::string index_of(const std::vector<TestEntry>& entries, const TableOptions& options, bool big_endian) {
  return build_bundle(entries, 2, big_endian, options)[0].content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string index(reinterpret_cast<const char*>(data), size);
  use(index);
  fix_checksums(index);
  use(index);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const SliceExtent a[] = {{0, 1}, {0, -1}}, b[] = {{1, 1}, {0, -1}};
  const std::vector<TestEntry> entries = {
      {"a/kernel", DType::kFloat, {1, 3}, "123456789012", 0, {}},
      {"s", DType::kString, {2}, string_bytes({"ab", "cde"}), 0, {}},
      {"a/scalar", DType::kInt64, {}, "12345678", 1, {}},
      {"a/empty", DType::kFloat, {0, 4}, "", 1, {}},
      {format::piece_key("w", a), DType::kUint8, {1, 2}, "ab", 1, {}},
      {format::piece_key("w", b), DType::kUint8, {1, 2}, "cd", 1, {}},
      {"w", DType::kUint8, {2, 2}, "", 0, {{{0, 1}, {0, -1}}, {{1, 1}, {0, -1}}}}};
  std::vector<std::string> seeds;
  for (const bool snappy : {false, true}) {
    for (const size_t block_entries : {3, 100}) {
      TableOptions options;
      options.block_entries = block_entries;
      options.restart_interval = 2;
      options.snappy = snappy;
      seeds.push_back(index_of(entries, options, snappy));
    }
  }
  return seeds;
}
