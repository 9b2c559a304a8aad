#include "bundle_strings.h"

#include <algorithm>

#include "whittle/crc32c.h"
#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::format {
namespace {

constexpr size_t kChecksumSize = 4;

uint32_t extend_by_number(uint32_t crc, uint64_t value, size_t size, bool big_endian) {
  uint8_t bytes[8];
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
  if (big_endian) std::reverse(bytes, bytes + size);
  return crc32c_extend(crc, {bytes, size});
}

uint32_t read_number(const uint8_t* p, bool big_endian) {
  uint32_t value = 0;
  for (size_t i = 0; i < kChecksumSize; ++i) {
    value = (value << 8) | p[big_endian ? i : kChecksumSize - 1 - i];
  }
  return value;
}

}  // namespace

Result<std::vector<std::string>> parse_strings(std::span<const uint8_t> bytes, uint64_t count,
                                               uint32_t crc32c, bool big_endian) {
  if (count > bytes.size()) {  // a length takes at least one byte
    return corrupt(cat(count, " strings in ", bytes.size(), " bytes"));
  }
  std::vector<uint64_t> lengths(static_cast<size_t>(count));
  size_t at = 0;
  uint32_t crc = 0;
  for (uint64_t& length : lengths) {
    const size_t n = decode_varint(bytes.subspan(at), &length);
    if (n == 0) return corrupt("a broken length of a string");
    at += n;
    crc = extend_by_number(crc, length, length > UINT32_MAX ? 8 : 4, big_endian);
  }
  if (bytes.size() - at < kChecksumSize) return corrupt("the lengths of the strings are cut off");
  if (crc32c_unmask(read_number(&bytes[at], big_endian)) != crc) {
    return corrupt("the checksum of the lengths of the strings is wrong");
  }
  if (crc32c_extend(crc, bytes.subspan(at)) != crc32c) {
    return corrupt("the checksum of the values is wrong");
  }
  at += kChecksumSize;
  std::vector<std::string> strings;
  strings.reserve(lengths.size());
  for (const uint64_t length : lengths) {
    if (length > bytes.size() - at) return corrupt("a string reaches beyond its tensor");
    strings.emplace_back(reinterpret_cast<const char*>(bytes.data()) + at, static_cast<size_t>(length));
    at += static_cast<size_t>(length);
  }
  if (at != bytes.size()) return corrupt(cat(bytes.size() - at, " bytes after the last string"));
  return strings;
}

}  // namespace whittle::format
