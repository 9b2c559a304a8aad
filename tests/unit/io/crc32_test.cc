#include "whittle/crc32.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace whittle {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(Crc32, GivesTheCheckValueOfItsDefinition) { EXPECT_EQ(crc32(0, bytes_of("123456789")), 0xCBF43926u); }

TEST(Crc32, OfNothingIsZero) { EXPECT_EQ(crc32(0, {}), 0u); }

TEST(Crc32, OfPiecesIsThatOfTheWholeWhereverItIsCut) {
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 31 + (i >> 3));
  const uint32_t whole = crc32(0, bytes);
  for (size_t cut : {0, 1, 7, 8, 9, 255, 256, 999, 1000}) {
    std::span<const uint8_t> a(bytes.data(), cut), b(bytes.data() + cut, bytes.size() - cut);
    EXPECT_EQ(crc32(crc32(0, a), b), whole) << cut;
    EXPECT_EQ(crc32_combine(crc32(0, a), crc32(0, b), b.size()), whole) << cut;
  }
}

}  // namespace
}  // namespace whittle
