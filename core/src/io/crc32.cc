#include "whittle/crc32.h"

#include "crc_engine.h"

namespace whittle {
namespace {

// x^4018 + x^2091 + x^1837 + 1 is a multiple of the polynomial. (The shortest such relation has the
// delays 140, 791, 3006; 140 bytes back is still in the store buffer, which costs more.)
using Engine = CrcEngine<0xedb88320u, 1927, 2181, 4018>;

}  // namespace

uint32_t crc32(uint32_t crc, std::span<const uint8_t> bytes) { return Engine::extend(crc, bytes); }

uint32_t crc32_combine(uint32_t first, uint32_t second, uint64_t second_size) {
  return Engine::combine(first, second, second_size);
}

}  // namespace whittle
