#include "format/bundle_builder.h"

#include <algorithm>

#include "format/ordered_code.h"
#include "whittle/crc32c.h"
#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle {
namespace {

std::string fixed(uint64_t value, size_t n, bool big_endian = false) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  if (big_endian) std::reverse(out.begin(), out.end());
  return out;
}

std::string varint(uint64_t value) {
  std::string out;
  append_varint(out, value);
  return out;
}

std::string payload_of(const std::vector<std::pair<std::string, std::string>>& entries, size_t interval) {
  std::string out, restarts, previous;
  uint32_t restart_count = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [key, value] = entries[i];
    size_t shared = 0;
    if (i % interval == 0) {
      restarts += fixed(out.size(), 4);
      ++restart_count;
    } else {
      while (shared < key.size() && shared < previous.size() && key[shared] == previous[shared]) ++shared;
    }
    out += varint(shared) + varint(key.size() - shared) + varint(value.size()) + key.substr(shared) + value;
    previous = key;
  }
  if (entries.empty()) restarts = fixed(0, 4), restart_count = 1;
  return out + restarts + fixed(restart_count, 4);
}

// Appends a block; its handle.
std::string add_block(std::string& file, const std::string& payload, bool snappy) {
  const std::string stored = (snappy ? snappy_block(payload) : payload) + (snappy ? '\1' : '\0');
  const std::string handle = varint(file.size()) + varint(stored.size() - 1);
  file += stored + fixed(crc32c_mask(crc32c(bytes_of(stored))), 4);
  return handle;
}

std::string shape_proto(const std::vector<int64_t>& dims) {
  WireWriter shape;
  for (const int64_t d : dims) {
    WireWriter dim;
    if (d != 0) dim.int64(1, d);
    shape.bytes(2, dim.data());
  }
  return shape.take();
}

}  // namespace

std::string snappy_block(std::string_view text) {
  std::string out = varint(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t run = 1;
    while (at + run < text.size() && run < 64 && text[at + run] == text[at]) ++run;
    if (run >= 8 && at > 0 && text[at - 1] == text[at]) {  // a copy from one byte back
      out += static_cast<char>((run - 1) << 2 | 2);
      out += fixed(1, 2);
    } else {
      run = std::min<size_t>(text.size() - at, run >= 8 ? 1 : 7);
      out += static_cast<char>((run - 1) << 2);
      out += text.substr(at, run);
    }
    at += run;
  }
  return out;
}

std::string build_table(const std::map<std::string, std::string>& entries, const TableOptions& options) {
  std::string file;
  std::vector<std::pair<std::string, std::string>> index, block;
  const auto flush = [&] {
    if (block.empty()) return;
    const std::string last = block.back().first;
    index.emplace_back(last, add_block(file, payload_of(block, options.restart_interval), options.snappy));
    block.clear();
  };
  for (const auto& entry : entries) {
    block.push_back(entry);
    if (block.size() == options.block_entries) flush();
  }
  flush();
  const std::string meta = add_block(file, payload_of({}, 16), false);
  std::string footer = meta + add_block(file, payload_of(index, 1), options.snappy);
  footer.resize(40, '\0');
  return file + footer + fixed(0xdb4775248b80fb57u, 8);
}

std::string header_proto(int32_t shards, bool big_endian) {
  WireWriter header, version;
  header.int64(1, shards);
  if (big_endian) header.varint(2, 1);
  version.varint(1, 1);
  header.bytes(3, version.data());
  return header.take();
}

std::string entry_proto(DType dtype, const std::vector<int64_t>& dims, int32_t shard, int64_t offset,
                        int64_t size, uint32_t masked_crc32c) {
  WireWriter entry;
  entry.int64(1, static_cast<int32_t>(dtype));
  entry.bytes(2, shape_proto(dims));
  if (shard != 0) entry.int64(3, shard);
  if (offset != 0) entry.int64(4, offset);
  if (size != 0) entry.int64(5, size);
  entry.fixed32(6, masked_crc32c);
  return entry.take();
}

std::string string_bytes(const std::vector<std::string>& strings, bool big_endian) {
  std::string lengths, words, text;
  for (const std::string& s : strings) {
    lengths += varint(s.size());
    words += fixed(s.size(), 4, big_endian);
    text += s;
  }
  return lengths + fixed(crc32c_mask(crc32c(bytes_of(words))), 4, big_endian) + text;
}

std::vector<MemoryFile> build_bundle(const std::vector<TestEntry>& entries, int32_t shards,
                                     bool big_endian, const TableOptions& options) {
  std::vector<std::string> data(static_cast<size_t>(shards));
  std::map<std::string, std::string> table = {{"", header_proto(shards, big_endian)}};
  for (const TestEntry& e : entries) {
    if (!e.slices.empty()) {
      WireWriter entry;
      entry.int64(1, static_cast<int32_t>(e.dtype));
      entry.bytes(2, shape_proto(e.dims));
      for (const auto& slice : e.slices) {
        WireWriter proto;
        for (const auto& [start, length] : slice) {
          WireWriter extent;
          if (start != 0) extent.int64(1, start);
          if (length != -1) extent.int64(2, length);
          proto.bytes(1, extent.data());
        }
        entry.bytes(7, proto.data());
      }
      table[e.key] = entry.take();
      continue;
    }
    std::string& shard = data[static_cast<size_t>(e.shard)];
    uint32_t crc = crc32c(bytes_of(e.bytes));
    if (e.dtype == DType::kString) {  // continues from the checksum of the lengths, which are not in it
      uint64_t n = 1;
      for (const int64_t d : e.dims) n *= static_cast<uint64_t>(d);
      std::span<const uint8_t> rest = bytes_of(e.bytes);
      std::string words;
      for (uint64_t i = 0; i < n; ++i) {
        uint64_t length = 0;
        rest = rest.subspan(decode_varint(rest, &length));
        words += fixed(length, 4, big_endian);
      }
      crc = crc32c_extend(crc32c(bytes_of(words)), rest);
    }
    table[e.key] = entry_proto(e.dtype, e.dims, e.shard, static_cast<int64_t>(shard.size()),
                               static_cast<int64_t>(e.bytes.size()), crc32c_mask(crc));
    shard += e.bytes;
  }
  std::vector<MemoryFile> files = {{"variables/variables.index", build_table(table, options)}};
  for (int32_t i = 0; i < shards; ++i) {
    const auto padded = [](int32_t n) { return std::string(5 - cat(n).size(), '0') + cat(n); };
    files.push_back({"variables/variables.data-" + padded(i) + "-of-" + padded(shards),
                     data[static_cast<size_t>(i)]});
  }
  return files;
}

}  // namespace whittle
