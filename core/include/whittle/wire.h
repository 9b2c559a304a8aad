// wire.h: protobuf's wire format, for messages too small or too big for generated classes.
//
//   WireReader fields(bytes);
//   WireField f;
//   for (;;) {
//     WHITTLE_ASSIGN(const bool more, fields.next(&f));
//     if (!more) break;
//     if (f.is(1, WireType::kBytes)) name = f.text();
//     ...                                              // unknown fields: simply not asked for
//   }
//
// Nothing recurses and nothing is copied: a nested message is a WireReader over f.bytes. A field
// of a known number and an unexpected wire type counts as unknown, as in every protobuf parser.
// Errors  kCorrupt with the offset in the outermost buffer, when `base` is passed along.
#ifndef WHITTLE_WIRE_H_
#define WHITTLE_WIRE_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "whittle/result.h"

namespace whittle {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kFixed32 = 5 };

// Bytes of the varint at the front of `bytes`, 1..10; 0 when it is cut off or longer than 64 bits.
size_t decode_varint(std::span<const uint8_t> bytes, uint64_t* value);
size_t varint_size(uint64_t value);
void append_varint(std::string& out, uint64_t value);

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;              // varint, fixed32, fixed64
  std::span<const uint8_t> bytes;  // kBytes: the payload; kGroup: between the group's tags
  std::span<const uint8_t> raw;    // the whole field with its tag, to be written back unchanged
  uint64_t offset = 0;             // of the payload: base + position in the reader's buffer

  bool is(uint32_t n, WireType t) const { return number == n && type == t; }
  int64_t i64() const { return static_cast<int64_t>(value); }
  int32_t i32() const { return static_cast<int32_t>(value); }  // truncates, as protobuf does
  bool flag() const { return value != 0; }
  float f32() const { const uint32_t b = static_cast<uint32_t>(value); float f; std::memcpy(&f, &b, 4); return f; }
  double f64() const { double d; std::memcpy(&d, &value, 8); return d; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

class WireReader {
 public:
  explicit WireReader(std::span<const uint8_t> bytes, uint64_t base = 0)
      : bytes_(bytes), base_(base) {}

  // The next field; false at the end.
  Result<bool> next(WireField* field);
  uint64_t offset() const { return base_ + at_; }

 private:
  Status read_one(WireField* field, bool* end_group);
  std::span<const uint8_t> bytes_;
  uint64_t base_;
  size_t at_ = 0;
};

// Fields in the order of the calls. Proto3's "defaults are not written" is the caller's business.
class WireWriter {
 public:
  void varint(uint32_t field, uint64_t value);
  void int64(uint32_t field, int64_t value) { varint(field, static_cast<uint64_t>(value)); }
  void fixed32(uint32_t field, uint32_t value);
  void fixed64(uint32_t field, uint64_t value);
  void bytes(uint32_t field, std::string_view payload);  // strings and nested messages
  void raw(std::string_view fields) { out_.append(fields); }
  const std::string& data() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void tag(uint32_t field, WireType type);
  std::string out_;
};

}  // namespace whittle

#endif  // WHITTLE_WIRE_H_
