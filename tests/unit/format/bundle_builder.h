// bundle_builder.h: writes TensorBundles for tests, also broken ones. Written from the format's
// description, not from the reader.
#ifndef WHITTLE_TESTS_FORMAT_BUNDLE_BUILDER_H_
#define WHITTLE_TESTS_FORMAT_BUNDLE_BUILDER_H_

#include <map>
#include <string>
#include <vector>

#include "support/files.h"
#include "whittle/dtype.h"

namespace whittle {

struct TestEntry {
  std::string key;
  DType dtype = DType::kFloat;
  std::vector<int64_t> dims;
  std::string bytes;                          // appended to the shard
  int32_t shard = 0;
  std::vector<std::vector<std::pair<int64_t, int64_t>>> slices;  // start, length (-1: whole)
};

struct TableOptions {
  size_t block_entries = 1000;  // entries a block
  size_t restart_interval = 16;
  bool snappy = false;
};

// The entries, sorted by key, as a table.
std::string build_table(const std::map<std::string, std::string>& entries, const TableOptions& options = {});

// BundleHeaderProto and BundleEntryProto.
std::string header_proto(int32_t shards, bool big_endian = false);
std::string entry_proto(DType dtype, const std::vector<int64_t>& dims, int32_t shard, int64_t offset,
                        int64_t size, uint32_t masked_crc32c);

// The bytes of string tensors.
std::string string_bytes(const std::vector<std::string>& strings, bool big_endian = false);

// "variables/variables.index" and its shards.
std::vector<MemoryFile> build_bundle(const std::vector<TestEntry>& entries, int32_t shards = 1,
                                     bool big_endian = false, const TableOptions& options = {});

// A snappy block that holds `text` as literals, with runs of one byte as overlapping copies.
std::string snappy_block(std::string_view text);

}  // namespace whittle

#endif  // WHITTLE_TESTS_FORMAT_BUNDLE_BUILDER_H_
