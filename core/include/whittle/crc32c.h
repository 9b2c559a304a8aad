// crc32c.h: CRC-32C (Castagnoli), the checksum of TensorBundle, and its masking.
//
//   crc32c("123456789") == 0xe3069283; crc32c("") == 0
//   crc32c_extend(crc32c(A), B) == crc32c(A followed by B)
//   crc32c_combine(crc32c(A), crc32c(B), |B|) == crc32c(A followed by B)
//
// Bundles store mask(crc), so that the checksum of bytes that hold a checksum stays a good one.
// Speed: see crc_engine.h; long pushes (64 KiB and more) are the fast ones.
#ifndef WHITTLE_CRC32C_H_
#define WHITTLE_CRC32C_H_

#include <cstdint>
#include <span>

namespace whittle {

uint32_t crc32c_extend(uint32_t crc, std::span<const uint8_t> bytes);
inline uint32_t crc32c(std::span<const uint8_t> bytes) { return crc32c_extend(0, bytes); }
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

inline uint32_t crc32c_mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }
inline uint32_t crc32c_unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace whittle

#endif  // WHITTLE_CRC32C_H_
