#include "whittle/snappy.h"

#include <gtest/gtest.h>

#include "support/bytes.h"
#include "support/random.h"

namespace whittle {
namespace {

std::string unpack(std::string_view block, uint64_t max_size = 1 << 20) {
  Result<std::shared_ptr<Buffer>> out = snappy_decompress(bytes_of(block), max_size);
  if (!out.ok()) return out.error().to_string();
  const std::span<const uint8_t> bytes = (*out)->span();
  return std::string(bytes.begin(), bytes.end());
}

TEST(Snappy, UnpacksLiteralsAndCopies) {
  EXPECT_EQ(unpack(from_hex("00")), "");
  EXPECT_EQ(unpack(from_hex("03 08 616263")), "abc");
  EXPECT_EQ(unpack(from_hex("08 0c 61626364 01 04")), "abcdabcd");          // 1-byte offset
  EXPECT_EQ(unpack(from_hex("07 08 616263 0e 0300")), "abcabca");           // overlap, 2-byte offset
  EXPECT_EQ(unpack(from_hex("05 00 7a 0f 01000000")), "zzzzz");             // offset 1, 4-byte offset
  EXPECT_EQ(unpack(from_hex("3d f0 3c") + std::string(61, 'q')), std::string(61, 'q'));
  EXPECT_EQ(unpack(from_hex("ac02 f4 2b01") + std::string(300, 'r')), std::string(300, 'r'));
}

TEST(Snappy, RefusesWhatIsBroken) {
  const struct { const char* hex; const char* error; } kCases[] = {
      {"", "corrupt: snappy block does not start with its length"},
      {"80", "corrupt: snappy block does not start with its length"},
      {"8080808010", "corrupt: snappy block does not start with its length"},
      {"ffffffff0f 00000000 00", "corrupt: snappy block of 10 bytes claims to hold 4294967295"},
      {"03 08 6162", "corrupt: snappy block is cut off at its byte 2"},
      {"03 f0", "corrupt: snappy block is cut off at its byte 2"},
      {"08 fc ffffffff 61", "corrupt: snappy block is cut off at its byte 6"},
      {"02 08 616263", "corrupt: snappy block holds more than it states"},
      {"04 08 616263", "corrupt: snappy block holds 3 bytes, not the 4 it states"},
      {"08 0c 61626364 01", "corrupt: snappy block is cut off at its byte 7"},
      {"08 0c 61626364 01 00", "corrupt: snappy copy from 0 bytes back of 4 made"},
      {"08 0c 61626364 01 05", "corrupt: snappy copy from 5 bytes back of 4 made"},
      {"08 0c 61626364 0f ffffffff", "corrupt: snappy copy from 4294967295 bytes back of 4 made"},
      {"06 0c 61626364 01 04", "corrupt: snappy block holds more than it states"},
  };
  for (const auto& c : kCases) EXPECT_EQ(unpack(from_hex(c.hex)), c.error) << c.hex;
}

TEST(Snappy, StopsAtTheBoundOfTheCaller) {
  EXPECT_EQ(unpack(from_hex("08 0c 61626364 01 04"), 7),
            "limit: snappy block holds 8 bytes, more than 7");
}

TEST(Snappy, UnpacksTheDensestBlock) {
  std::string block = from_hex("c13e 00 78");  // 8001 = 1 + 125 * 64
  for (int i = 0; i < 125; ++i) block += from_hex("fe 0100");
  EXPECT_EQ(unpack(block), std::string(8001, 'x'));
}

TEST(Snappy, NeverLeavesItsBytes) {
  Random random(7);
  for (int i = 0; i < 20000; ++i) {
    std::vector<uint8_t> bytes = random.bytes(random.below(40));
    if (!bytes.empty()) bytes[0] &= 0x7f;
    (void)snappy_decompress(bytes, 1 << 16);
  }
}

}  // namespace
}  // namespace whittle
