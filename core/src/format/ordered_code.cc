#include "ordered_code.h"

namespace whittle::format {
namespace {

int bit_length(uint64_t value) {
  int n = 0;
  for (; value != 0; value >>= 1) ++n;
  return n;
}

// n significant bytes of value, most significant first; n may be above 8 (sign extension).
std::string big_endian(int64_t value, size_t n) {
  std::string bytes(n, value < 0 ? '\xff' : '\0');
  for (size_t i = 0; i < n && i < 8; ++i) {
    bytes[n - 1 - i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
  return bytes;
}

}  // namespace

void append_num(std::string& out, uint64_t value) {
  const size_t n = static_cast<size_t>(bit_length(value) + 7) / 8;
  out.push_back(static_cast<char>(n));
  out += big_endian(static_cast<int64_t>(value), n);
}

void append_string(std::string& out, std::string_view value) {
  for (const char c : value) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
    if (c == '\xff') out.push_back('\0');
  }
  out.push_back('\0');
  out.push_back('\1');
}

void append_signed_num(std::string& out, int64_t value) {
  const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  if (magnitude < 64) {
    out.push_back(static_cast<char>(0x80 ^ (value & 0xff)));
    return;
  }
  // The number of leading ones of the first two bytes (zeros below 0) is the length.
  const size_t length = 1 + static_cast<size_t>(bit_length(magnitude)) / 7;
  std::string bytes = big_endian(value, length);
  const uint32_t header = (0xffffu << (16 - length)) & 0xffffu;
  bytes[0] = static_cast<char>(bytes[0] ^ static_cast<char>(header >> 8));
  bytes[1] = static_cast<char>(bytes[1] ^ static_cast<char>(header & 0xff));
  out += bytes;
}

std::string piece_key(std::string_view name, std::span<const SliceExtent> extents) {
  std::string key;
  append_num(key, 0);
  append_string(key, name);
  append_num(key, extents.size());
  for (const SliceExtent& extent : extents) {
    append_signed_num(key, extent.start);
    append_signed_num(key, extent.length);
  }
  return key;
}

}  // namespace whittle::format
