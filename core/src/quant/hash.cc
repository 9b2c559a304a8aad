#include "hash.h"

#include <cstring>

namespace whittle::quant {
namespace {

uint64_t read64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

// Both halves of the 128-bit product, folded. By 32-bit parts: wasm has no wider multiplication.
uint64_t fold_product(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  const uint64_t low = a0 * b0;
  const uint64_t mid = a1 * b0 + (low >> 32);
  const uint64_t cross = a0 * b1 + (mid & 0xffffffffu);
  const uint64_t high = a1 * b1 + (mid >> 32) + (cross >> 32);
  return ((cross << 32) | (low & 0xffffffffu)) ^ high;
}

uint64_t avalanche(uint64_t x) {
  x ^= x >> 32;
  x *= kHashOdd;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9u;
  return x ^ (x >> 32);
}

void add_stripe(uint64_t lanes[kHashLanes], const uint8_t* p, size_t stripe) {
  for (size_t i = 0; i < kHashLanes; ++i) {
    const uint64_t k = read64(p + 8 * i) ^ kHashKeys[stripe + i];
    lanes[i] += (k & 0xffffffffu) * (k >> 32) + read64(p + 8 * (i ^ 1));
  }
}

}  // namespace

// splitmix64 of 1, 2, 3, …: numbers with nothing up their sleeve.
const uint64_t kHashKeys[kHashStripes + kHashLanes] = {
    0xe220a8397b1dcdafu, 0x6e789e6aa1b965f4u, 0x06c45d188009454fu, 0xf88bb8a8724c81ecu,
    0x1b39896a51a8749bu, 0x53cb9f0c747ea2eau, 0x2c829abe1f4532e1u, 0xc584133ac916ab3cu,
    0x3ee5789041c98ac3u, 0xf3b8488c368cb0a6u, 0x657eecdd3cb13d09u, 0xc2d326e0055bdef6u,
    0x8621a03fe0bbdb7bu, 0x8e1f7555983aa92fu, 0xb54e0f1600cc4d19u, 0x84bb3f97971d80abu,
    0x7d29825c75521255u, 0xc3cf17102b7f7f86u, 0x3466e9a083914f64u, 0xd81a8d2b5a4485acu,
    0xdb01602b100b9ed7u, 0xa9038a921825f10du, 0xedf5f1d90dca2f6au, 0x54496ad67bd2634cu,
};

Hasher::Hasher(const Kernels& k) : kernels_(&k) {
  for (size_t i = 0; i < kHashLanes; ++i) lanes_[i] = avalanche(kHashKeys[i]);
}

void Hasher::add(const uint8_t* bytes, size_t n) {
  if (n == 0) return;
  const size_t held = static_cast<size_t>(total_ % kHashBlock);
  total_ += n;
  if (held > 0) {
    const size_t taken = n < kHashBlock - held ? n : kHashBlock - held;
    std::memcpy(pending_ + held, bytes, taken);
    if (held + taken < kHashBlock) return;
    kernels_->hash_blocks(lanes_, pending_, 1);
    bytes += taken;
    n -= taken;
  }
  const size_t blocks = n / kHashBlock;
  if (blocks > 0) kernels_->hash_blocks(lanes_, bytes, blocks);
  std::memcpy(pending_, bytes + blocks * kHashBlock, n % kHashBlock);
}

Hash128 Hasher::finish() const {
  uint64_t lanes[kHashLanes];
  std::memcpy(lanes, lanes_, sizeof(lanes));
  const size_t held = static_cast<size_t>(total_ % kHashBlock);
  size_t stripe = 0;
  for (; (stripe + 1) * kHashStripe <= held; ++stripe) {
    add_stripe(lanes, pending_ + stripe * kHashStripe, stripe);
  }
  if (stripe * kHashStripe < held) {
    uint8_t last[kHashStripe] = {};
    std::memcpy(last, pending_ + stripe * kHashStripe, held - stripe * kHashStripe);
    add_stripe(lanes, last, stripe);
  }
  hash_stir(lanes);

  Hash128 h;
  h.lo = total_ * kHashOdd;
  h.hi = ~total_ * 0xbf58476d1ce4e5b9u;
  for (size_t i = 0; i < kHashLanes; i += 2) {
    h.lo += fold_product(lanes[i] ^ kHashKeys[i + 3], lanes[i + 1] ^ kHashKeys[i + 4]);
    h.hi += fold_product(lanes[i] ^ kHashKeys[i + 12], lanes[i + 1] ^ kHashKeys[i + 13]);
  }
  h.lo = avalanche(h.lo);
  h.hi = avalanche(h.hi);
  return h;
}

}  // namespace whittle::quant
