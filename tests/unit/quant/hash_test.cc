#include "quant/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/random.h"

namespace whittle::quant {
namespace {

Hash128 hash(const std::vector<uint8_t>& bytes) {
  Hasher h;
  h.add(bytes.data(), bytes.size());
  return h.finish();
}

TEST(Hash, DoesNotDependOnHowTheBytesAreCut) {
  Random random(1);
  const std::vector<uint8_t> bytes = random.bytes(10000);
  for (const size_t n : {0u, 1u, 63u, 64u, 65u, 1023u, 1024u, 1025u, 4096u, 10000u}) {
    const std::vector<uint8_t> part(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
    const Hash128 whole = hash(part);
    for (int round = 0; round < 20; ++round) {
      Hasher h;
      for (size_t at = 0; at < n;) {
        const size_t step = std::min<size_t>(n - at, random.below(round < 10 ? 50 : 3000));
        h.add(part.data() + at, step);
        at += step;
      }
      EXPECT_TRUE(h.finish() == whole) << n;
    }
  }
}

TEST(Hash, TellsEveryBitAndEveryLengthApart) {
  std::set<std::pair<uint64_t, uint64_t>> seen;
  size_t hashes = 0;
  const auto add = [&](const std::vector<uint8_t>& bytes) {
    const Hash128 h = hash(bytes);
    seen.insert({h.lo, h.hi});
    ++hashes;
  };
  for (size_t n = 0; n <= 2200; ++n) add(std::vector<uint8_t>(n, 0));
  std::vector<uint8_t> zeros(2100, 0);
  for (size_t bit = 0; bit < zeros.size() * 8; ++bit) {
    zeros[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    add(zeros);
    zeros[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  EXPECT_EQ(seen.size(), hashes);
}

TEST(Hash, HalvesAreIndependent) {
  std::set<uint64_t> low, high;
  std::vector<uint8_t> bytes(256, 0);
  for (int i = 0; i < 2000; ++i) {
    bytes[8] = static_cast<uint8_t>(i);
    bytes[9] = static_cast<uint8_t>(i >> 8);
    const Hash128 h = hash(bytes);
    low.insert(h.lo);
    high.insert(h.hi);
    EXPECT_NE(h.lo, h.hi);
  }
  EXPECT_EQ(low.size(), 2000u);
  EXPECT_EQ(high.size(), 2000u);
}

TEST(Hash, TellsTheOrderOfLanesStripesAndBlocksApart) {
  Random random(2);
  const std::vector<uint8_t> bytes = random.bytes(4096);
  for (const size_t unit : {8u, 16u, 64u, 1024u, 2048u}) {
    std::vector<uint8_t> swapped = bytes;
    std::swap_ranges(swapped.begin(), swapped.begin() + static_cast<ptrdiff_t>(unit),
                     swapped.begin() + static_cast<ptrdiff_t>(unit));
    EXPECT_FALSE(hash(swapped) == hash(bytes)) << unit;
  }
}

}  // namespace
}  // namespace whittle::quant
