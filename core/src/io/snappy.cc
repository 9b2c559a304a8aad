#include "whittle/snappy.h"

#include <cstring>

#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle {
namespace {

// A copy with a 2-byte offset: 64 bytes of output from 3 of input; nothing is denser.
constexpr uint64_t kDensestOutput = 64;
constexpr uint64_t kDensestInput = 3;

Error cut_off(size_t at) { return corrupt(cat("snappy block is cut off at its byte ", at)); }

uint32_t little_endian(const uint8_t* p, size_t n) {
  uint32_t value = 0;
  for (size_t i = n; i-- > 0;) value = (value << 8) | p[i];
  return value;
}

}  // namespace

Result<std::shared_ptr<Buffer>> snappy_decompress(std::span<const uint8_t> block,
                                                  uint64_t max_size) {
  uint64_t size = 0;
  size_t at = decode_varint(block, &size);
  if (at == 0 || at > 5 || size > UINT32_MAX) {
    return corrupt("snappy block does not start with its length");
  }
  if (size > (block.size() / kDensestInput + 1) * kDensestOutput) {
    return corrupt(cat("snappy block of ", block.size(), " bytes claims to hold ", size));
  }
  if (size > max_size) {
    return over_limit(cat("snappy block holds ", size, " bytes, more than ", max_size));
  }
  WHITTLE_ASSIGN(std::shared_ptr<Buffer> buffer, Buffer::make(size));
  uint8_t* const out = buffer->data();
  size_t made = 0;
  while (at < block.size()) {
    const uint8_t tag = block[at++];
    const size_t room = buffer->size() - made;
    const size_t left = block.size() - at;
    if ((tag & 3) == 0) {
      uint64_t length = uint64_t{1} + (tag >> 2);
      if (length > 60) {  // 61..64: the length - 1 follows in 1..4 bytes
        const size_t n = static_cast<size_t>(length - 60);
        if (left < n) return cut_off(at);
        length = uint64_t{little_endian(&block[at], n)} + 1;
        at += n;
      }
      if (length > block.size() - at) return cut_off(at);
      if (length > room) return corrupt("snappy block holds more than it states");
      std::memcpy(out + made, block.data() + at, static_cast<size_t>(length));
      at += static_cast<size_t>(length);
      made += static_cast<size_t>(length);
      continue;
    }
    const size_t offset_bytes = (tag & 3) == 3 ? 4 : (tag & 3);
    if (left < offset_bytes) return cut_off(at);
    size_t length = (tag >> 2) + size_t{1};
    size_t offset = little_endian(&block[at], offset_bytes);
    if ((tag & 3) == 1) {
      length = 4 + ((tag >> 2) & 7u);
      offset |= static_cast<size_t>(tag >> 5) << 8;
    }
    at += offset_bytes;
    if (offset == 0 || offset > made) {
      return corrupt(cat("snappy copy from ", offset, " bytes back of ", made, " made"));
    }
    if (length > room) return corrupt("snappy block holds more than it states");
    // Byte by byte: a copy may overlap what it makes (offset < length repeats a pattern).
    for (size_t i = 0; i < length; ++i) out[made + i] = out[made + i - offset];
    made += length;
  }
  if (made != buffer->size()) {
    return corrupt(cat("snappy block holds ", made, " bytes, not the ", size, " it states"));
  }
  return buffer;
}

}  // namespace whittle
