// crc_engine.h: a reflected 32-bit CRC without carry-less multiply, at memory-like speed.
//
// Adding a multiple of the polynomial P to a message leaves its CRC as it is. P has multiples of
// only four terms, x^d3 + x^(d3-d1) + x^(d3-d2) + 1; squaring keeps such a relation true, so it also
// holds with x^8 for x, in bytes. Removing byte after byte of the message by adding such multiples is
//
//   s[i] = m[i] ^ s[i-d1] ^ s[i-d2] ^ s[i-d3]
//
// which depends on nothing nearer than d1 bytes: it runs in vectors of any width. What is left of
// the message are its last d3 bytes, changed; those go through a table.
//
//   message   [ ............ removed, `cut` bytes ........... | .. tail, at least d3 bytes .. ]
//   ring      [ history: the last d3 of s | s of this block ]   slides over the removed part
//
// Vectors are the compiler's own (GCC and clang), so SSE2, AVX2, NEON and wasm SIMD share this code
// and a target without vectors gets words. The delays come from a search of all relations with
// d3 < 9000, taking a short d3 whose d1 is far from the stores just made (measured in wasm and native:
// 0.5 of memcpy; blocks of 16 KB, so that ring and message fit the L1 cache, beat 8, 32 and 64 KB).
#ifndef WHITTLE_IO_CRC_ENGINE_H_
#define WHITTLE_IO_CRC_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace whittle {

template <uint32_t kReflectedPolynomial, size_t kD1, size_t kD2, size_t kD3>
class CrcEngine {
 public:
  static uint32_t extend(uint32_t crc, std::span<const uint8_t> bytes) {
    const uint32_t state = ~crc;
    return ~(bytes.size() < kSparseFrom ? by_table(state, bytes.data(), bytes.size())
                                        : by_relation(state, bytes.data(), bytes.size()));
  }

  static uint32_t combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
    // crc(A, B) = crc(A) * x^(8 |B|) + crc(B); the inversions at both ends cancel.
    uint32_t power = kOne >> 8;  // x^8
    uint32_t factor = kOne;
    for (; length_b != 0; length_b >>= 1) {
      if ((length_b & 1) != 0) factor = multiply(factor, power);
      power = multiply(power, power);
    }
    return multiply(crc_a, factor) ^ crc_b;
  }

 private:
  typedef uint8_t Vector __attribute__((vector_size(16)));
  static constexpr size_t kStep = 4 * sizeof(Vector);
  static constexpr size_t kBlock = 16384;
  static constexpr size_t kHistory = (kD3 + kStep - 1) / kStep * kStep;
  static constexpr size_t kSparseFrom = 3 * kD3;
  static constexpr uint32_t kOne = 0x80000000u;  // the polynomial 1: reflected, bit 31 is x^0
  static_assert(kD1 >= kStep && kD1 < kD2 && kD2 < kD3);

  struct Tables {
    uint32_t at[16][256];
    Tables() {
      for (uint32_t i = 0; i < 256; ++i) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? kReflectedPolynomial : 0);
        at[0][i] = c;
      }
      for (size_t t = 1; t < 16; ++t) {
        for (size_t i = 0; i < 256; ++i) {
          at[t][i] = (at[t - 1][i] >> 8) ^ at[0][at[t - 1][i] & 0xff];
        }
      }
    }
  };

  static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
      if ((a & bit) != 0) product ^= b;
      b = (b >> 1) ^ ((b & 1) != 0 ? kReflectedPolynomial : 0);
    }
    return product;
  }

  static uint32_t word(const uint8_t* p) {
    uint32_t w;
    std::memcpy(&w, p, 4);  // little-endian hosts only, like all of the core
    return w;
  }

  // Slicing by 16. Built on first use: 16 KB of tables would not compress in the module.
  static uint32_t by_table(uint32_t state, const uint8_t* p, size_t n) {
    static const Tables tables;
    const auto& t = tables.at;
    for (; n >= 16; p += 16, n -= 16) {
      const uint32_t w[4] = {word(p) ^ state, word(p + 4), word(p + 8), word(p + 12)};
      state = 0;
      for (size_t i = 0; i < 4; ++i) {
        state ^= t[15 - 4 * i][w[i] & 0xff] ^ t[14 - 4 * i][(w[i] >> 8) & 0xff] ^
                 t[13 - 4 * i][(w[i] >> 16) & 0xff] ^ t[12 - 4 * i][w[i] >> 24];
      }
    }
    for (; n > 0; ++p, --n) state = (state >> 8) ^ t[0][(state ^ *p) & 0xff];
    return state;
  }

  static Vector load(const uint8_t* p) {
    Vector v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  static void store(uint8_t* p, Vector v) { std::memcpy(p, &v, sizeof(v)); }

  static uint32_t by_relation(uint32_t state, const uint8_t* message, size_t n) {
    alignas(64) uint8_t ring[kHistory + kBlock];
    std::memset(ring, 0, kHistory);
    uint8_t* const s = ring + kHistory;
    const size_t cut = (n - kD3) / kStep * kStep;
    size_t last = 0;  // bytes of s that the last block made
    for (size_t begin = 0; begin < cut; begin += last) {
      // Never overlaps: a block but the last is kBlock long, and kBlock > kHistory.
      if (begin > 0) std::memcpy(ring, s + last - kHistory, kHistory);
      last = cut - begin < kBlock ? cut - begin : kBlock;
      const uint8_t* m = message + begin;
      size_t i = 0;
      if (begin == 0) {  // the state so far is added to the first four bytes
        uint8_t first[kStep];
        std::memcpy(first, m, kStep);
        const uint32_t mixed = word(first) ^ state;
        std::memcpy(first, &mixed, 4);
        remove(s, first);
        i = kStep;
      }
      for (; i < last; i += kStep) remove(s + i, m + i);
    }
    uint8_t tail[kD3 + kStep];
    const size_t left = n - cut;
    std::memcpy(tail, message + cut, left);
    const uint8_t* const end = s + last;
    for (size_t j = 0; j < kD1; ++j) tail[j] ^= end[static_cast<ptrdiff_t>(j) - ptrdiff_t{kD1}];
    for (size_t j = 0; j < kD2; ++j) tail[j] ^= end[static_cast<ptrdiff_t>(j) - ptrdiff_t{kD2}];
    for (size_t j = 0; j < kD3; ++j) tail[j] ^= end[static_cast<ptrdiff_t>(j) - ptrdiff_t{kD3}];
    return by_table(0, tail, left);
  }

  // One step of the recurrence: kStep bytes of message at m, their s at s.
  static void remove(uint8_t* s, const uint8_t* m) {
    for (size_t k = 0; k < kStep; k += sizeof(Vector)) {
      store(s + k, load(m + k) ^ load(s + k - kD1) ^ load(s + k - kD2) ^ load(s + k - kD3));
    }
  }
};

}  // namespace whittle

#endif  // WHITTLE_IO_CRC_ENGINE_H_
