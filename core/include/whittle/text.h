// text.h: building and showing text. Locale-free; the same bytes on every target.
#ifndef WHITTLE_TEXT_H_
#define WHITTLE_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace whittle {

namespace text_internal {
void append(std::string& out, std::string_view piece);
void append_signed(std::string& out, int64_t value);
void append_unsigned(std::string& out, uint64_t value);
void append_double(std::string& out, double value);

template <class T>
void append_any(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    append(out, value ? "true" : "false");
  } else if constexpr (std::is_same_v<T, char>) {
    out.push_back(value);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    append_signed(out, value);
  } else if constexpr (std::is_integral_v<T>) {
    append_unsigned(out, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    append_double(out, static_cast<double>(value));
  } else {
    append(out, std::string_view(value));
  }
}
}  // namespace text_internal

// cat("offset ", 12, " of ", name): numbers in decimal, doubles with up to 6 significant digits.
template <class... T>
std::string cat(const T&... pieces) {
  std::string out;
  (text_internal::append_any(out, pieces), ...);
  return out;
}

// A name from a file as it may be shown: control characters and invalid UTF-8 become \xNN, and at
// most `max_bytes` are kept (the rest is "…").
std::string printable(std::string_view raw, size_t max_bytes = 200);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& pieces, std::string_view separator);
bool is_valid_utf8(std::string_view bytes);

// Decimal integer with an optional leading '-'; false when anything else is there or it overflows.
bool parse_int64(std::string_view text, int64_t* value);

// "3.1 MB", "712 B"; MB is 10^6 bytes.
std::string human_bytes(uint64_t bytes);

// One decimal, rounded half away from zero, without a printf: "-0.5", "38.1". |value| below 1e15.
std::string tenths_text(double value);

}  // namespace whittle

#endif  // WHITTLE_TEXT_H_
