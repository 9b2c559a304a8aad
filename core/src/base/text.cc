#include "whittle/text.h"

#include <iterator>

namespace whittle {
namespace {

struct CodePoint {
  uint32_t value;
  size_t length;  // bytes; 0 when the bytes are no valid UTF-8
};

CodePoint decode_utf8(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  const uint32_t first = at(0);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return {0, 0};
  uint32_t value = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0u) != 0x80u) return {0, 0};
    value = (value << 6) | (at(i) & 0x3fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[length] || value > 0x10ffff || surrogate) return {0, 0};
  return {value, length};
}

// Controls of terminals, and the marks that reorder or hide text around them.
bool is_hidden(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const uint8_t b = static_cast<uint8_t>(c);
    out += "\\x";
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
}

// 10^n, exact up to n = 22; beyond, the same bits on every target.
double power_of_ten(int n) {
  double result = 1;
  while (n-- > 0) result *= 10;
  return result;
}

}  // namespace

namespace text_internal {

void append(std::string& out, std::string_view piece) { out.append(piece); }

void append_unsigned(std::string& out, uint64_t value) {
  char digits[20];
  size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (n > 0) out.push_back(digits[--n]);
}

void append_signed(std::string& out, int64_t value) {
  uint64_t magnitude = static_cast<uint64_t>(value);
  if (value < 0) {
    out.push_back('-');
    magnitude = 0 - magnitude;
  }
  append_unsigned(out, magnitude);
}

// As printf("%.6g"), without its locale and its 10 KB of wasm.
void append_double(std::string& out, double value) {
  if (value != value) return append(out, "nan");
  if (__builtin_signbit(value)) {
    out.push_back('-');
    value = -value;
  }
  if (value == 0) return append(out, "0");
  if (value > 1.7976931348623157e308) return append(out, "inf");
  int exponent = 0;
  while (value >= 1e22) { value /= 1e16; exponent += 16; }
  while (value < 1e-16) { value *= 1e16; exponent -= 16; }
  int scale = 0;  // value is in [10^scale, 10^(scale+1))
  while (value >= power_of_ten(scale + 1)) ++scale;
  while (scale <= 0 && value * power_of_ten(-scale) < 1) --scale;
  const double six = scale > 5 ? value / power_of_ten(scale - 5) : value * power_of_ten(5 - scale);
  uint64_t digits = static_cast<uint64_t>(six);
  const double rest = six - static_cast<double>(digits);
  if (rest > 0.5 || (rest == 0.5 && (digits & 1) != 0)) ++digits;
  exponent += scale;
  if (digits >= 1000000) {
    digits /= 10;
    ++exponent;
  }
  std::string text;
  append_unsigned(text, digits);
  while (text.size() > 1 && text.back() == '0') text.pop_back();
  if (exponent < -4 || exponent >= 6) {
    if (text.size() > 1) text.insert(1, ".");
    text += exponent < 0 ? "e-" : "e+";
    const uint64_t magnitude = static_cast<uint64_t>(exponent < 0 ? -exponent : exponent);
    if (magnitude < 10) text.push_back('0');
    append_unsigned(text, magnitude);
  } else if (exponent < 0) {
    text.insert(0, "0." + std::string(static_cast<size_t>(-exponent - 1), '0'));
  } else {
    const size_t whole = static_cast<size_t>(exponent) + 1;
    if (text.size() < whole) text.append(whole - text.size(), '0');
    if (text.size() > whole) text.insert(whole, ".");
  }
  append(out, text);
}

}  // namespace text_internal

std::string printable(std::string_view raw, size_t max_bytes) {
  std::string out;
  size_t at = 0;
  while (at < raw.size()) {
    // Nearly every name is plain ASCII: in one piece.
    size_t plain = at;
    while (plain < raw.size() && plain < max_bytes && raw[plain] >= 0x20 && raw[plain] < 0x7f) ++plain;
    if (plain > at) {
      out.append(raw.substr(at, plain - at));
      at = plain;
      continue;
    }
    const CodePoint c = decode_utf8(raw.substr(at));
    const size_t length = c.length == 0 ? 1 : c.length;
    if (at + length > max_bytes) {
      out += "…";
      break;
    }
    const std::string_view piece = raw.substr(at, length);
    if (c.length == 0 || is_hidden(c.value)) {
      append_hex(out, piece);
    } else {
      out.append(piece);
    }
    at += length;
  }
  return out;
}

bool is_valid_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const CodePoint c = decode_utf8(bytes);
    if (c.length == 0) return false;
    bytes.remove_prefix(c.length);
  }
  return true;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  size_t begin = 0;
  for (;;) {
    const size_t end = text.find(separator, begin);
    pieces.push_back(text.substr(begin, end == text.npos ? text.npos : end - begin));
    if (end == text.npos) return pieces;
    begin = end + 1;
  }
}

std::string join(const std::vector<std::string>& pieces, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) out.append(separator);
    out += pieces[i];
  }
  return out;
}

bool parse_int64(std::string_view text, int64_t* value) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty()) return false;
  int64_t result = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    const int64_t digit = negative ? '0' - c : c - '0';
    if (__builtin_mul_overflow(result, int64_t{10}, &result)) return false;
    if (__builtin_add_overflow(result, digit, &result)) return false;
  }
  *value = result;
  return true;
}

std::string human_bytes(uint64_t bytes) {
  if (bytes < 1000) return cat(bytes, " B");
  constexpr std::string_view kUnits[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  uint64_t unit = 1000;
  size_t name = 0;
  // 999.5 kB would be shown as "1000 kB": it is 1.0 MB.
  while (name + 1 < std::size(kUnits) && bytes >= unit * 1000 - unit / 2) {
    unit *= 1000;
    ++name;
  }
  // Three digits: "3.1 MB", "28.4 MB", "436 MB".
  const uint64_t tenths = bytes / unit * 10 + (bytes % unit + unit / 20) / (unit / 10);
  if (tenths < 1000) return cat(tenths / 10, ".", tenths % 10, " ", kUnits[name]);
  return cat((bytes / unit) + (bytes % unit >= unit / 2 ? 1 : 0), " ", kUnits[name]);
}

std::string tenths_text(double value) {
  const int64_t tenths = static_cast<int64_t>(value * 10 + (value < 0 ? -0.5 : 0.5));
  const int64_t size = tenths < 0 ? -tenths : tenths;
  return cat(tenths < 0 ? "-" : "", size / 10, ".", size % 10);
}

}  // namespace whittle
