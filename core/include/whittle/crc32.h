// crc32.h: CRC-32 as zip states it (polynomial 0x04C11DB7, reflected), and the checksum of two pieces put together.
//
//   crc32(crc32(0, a), b) == crc32(0, a + b) == crc32_combine(crc32(0, a), crc32(0, b), b.size())
#ifndef WHITTLE_CRC32_H_
#define WHITTLE_CRC32_H_

#include <cstdint>
#include <span>

namespace whittle {

uint32_t crc32(uint32_t crc, std::span<const uint8_t> bytes);
uint32_t crc32_combine(uint32_t first, uint32_t second, uint64_t second_size);

}  // namespace whittle

#endif  // WHITTLE_CRC32_H_
