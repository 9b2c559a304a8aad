#include "whittle/wire.h"

#include <gtest/gtest.h>

#include "support/bytes.h"
#include "support/random.h"

namespace whittle {
namespace {

// Every field as text, or the error.
std::string read_all(std::string_view bytes) {
  WireReader reader(bytes_of(bytes), 1000);
  std::string out;
  for (;;) {
    WireField f;
    Result<bool> more = reader.next(&f);
    if (!more.ok()) return more.error().to_string();
    if (!*more) return out;
    out += std::to_string(f.number) + ":";
    if (f.type == WireType::kBytes || f.type == WireType::kGroup) {
      out += to_hex(f.bytes);
    } else {
      out += std::to_string(f.value);
    }
    out += "@" + std::to_string(f.offset) + " ";
  }
}

TEST(WireReader, ReadsEveryType) {
  EXPECT_EQ(read_all(from_hex("08 96 01")), "1:150@1001 ");
  EXPECT_EQ(read_all(from_hex("12 03 61 62 63")), "2:616263@1002 ");
  EXPECT_EQ(read_all(from_hex("1d 78 56 34 12")), "3:305419896@1001 ");
  EXPECT_EQ(read_all(from_hex("21 01 00 00 00 00 00 00 80")), "4:9223372036854775809@1001 ");
  EXPECT_EQ(read_all(from_hex("08 ff ff ff ff ff ff ff ff ff 01")), "1:18446744073709551615@1001 ");
  EXPECT_EQ(read_all(""), "");
}

TEST(WireReader, SkipsGroupsAsOneField) {
  EXPECT_EQ(read_all(from_hex("2b 08 01 33 34 2c 08 02")), "5:08013334@1001 1:2@1007 ");
}

TEST(WireReader, RefusesWhatIsBroken) {
  const struct { const char* hex; const char* error; } kCases[] = {
      {"80", "corrupt: broken field tag at byte 1000"},
      {"08", "corrupt: broken varint at byte 1001"},
      {"08 80 80 80 80 80 80 80 80 80 02", "corrupt: broken varint at byte 1001"},
      {"08 80 80 80 80 80 80 80 80 80 80 01", "corrupt: broken varint at byte 1001"},
      {"00 01", "corrupt: field number out of range at byte 1000"},
      {"88 80 80 80 80 01", "corrupt: field number out of range at byte 1000"},
      {"1d 01 02 03", "corrupt: field cut off at byte 1001"},
      {"21 01 02 03 04 05 06 07", "corrupt: field cut off at byte 1001"},
      {"12 04 61 62 63", "corrupt: length 4 is more than the 3 bytes left at byte 1001"},
      {"12 ff ff ff ff ff ff ff ff ff 01 61",
       "corrupt: length 18446744073709551615 is more than the 1 bytes left at byte 1001"},
      {"0e", "corrupt: unknown wire type 6 at byte 1000"},
      {"0c", "corrupt: group end without a start at byte 1000"},
      {"0b 14", "corrupt: group end of another field at byte 1001"},
      {"0b 08 01", "corrupt: broken field tag at byte 1003"},
  };
  for (const auto& c : kCases) EXPECT_EQ(read_all(from_hex(c.hex)), c.error) << c.hex;
}

TEST(WireReader, RefusesGroupsThatNestWithoutEnd) {
  EXPECT_EQ(read_all(std::string(100000, '\x0b')), "corrupt: groups nest too deeply at byte 1100");
}

TEST(WireReader, NeverLeavesItsBytes) {  // what AddressSanitizer sees
  Random random(6);
  for (int i = 0; i < 20000; ++i) {
    const std::vector<uint8_t> bytes = random.bytes(random.below(24));
    WireReader reader(bytes);
    WireField f;
    for (;;) {
      Result<bool> more = reader.next(&f);
      if (!more.ok() || !*more) break;
      EXPECT_LE(f.raw.size(), bytes.size());
    }
  }
}

TEST(WireWriter, WritesWhatTheReaderReads) {
  WireWriter inner;
  inner.int64(1, -1);
  WireWriter w;
  w.varint(1, 300);
  w.fixed32(2, 0x01020304);
  w.fixed64(3, 5);
  w.bytes(4, inner.data());
  EXPECT_EQ(to_hex(bytes_of(w.data())),
            "08ac02" "1504030201" "190500000000000000" "220b08ffffffffffffffffff01");
  EXPECT_EQ(read_all(w.data()),
            "1:300@1001 2:16909060@1004 3:5@1009 4:08ffffffffffffffffff01@1019 ");
}

TEST(WireField, ConvertsAsProtobufDoes) {
  WireWriter w;
  w.varint(1, uint64_t{0x1ffffffff});
  w.fixed32(2, 0x3f800000);
  w.fixed64(3, 0x3ff8000000000000);
  WireReader reader(bytes_of(w.data()));
  WireField f;
  ASSERT_TRUE(reader.next(&f).ok());
  EXPECT_EQ(f.i32(), -1);
  EXPECT_EQ(f.i64(), 0x1ffffffff);
  ASSERT_TRUE(reader.next(&f).ok());
  EXPECT_EQ(f.f32(), 1.0f);
  ASSERT_TRUE(reader.next(&f).ok());
  EXPECT_EQ(f.f64(), 1.5);
}

}  // namespace
}  // namespace whittle
