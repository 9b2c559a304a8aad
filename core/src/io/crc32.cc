#include "whittle/crc32.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace whittle {
namespace {

constexpr uint32_t kPolynomial = 0xEDB88320u;  // reflected

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? kPolynomial : 0);
    t[0][i] = c;
  }
  for (uint32_t i = 0; i < 256; ++i) {
    for (size_t k = 1; k < 8; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 255];
  }
  return t;
}
constexpr Tables kTables = make_tables();

// a * b modulo the polynomial; bit 31 is x^0.
uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ ((b & 1) ? kPolynomial : 0);
  }
  return product;
}

}  // namespace

uint32_t crc32(uint32_t crc, std::span<const uint8_t> bytes) {
  const uint8_t* p = bytes.data();
  size_t n = bytes.size();
  uint32_t c = ~crc;
  for (; n >= 8; p += 8, n -= 8) {
    uint32_t lo, hi;
    std::memcpy(&lo, p, 4);
    std::memcpy(&hi, p + 4, 4);
    lo ^= c;
    c = kTables[7][lo & 255] ^ kTables[6][(lo >> 8) & 255] ^ kTables[5][(lo >> 16) & 255] ^ kTables[4][lo >> 24] ^
        kTables[3][hi & 255] ^ kTables[2][(hi >> 8) & 255] ^ kTables[1][(hi >> 16) & 255] ^ kTables[0][hi >> 24];
  }
  for (; n > 0; ++p, --n) c = (c >> 8) ^ kTables[0][(c ^ *p) & 255];
  return ~c;
}

uint32_t crc32_combine(uint32_t first, uint32_t second, uint64_t second_size) {
  // Appending n bytes multiplies the remainder by x^(8n): square and multiply.
  uint32_t power = 0x80000000u >> 8;  // x^8
  uint32_t factor = 0x80000000u;      // x^0
  for (uint64_t n = second_size; n != 0; n >>= 1) {
    if (n & 1) factor = multiply(factor, power);
    power = multiply(power, power);
  }
  return multiply(first, factor) ^ second;
}

}  // namespace whittle
