#include "whittle/crc32c.h"

#include <gtest/gtest.h>

#include "support/bytes.h"
#include "support/random.h"
#include "whittle/crc32.h"

namespace whittle {
namespace {

uint32_t bitwise(uint32_t polynomial, uint32_t crc, std::span<const uint8_t> bytes) {
  crc = ~crc;
  for (const uint8_t b : bytes) {
    crc ^= b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
  }
  return ~crc;
}

TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c_mask(0xe3069283u), 0xc78ab0e5u);
  const std::vector<uint8_t> zeros(32, 0);
  EXPECT_EQ(crc32c(zeros), 0x8a9136aau);
  EXPECT_EQ(crc32c_mask(crc32c(zeros)), 0x0fd7fffau);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c_mask(0), 0xa282ead8u);
  const float one = 1.0f;
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(&one), 4);
  EXPECT_EQ(crc32c(bytes), 0xdd54c4abu);
  EXPECT_EQ(crc32c_mask(crc32c(bytes)), 0x2bdaa581u);
}

TEST(Crc32c, UnmasksWhatItMasks) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    const uint32_t crc = static_cast<uint32_t>(random.next());
    EXPECT_EQ(crc32c_unmask(crc32c_mask(crc)), crc);
  }
}

// Around every length where the method changes: the table's 16, the relation's start at three times
// its span, whole and broken blocks.
TEST(Crcs, AgreeWithTheBitwiseDefinition) {
  Random random(4);
  const std::vector<uint8_t> bytes = random.bytes(90000);
  const auto check = [&](size_t offset, size_t length, uint32_t seed) {
    const std::span<const uint8_t> part(bytes.data() + offset, length);
    ASSERT_EQ(crc32c_extend(seed, part), bitwise(0x82f63b78u, seed, part))
        << offset << " " << length << " " << seed;
    ASSERT_EQ(crc32(seed, part), bitwise(0xedb88320u, seed, part))
        << offset << " " << length << " " << seed;
  };
  for (size_t length = 0; length < 80; ++length) check(length % 7, length, 0);
  for (int i = 0; i < 2500; ++i) {
    check(random.below(64), random.below(2000), static_cast<uint32_t>(random.next()));
  }
  for (int i = 0; i < 500; ++i) {
    check(random.below(64), 11900 + random.below(9000), static_cast<uint32_t>(random.next()));
  }
  for (int i = 0; i < 120; ++i) {
    check(random.below(64), 11900 + random.below(78000), static_cast<uint32_t>(random.next()));
  }
}

TEST(Crcs, CombineToThatOfTheWhole) {
  Random random(5);
  const std::vector<uint8_t> bytes = random.bytes(50000);
  const std::span<const uint8_t> whole(bytes);
  for (int i = 0; i < 300; ++i) {
    const size_t cut = random.below(bytes.size() + 1);
    const std::span<const uint8_t> a = whole.first(cut), b = whole.subspan(cut);
    ASSERT_EQ(crc32c_combine(crc32c(a), crc32c(b), b.size()), crc32c(whole)) << cut;
    ASSERT_EQ(crc32c_extend(crc32c(a), b), crc32c(whole)) << cut;
    ASSERT_EQ(crc32_combine(crc32(0, a), crc32(0, b), b.size()), crc32(0, whole)) << cut;
  }
}

TEST(Crcs, CombineBeyondFourGigabytes) {
  // 2^33 zero bytes, doubled up from one block.
  const std::vector<uint8_t> block(4096, 0);
  uint32_t zeros = crc32c(block);
  uint64_t length = block.size();
  for (; length < uint64_t{1} << 33; length *= 2) zeros = crc32c_combine(zeros, zeros, length);
  const uint32_t head = crc32c(bytes_of("head"));
  const uint32_t joined = crc32c_combine(head, zeros, length);
  uint32_t halves = crc32c(block);
  for (uint64_t n = block.size(); n < length / 2; n *= 2) halves = crc32c_combine(halves, halves, n);
  EXPECT_EQ(joined, crc32c_combine(crc32c_combine(head, halves, length / 2), halves, length / 2));
}

}  // namespace
}  // namespace whittle
