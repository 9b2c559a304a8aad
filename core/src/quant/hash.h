// hash.h: the 128-bit content hash: is this the same tensor?
//
// Not cryptographic: equal hashes are candidates, and what merges tensors compares their bytes (the
// compare job). Deterministic, the same on every target, and independent of how the bytes are cut.
//
//   eight 64-bit lanes start from constants
//   the bytes are stripes of 64, sixteen stripes a block of 1024; per stripe j of its block and
//   lane i, with d = bytes 8i..8i+7 as a little-endian number:
//       k = d ^ key[j + i];   lane[i] += low32(k) * high32(k) + (d of lane i ^ 1)
//   after each block, so that blocks do not commute:
//       lane[i] = (lane[i] ^ lane[i] >> 47 ^ key[16 + i % 8]) * odd constant
//   the last, partial block runs its whole stripes, then one stripe padded with zeros
//   each half of the result folds the lanes and the length through 64 x 64 -> 128 bit products
//
// The product depends on both halves of the data at once and costs one instruction for two lanes;
// adding the neighbour's data keeps what a product by zero would lose (the design of XXH3, with
// keys and finish of our own).
#ifndef WHITTLE_QUANT_HASH_H_
#define WHITTLE_QUANT_HASH_H_

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "whittle/job.h"

namespace whittle::quant {

constexpr size_t kHashStripe = 64;
constexpr size_t kHashStripes = kHashBlock / kHashStripe;
constexpr uint64_t kHashOdd = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio
extern const uint64_t kHashKeys[kHashStripes + kHashLanes];

[[gnu::always_inline]] inline void hash_stir(uint64_t lanes[kHashLanes]) {
  for (size_t i = 0; i < kHashLanes; ++i) {
    lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ kHashKeys[kHashStripes + i]) * kHashOdd;
  }
}

class Hasher {
 public:
  // The back end is for tests; results do not depend on it.
  explicit Hasher(const Kernels& k = kernels());

  void add(const uint8_t* bytes, size_t n);
  Hash128 finish() const;

 private:
  const Kernels* kernels_;
  uint64_t lanes_[kHashLanes];
  uint64_t total_ = 0;
  uint8_t pending_[kHashBlock];  // total_ % kHashBlock bytes of a block that is not full
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_HASH_H_
