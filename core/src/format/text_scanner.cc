#include "text_scanner.h"

#include "whittle/text.h"

namespace whittle::format {
namespace {

constexpr size_t kMaxTypeName = 200;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

}  // namespace

Error TextScanner::error(std::string message) const {
  return corrupt(std::move(message)).in(cat("line ", line_));
}

char TextScanner::peek() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '#') {
      while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    } else if (c == '\n') {
      ++line_;
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\v' && c != '\f') {
      return c == '\0' ? '\1' : c;  // no text holds either
    }
  }
  return '\0';
}

bool TextScanner::accept(char c) {
  if (peek() != c || at_ >= text_.size()) return false;
  ++at_;
  return true;
}

std::string_view TextScanner::word() {
  peek();
  const size_t begin = at_;
  const auto is_sign = [&] { return text_[at_] == '-' || text_[at_] == '+'; };
  if (at_ < text_.size() && is_sign()) ++at_;
  while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.' ||
                                (is_sign() && at_ > begin && in_exponent(begin)))) {
    ++at_;
  }
  return text_.substr(begin, at_ - begin);
}

// A sign inside a number follows the e of its exponent; 0x1e-5 is no number anyway.
bool TextScanner::in_exponent(size_t begin) const {
  const char before = text_[at_ - 1];
  const bool sign = text_[begin] == '-' || text_[begin] == '+';
  const char first = text_[begin + (sign ? 1 : 0)];
  return (before == 'e' || before == 'E') && ((first >= '0' && first <= '9') || first == '.');
}

Result<std::string_view> TextScanner::until_bracket() {
  const size_t end = text_.find(']', at_);
  if (end == std::string_view::npos || end - at_ > kMaxTypeName) return error("a ] is missing");
  const std::string_view name = text_.substr(at_, end - at_);
  at_ = end + 1;
  return name;
}

Result<std::string> TextScanner::string() {
  std::string out;
  bool any = false;
  for (char quote = peek(); quote == '"' || quote == '\''; quote = peek()) {
    ++at_;
    any = true;
    for (;;) {
      if (at_ >= text_.size() || text_[at_] == '\n') return error("a string has no end");
      const char c = text_[at_++];
      if (c == quote) break;
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      WHITTLE_CHECK(escape(&out));
    }
  }
  if (!any) return error("a string is expected");
  return out;
}

// After the backslash.
Status TextScanner::escape(std::string* out) {
  if (at_ >= text_.size()) return error("a string has no end");
  constexpr std::string_view kCodes = "nrtabfv\\'\"?";
  constexpr std::string_view kMeanings = "\n\r\t\a\b\f\v\\'\"?";
  const char c = text_[at_++];
  if (const size_t k = kCodes.find(c); k != std::string_view::npos) {
    out->push_back(kMeanings[k]);
    return {};
  }
  const bool hex = c == 'x' || c == 'X';
  if (!hex) --at_;
  int value = 0;
  int digits = 0;
  for (; at_ < text_.size() && digits < (hex ? 2 : 3); ++digits, ++at_) {
    const int digit = digit_of(text_[at_]);
    if (digit >= (hex ? 16 : 8)) break;
    value = value * (hex ? 16 : 8) + digit;
  }
  if (digits == 0 || value > 255) return error("a string has an unknown escape");
  out->push_back(static_cast<char>(value));
  return {};
}

}  // namespace whittle::format
