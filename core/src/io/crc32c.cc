#include "whittle/crc32c.h"

#include "crc_engine.h"

namespace whittle {
namespace {

// x^5424 + x^4146 + x^3859 + 1 is a multiple of the polynomial.
using Engine = CrcEngine<0x82f63b78u, 1278, 1565, 5424>;

}  // namespace

uint32_t crc32c_extend(uint32_t crc, std::span<const uint8_t> bytes) {
  return Engine::extend(crc, bytes);
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  return Engine::combine(crc_a, crc_b, length_b);
}

}  // namespace whittle
