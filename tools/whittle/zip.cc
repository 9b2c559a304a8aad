#include "zip.h"

#include <algorithm>

namespace whittle {
namespace {

constexpr uint64_t kMax32 = 0xFFFFFFFF;
constexpr uint64_t kMax16 = 0xFFFF;
constexpr uint64_t kUtf8 = 0x0800;
constexpr uint64_t kDate = 0x0021;  // 1980-01-01
constexpr uint64_t kUnix = 3 << 8;

struct Bytes {
  std::string out;
  Bytes& put(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 255));
    return *this;
  }
  Bytes& u16(uint64_t v) { return put(v, 2); }
  Bytes& u32(uint64_t v) { return put(v, 4); }
  Bytes& u64(uint64_t v) { return put(v, 8); }
};

std::string central_header(const ZipEntry& entry, uint32_t crc) {
  const bool big_size = entry.size >= kMax32, big_offset = entry.header >= kMax32;
  const uint64_t size = std::min(entry.size, kMax32);
  const uint64_t extra = (big_size ? 16 : 0) + (big_offset ? 8 : 0);
  const uint64_t version = extra ? 45 : 20;
  Bytes b;
  b.u32(0x02014B50).u16(version | kUnix).u16(version).u16(kUtf8).u16(0).u16(0).u16(kDate);
  b.u32(crc).u32(size).u32(size).u16(entry.name.size()).u16(extra ? extra + 4 : 0).u16(0).u16(0).u16(0);
  b.u32(uint64_t{0100644} << 16).u32(std::min(entry.header, kMax32));
  b.out += entry.name;
  if (extra) b.u16(1).u16(extra);
  if (big_size) b.u64(entry.size).u64(entry.size);
  if (big_offset) b.u64(entry.header);
  return b.out;
}

std::string end_record(uint64_t count, uint64_t size, uint64_t offset) {
  Bytes b;
  if (count >= kMax16 || size >= kMax32 || offset >= kMax32) {
    b.u32(0x06064B50).u64(44).u16(45 | kUnix).u16(45).u32(0).u32(0).u64(count).u64(count).u64(size).u64(offset);
    b.u32(0x07064B50).u32(0).u64(offset + size).u32(1);
  }
  const uint64_t shown = std::min(count, kMax16);
  b.u32(0x06054B50).u16(0).u16(0).u16(shown).u16(shown).u32(std::min(size, kMax32)).u32(std::min(offset, kMax32)).u16(0);
  return b.out;
}

}  // namespace

ZipLayout zip_layout(std::vector<ZipEntry> entries) {
  uint64_t offset = 0;
  for (ZipEntry& entry : entries) {
    entry.header = offset;
    entry.data = offset + 30 + entry.name.size() + (entry.size >= kMax32 ? 20 : 0);
    offset = entry.data + entry.size;
  }
  return {std::move(entries), offset};
}

std::string zip_local_header(const ZipEntry& entry, uint32_t crc) {
  const bool big = entry.size >= kMax32;
  const uint64_t size = std::min(entry.size, kMax32);
  Bytes b;
  b.u32(0x04034B50).u16(big ? 45 : 20).u16(kUtf8).u16(0).u16(0).u16(kDate).u32(crc).u32(size).u32(size);
  b.u16(entry.name.size()).u16(big ? 20 : 0);
  b.out += entry.name;
  if (big) b.u16(1).u16(16).u64(entry.size).u64(entry.size);
  return b.out;
}

std::string zip_directory(const ZipLayout& layout, const std::vector<uint32_t>& crcs) {
  std::string out;
  for (size_t i = 0; i < layout.entries.size(); ++i) out += central_header(layout.entries[i], crcs[i]);
  return out + end_record(layout.entries.size(), out.size(), layout.directory);
}

std::string zip_folder_name(const std::string& name) {
  std::string clean = name;
  for (const char* ending : {".zip", ".pb"}) {
    const size_t length = std::string(ending).size();
    auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    if (clean.size() >= length && std::equal(clean.end() - static_cast<long>(length), clean.end(), ending, same)) {
      clean.resize(clean.size() - length);
      break;
    }
  }
  for (char& c : clean) {
    if (std::string("\\/:*?\"<>|").find(c) != std::string::npos || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  clean.erase(0, std::min(clean.find_first_not_of('.'), clean.size()));
  clean.erase(clean.find_last_not_of(". ") + 1);
  return clean.empty() ? "model" : clean;
}

}  // namespace whittle
