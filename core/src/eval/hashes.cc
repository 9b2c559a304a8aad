#include "hashes.h"

#include <cstring>
#include <utility>

namespace whittle::eval {
namespace {

constexpr uint64_t k0 = 0xc3a5c85c97cb3127u, k1 = 0xb492b66fbe98f273u, k2 = 0x9ae16a3b2f90404fu;

uint64_t load64(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}
uint64_t load32(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}
uint64_t rotate(uint64_t v, int bits) { return bits == 0 ? v : v >> bits | v << (64 - bits); }
uint64_t shift_mix(uint64_t v) { return v ^ v >> 47; }

uint64_t mix16(uint64_t u, uint64_t v, uint64_t mul) {
  uint64_t a = (u ^ v) * mul;
  a ^= a >> 47;
  uint64_t b = (v ^ a) * mul;
  b ^= b >> 47;
  return b * mul;
}

uint64_t up_to_16(const char* s, size_t n) {
  const uint64_t mul = k2 + n * 2;
  if (n >= 8) {
    const uint64_t a = load64(s) + k2, b = load64(s + n - 8);
    return mix16(rotate(b, 37) * mul + a, (rotate(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return mix16(n + (load32(s) << 3), load32(s + n - 4), mul);
  if (n == 0) return k2;
  const uint32_t a = static_cast<uint8_t>(s[0]), b = static_cast<uint8_t>(s[n >> 1]),
                 c = static_cast<uint8_t>(s[n - 1]);
  const uint32_t y = a + (b << 8), z = static_cast<uint32_t>(n) + (c << 2);
  return shift_mix(y * k2 ^ z * k0) * k2;
}

uint64_t up_to_32(const char* s, size_t n) {
  const uint64_t mul = k2 + n * 2;
  const uint64_t a = load64(s) * k1, b = load64(s + 8), c = load64(s + n - 8) * mul,
                 d = load64(s + n - 16) * k2;
  return mix16(rotate(a + b, 43) + rotate(c, 30) + d, a + rotate(b + k2, 18) + c, mul);
}

uint64_t up_to_64(const char* s, size_t n) {
  const uint64_t mul = k2 + n * 2;
  const uint64_t a = load64(s) * k2, b = load64(s + 8), c = load64(s + n - 8) * mul,
                 d = load64(s + n - 16) * k2;
  const uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d;
  const uint64_t z = mix16(y, a + rotate(b + k2, 18) + c, mul);
  const uint64_t e = load64(s + 16) * mul, f = load64(s + 24);
  const uint64_t g = (y + load64(s + n - 32)) * mul, h = (z + load64(s + n - 24)) * mul;
  return mix16(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g, mul);
}

using Pair = std::pair<uint64_t, uint64_t>;

Pair weak32(const char* s, uint64_t a, uint64_t b) {
  const uint64_t w = load64(s), x = load64(s + 8), y = load64(s + 16), z = load64(s + 24);
  a += w;
  b = rotate(b + a + z, 21);
  const uint64_t c = a;
  a += x;
  a += y;
  b += rotate(a, 44);
  return {a + z, b + c};
}

}  // namespace

uint64_t fingerprint64(std::string_view text) {
  const char* s = text.data();
  const size_t n = text.size();
  if (n <= 16) return up_to_16(s, n);
  if (n <= 32) return up_to_32(s, n);
  if (n <= 64) return up_to_64(s, n);
  uint64_t x = 81, y = 81 * k1 + 113, z = shift_mix(y * k2 + 113) * k2;
  Pair v{0, 0}, w{0, 0};
  x = x * k2 + load64(s);
  const char* end = s + (n - 1) / 64 * 64;
  const char* last = end + ((n - 1) & 63) - 63;
  const auto round = [&](uint64_t mul, bool final) {
    const uint64_t nine = final ? 9 : 1;
    x = rotate(x + y + v.first + load64(s + 8), 37) * mul;
    y = rotate(y + v.second + load64(s + 48), 42) * mul;
    x ^= w.second * nine;
    y += v.first * nine + load64(s + 40);
    z = rotate(z + w.first, 33) * mul;
    v = weak32(s, v.second * mul, x + w.first);
    w = weak32(s + 32, z + w.second, y + load64(s + 16));
    std::swap(z, x);
  };
  do {
    round(k1, false);
    s += 64;
  } while (s != end);
  const uint64_t mul = k1 + ((z & 0xff) << 1);
  s = last;
  w.first += (n - 1) & 63;
  v.first += w.first;
  w.first += v.first;
  round(mul, true);
  return mix16(mix16(v.first, w.first, mul) + shift_mix(y) * k0 + z,
               mix16(v.second, w.second, mul) + x, mul);
}

uint64_t hash64(std::string_view text) {
  constexpr uint64_t kMul = 0xc6a4a7935bd1e995u;
  const char* s = text.data();
  size_t n = text.size();
  uint64_t h = 0xDECAFCAFFEu ^ (n * kMul);
  for (; n >= 8; s += 8, n -= 8) {
    uint64_t k = load64(s) * kMul;
    k ^= k >> 47;
    h = (h ^ k * kMul) * kMul;
  }
  if (n != 0) {
    uint64_t tail = 0;
    for (size_t i = n; i-- > 0;) tail = tail << 8 | static_cast<uint8_t>(s[i]);
    h = (h ^ tail) * kMul;
  }
  h ^= h >> 47;
  h *= kMul;
  h ^= h >> 47;
  return h;
}

uint64_t sip_hash(std::string_view text, uint64_t key0, uint64_t key1) {
  uint64_t v0 = 0x736f6d6570736575u ^ key0, v1 = 0x646f72616e646f6du ^ key1,
           v2 = 0x6c7967656e657261u ^ key0, v3 = 0x7465646279746573u ^ key1;
  const auto left = [](uint64_t v, int bits) { return v << bits | v >> (64 - bits); };
  const auto rounds = [&](int count) {
    while (count-- > 0) {
      v0 += v1;
      v1 = left(v1, 13) ^ v0;
      v0 = left(v0, 32);
      v2 += v3;
      v3 = left(v3, 16) ^ v2;
      v0 += v3;
      v3 = left(v3, 21) ^ v0;
      v2 += v1;
      v1 = left(v1, 17) ^ v2;
      v2 = left(v2, 32);
    }
  };
  const auto take = [&](uint64_t m) {
    v3 ^= m;
    rounds(2);
    v0 ^= m;
  };
  const char* s = text.data();
  size_t n = text.size();
  for (; n >= 8; s += 8, n -= 8) take(load64(s));
  uint64_t last = static_cast<uint64_t>(text.size()) << 56;
  for (size_t i = 0; i < n; ++i) last |= uint64_t{static_cast<uint8_t>(s[i])} << (8 * i);
  take(last);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace whittle::eval
