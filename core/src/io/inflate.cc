#include "whittle/inflate.h"

#include <array>

#include "whittle/crc32.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Canonical Huffman code: symbols sorted by length and value, decoded a bit at a time.
struct Code {
  std::array<uint16_t, 16> count{};
  std::array<uint16_t, 320> symbol{};

  // False when the lengths do not make a code (over-subscribed).
  bool build(const uint8_t* lengths, size_t n) {
    count.fill(0);
    for (size_t i = 0; i < n; ++i) ++count[lengths[i]];
    int left = 1;
    for (size_t bits = 1; bits < 16; ++bits) {
      left = left * 2 - count[bits];
      if (left < 0) return false;
    }
    std::array<uint16_t, 16> offset{};
    for (size_t bits = 1; bits < 15; ++bits) {
      offset[bits + 1] = static_cast<uint16_t>(offset[bits] + count[bits]);
    }
    for (size_t i = 0; i < n; ++i) {
      if (lengths[i] != 0) symbol[offset[lengths[i]]++] = static_cast<uint16_t>(i);
    }
    count[0] = 0;
    return true;
  }
};

class Inflater {
 public:
  Inflater(std::span<const uint8_t> data, uint64_t limit) : data_(data), limit_(limit) {}

  Status run() {
    for (bool last = false; !last;) {
      last = bits(1) != 0;
      switch (bits(2)) {
        case 0: WHITTLE_CHECK(stored()); break;
        case 1: WHITTLE_CHECK(fixed()); break;
        case 2: WHITTLE_CHECK(dynamic()); break;
        default: return invalid_argument("deflate: unknown block type");
      }
      if (ended_) return invalid_argument("deflate: the stream ends too early");
    }
    return {};
  }

  size_t position() const { return position_; }  // whole bytes consumed
  std::string take() { return std::move(out_); }
  const std::string& out() const { return out_; }

 private:
  uint32_t bits(int n) {
    while (have_ < n) {
      if (position_ == data_.size()) {
        ended_ = true;
        return 0;
      }
      buffer_ |= static_cast<uint32_t>(data_[position_++]) << have_;
      have_ += 8;
    }
    const uint32_t v = buffer_ & ((1u << n) - 1);
    buffer_ >>= n;
    have_ -= n;
    return v;
  }

  int decode(const Code& code) {
    int value = 0, first = 0, index = 0;
    for (size_t length = 1; length < 16; ++length) {
      value |= static_cast<int>(bits(1));
      const int count = code.count[length];
      if (value - count < first) return code.symbol[static_cast<size_t>(index + (value - first))];
      index += count;
      first = (first + count) << 1;
      value <<= 1;
      if (ended_) return -1;
    }
    return -1;
  }

  Status room(uint64_t more) {
    if (out_.size() + more > limit_) return over_limit("deflate: the result is above the limit");
    return {};
  }

  Status stored() {
    buffer_ = 0;
    have_ = 0;
    if (data_.size() - position_ < 4) return invalid_argument("deflate: truncated block");
    const uint32_t n = data_[position_] | static_cast<uint32_t>(data_[position_ + 1]) << 8;
    const uint32_t check = data_[position_ + 2] | static_cast<uint32_t>(data_[position_ + 3]) << 8;
    position_ += 4;
    if (n != (~check & 0xffff) || data_.size() - position_ < n) {
      return invalid_argument("deflate: broken stored block");
    }
    WHITTLE_CHECK(room(n));
    out_.append(reinterpret_cast<const char*>(data_.data()) + position_, n);
    position_ += n;
    return {};
  }

  Status fixed() {
    uint8_t lengths[288];
    for (int i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    Code literal, distance;
    uint8_t fives[30];
    for (uint8_t& l : fives) l = 5;
    if (!literal.build(lengths, 288) || !distance.build(fives, 30)) return internal_error("deflate");
    return codes(literal, distance);
  }

  Status dynamic() {
    static constexpr uint8_t kOrder[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                           11, 4,  12, 3, 13, 2, 14, 1, 15};
    const size_t literals = bits(5) + 257, distances = bits(5) + 1, lengths_given = bits(4) + 4;
    if (literals > 286 || distances > 30) return invalid_argument("deflate: too many codes");
    uint8_t lengths[320] = {};
    for (size_t i = 0; i < lengths_given; ++i) lengths[kOrder[i]] = static_cast<uint8_t>(bits(3));
    Code meta;
    if (!meta.build(lengths, 19)) return invalid_argument("deflate: broken code lengths");
    uint8_t all[320] = {};
    for (size_t i = 0; i < literals + distances;) {
      const int symbol = decode(meta);
      if (symbol < 0) return invalid_argument("deflate: broken code lengths");
      if (symbol < 16) {
        all[i++] = static_cast<uint8_t>(symbol);
        continue;
      }
      uint8_t value = 0;
      size_t times = 0;
      if (symbol == 16) {
        if (i == 0) return invalid_argument("deflate: broken code lengths");
        value = all[i - 1];
        times = 3 + bits(2);
      } else {
        times = symbol == 17 ? 3 + bits(3) : 11 + bits(7);
      }
      if (i + times > literals + distances) return invalid_argument("deflate: broken code lengths");
      while (times-- > 0) all[i++] = value;
    }
    Code literal, distance;
    if (!literal.build(all, literals) || !distance.build(all + literals, distances)) {
      return invalid_argument("deflate: broken codes");
    }
    return codes(literal, distance);
  }

  Status codes(const Code& literal, const Code& distance) {
    static constexpr uint16_t kBase[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,
                                           15, 17, 19, 23, 27, 31, 35, 43, 51,  59,
                                           67, 83, 99, 115, 131, 163, 195, 227, 258};
    static constexpr uint8_t kExtra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                           2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static constexpr uint16_t kFar[30] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,
                                          33,  49,  65,  97,  129, 193,  257,  385,  513,  769,
                                          1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (;;) {
      const int symbol = decode(literal);
      if (symbol < 0 || ended_) return invalid_argument("deflate: broken stream");
      if (symbol < 256) {
        WHITTLE_CHECK(room(1));
        out_.push_back(static_cast<char>(symbol));
        continue;
      }
      if (symbol == 256) return {};
      if (symbol > 285) return invalid_argument("deflate: broken stream");
      const size_t l = static_cast<size_t>(symbol - 257);
      const size_t length = kBase[l] + bits(kExtra[l]);
      const int d = decode(distance);
      if (d < 0 || d > 29) return invalid_argument("deflate: broken stream");
      const size_t back = kFar[d] + bits(d < 4 ? 0 : d / 2 - 1);
      if (back > out_.size()) return invalid_argument("deflate: a copy from before the start");
      WHITTLE_CHECK(room(length));
      for (size_t i = 0; i < length; ++i) out_.push_back(out_[out_.size() - back]);
    }
  }

  std::span<const uint8_t> data_;
  uint64_t limit_;
  size_t position_ = 0;
  uint32_t buffer_ = 0;
  int have_ = 0;
  bool ended_ = false;
  std::string out_;
};

uint32_t little(std::span<const uint8_t> data, size_t at) {
  return data[at] | static_cast<uint32_t>(data[at + 1]) << 8 |
         static_cast<uint32_t>(data[at + 2]) << 16 | static_cast<uint32_t>(data[at + 3]) << 24;
}

uint32_t adler32(const std::string& bytes) {
  uint32_t a = 1, b = 0;
  for (char c : bytes) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

// Bytes of the gzip header; optional fields are skipped.
Result<size_t> gzip_header(std::span<const uint8_t> data) {
  if (data.size() < 18 || data[0] != 0x1f || data[1] != 0x8b || data[2] != 8) {
    return invalid_argument("no gzip data");
  }
  const uint8_t flags = data[3];
  size_t at = 10;
  if (flags & 4) {
    if (data.size() < at + 2) return invalid_argument("gzip: truncated header");
    at += 2u + data[at] + static_cast<size_t>(data[at + 1]) * 256;
  }
  for (int field = 0; field < ((flags & 8) != 0) + ((flags & 16) != 0); ++field) {
    while (at < data.size() && data[at] != 0) ++at;
    ++at;
  }
  if (flags & 2) at += 2;
  if (at + 8 > data.size()) return invalid_argument("gzip: truncated header");
  return at;
}

}  // namespace

Result<std::string> inflate(std::span<const uint8_t> data, Wrapper wrapper, uint64_t limit) {
  size_t start = 0, trailer = 0;
  if (wrapper == Wrapper::kZlib) {
    if (data.size() < 6 || (data[0] & 15) != 8 || (data[0] * 256 + data[1]) % 31 != 0 ||
        (data[1] & 32) != 0) {
      return invalid_argument("no zlib data");
    }
    start = 2;
    trailer = 4;
  } else if (wrapper == Wrapper::kGzip) {
    WHITTLE_ASSIGN(start, gzip_header(data));
    trailer = 8;
  }
  const std::span<const uint8_t> body = data.subspan(start, data.size() - start);
  Inflater inflater(body, limit);
  WHITTLE_CHECK(inflater.run());
  if (trailer != 0) {
    if (body.size() - inflater.position() < trailer) return invalid_argument("truncated checksum");
    const size_t at = inflater.position();
    const std::string& out = inflater.out();
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(out.data()), out.size());
    bool good;
    if (wrapper == Wrapper::kGzip) {
      good = little(body, at) == crc32(0, bytes) && little(body, at + 4) == static_cast<uint32_t>(out.size());
    } else {
      good = __builtin_bswap32(little(body, at)) == adler32(out);
    }
    if (!good) return invalid_argument("the checksum of the compressed data is wrong");
  }
  return inflater.take();
}

}  // namespace whittle
