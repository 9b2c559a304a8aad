#include "whittle/wire.h"

#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kEndGroup = 4;  // closes kGroup, never a field of its own
constexpr size_t kMaxGroupDepth = 100;

uint64_t little_endian(const uint8_t* p, size_t n) {
  uint64_t value = 0;
  for (size_t i = n; i-- > 0;) value = (value << 8) | p[i];
  return value;
}

void append_little_endian(std::string& out, uint64_t value, size_t n) {
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

size_t decode_varint(std::span<const uint8_t> bytes, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < 10 && i < bytes.size(); ++i) {
    const uint64_t b = bytes[i];
    if (i == 9 && b > 1) return 0;  // beyond 64 bits
    result |= (b & 0x7f) << (7 * i);
    if (b < 0x80) {
      *value = result;
      return i + 1;
    }
  }
  return 0;
}

size_t varint_size(uint64_t value) {
  size_t n = 1;
  for (; value >= 0x80; value >>= 7) ++n;
  return n;
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

Result<bool> WireReader::next(WireField* field) {
  if (at_ == bytes_.size()) return false;
  const size_t begin = at_;
  bool end_group = false;
  WHITTLE_CHECK(read_one(field, &end_group));
  if (end_group) return corrupt(cat("group end without a start at byte ", base_ + begin));
  if (field->type == WireType::kGroup) {  // nobody writes them; skipped as one unknown field
    uint32_t open[kMaxGroupDepth] = {field->number};
    size_t depth = 1;
    const size_t inside = at_;
    size_t end = at_;
    while (depth > 0) {
      end = at_;
      WireField inner;
      WHITTLE_CHECK(read_one(&inner, &end_group));
      if (end_group) {
        if (inner.number != open[--depth]) {
          return corrupt(cat("group end of another field at byte ", base_ + end));
        }
      } else if (inner.type == WireType::kGroup) {
        if (depth == kMaxGroupDepth) return corrupt(cat("groups nest too deeply at byte ", base_ + end));
        open[depth++] = inner.number;
      }
    }
    field->bytes = bytes_.subspan(inside, end - inside);
  }
  field->raw = bytes_.subspan(begin, at_ - begin);
  return true;
}

Status WireReader::read_one(WireField* field, bool* end_group) {
  const size_t begin = at_;
  uint64_t tag = 0;
  const size_t tag_size = decode_varint(bytes_.subspan(at_), &tag);
  if (tag_size == 0) return corrupt(cat("broken field tag at byte ", base_ + begin));
  at_ += tag_size;
  if (tag > UINT32_MAX || (tag >> 3) == 0) {
    return corrupt(cat("field number out of range at byte ", base_ + begin));
  }
  *field = WireField();
  field->number = static_cast<uint32_t>(tag >> 3);
  field->type = static_cast<WireType>(tag & 7);
  field->offset = base_ + at_;
  *end_group = (tag & 7) == kEndGroup;
  if (*end_group) return {};
  const std::span<const uint8_t> rest = bytes_.subspan(at_);
  switch (field->type) {
    case WireType::kVarint: {
      const size_t n = decode_varint(rest, &field->value);
      if (n == 0) return corrupt(cat("broken varint at byte ", field->offset));
      at_ += n;
      return {};
    }
    case WireType::kFixed64:
    case WireType::kFixed32: {
      const size_t n = field->type == WireType::kFixed64 ? 8 : 4;
      if (rest.size() < n) return corrupt(cat("field cut off at byte ", field->offset));
      field->value = little_endian(rest.data(), n);
      at_ += n;
      return {};
    }
    case WireType::kBytes: {
      uint64_t length = 0;
      const size_t n = decode_varint(rest, &length);
      if (n == 0) return corrupt(cat("broken length at byte ", field->offset));
      if (length > rest.size() - n) {
        return corrupt(cat("length ", length, " is more than the ", rest.size() - n,
                           " bytes left at byte ", field->offset));
      }
      field->bytes = rest.subspan(n, static_cast<size_t>(length));
      field->offset += n;
      at_ += n + static_cast<size_t>(length);
      return {};
    }
    case WireType::kGroup: return {};
  }
  return corrupt(cat("unknown wire type ", tag & 7, " at byte ", base_ + begin));
}

void WireWriter::tag(uint32_t field, WireType type) {
  append_varint(out_, (uint64_t{field} << 3) | static_cast<uint64_t>(type));
}

void WireWriter::varint(uint32_t field, uint64_t value) {
  tag(field, WireType::kVarint);
  append_varint(out_, value);
}

void WireWriter::fixed32(uint32_t field, uint32_t value) {
  tag(field, WireType::kFixed32);
  append_little_endian(out_, value, 4);
}

void WireWriter::fixed64(uint32_t field, uint64_t value) {
  tag(field, WireType::kFixed64);
  append_little_endian(out_, value, 8);
}

void WireWriter::bytes(uint32_t field, std::string_view payload) {
  tag(field, WireType::kBytes);
  append_varint(out_, payload.size());
  out_.append(payload);
}

}  // namespace whittle
