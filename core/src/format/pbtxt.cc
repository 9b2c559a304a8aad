#include "pbtxt.h"

#include <google/protobuf/io/strtod.h>

#include <cmath>
#include <limits>

#include "pbtxt_schema.h"
#include "whittle/math.h"
#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::format {
namespace {

constexpr int kMaxDepth = 100;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Splits text into words (names, numbers with sign and point), strings and single characters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Error error(std::string message) const { return corrupt(std::move(message)).in(cat("line ", line_)); }

  // 0 at the end of the text.
  char peek() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
      } else if (c == '\n') {
        ++line_;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\v' && c != '\f') {
        return c == '\0' ? '\1' : c;
      }
    }
    return '\0';
  }

  bool accept(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  // A name, or a number as it stands; empty when something else comes.
  std::string_view word() {
    peek();
    const size_t begin = at_;
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.' ||
                                  ((text_[at_] == '-' || text_[at_] == '+') && at_ > begin && in_exponent(begin)))) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  // "[type.googleapis.com/tensorflow.X]", after the bracket was accepted.
  Result<std::string_view> until_bracket() {
    const size_t end = text_.find(']', at_);
    if (end == std::string_view::npos || end - at_ > 200) return error("a ] is missing");
    const std::string_view name = text_.substr(at_, end - at_);
    at_ = end + 1;
    return name;
  }

  // Adjacent literals are one string.
  Result<std::string> string() {
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

 private:
  // A sign inside a number follows the e of its exponent; 0x1e-5 is no number anyway.
  bool in_exponent(size_t begin) const {
    const char before = text_[at_ - 1];
    const char first = text_[begin] == '-' || text_[begin] == '+' ? text_[begin + 1] : text_[begin];
    return (before == 'e' || before == 'E') && ((first >= '0' && first <= '9') || first == '.');
  }

  Status escape(std::string* out) {
    if (at_ >= text_.size()) return error("a string has no end");
    const char c = text_[at_++];
    switch (c) {
      case 'n': out->push_back('\n'); return {};
      case 'r': out->push_back('\r'); return {};
      case 't': out->push_back('\t'); return {};
      case 'a': out->push_back('\a'); return {};
      case 'b': out->push_back('\b'); return {};
      case 'f': out->push_back('\f'); return {};
      case 'v': out->push_back('\v'); return {};
      case '\\': case '\'': case '"': case '?': out->push_back(c); return {};
      default: break;
    }
    const bool hex = c == 'x' || c == 'X';
    unsigned value = 0;
    int digits = 0;
    if (!hex) --at_;
    for (; at_ < text_.size() && digits < (hex ? 2 : 3); ++digits, ++at_) {
      const char d = text_[at_];
      const int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : 99;
      if (digit >= (hex ? 16 : 8)) break;
      value = value * (hex ? 16 : 8) + static_cast<unsigned>(digit);
    }
    if (digits == 0 || value > 255) return error("a string has an unknown escape");
    out->push_back(static_cast<char>(value));
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  uint64_t line_ = 1;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : in_(text) {}

  Result<std::string> run(std::string_view message) {
    WireWriter out;
    WHITTLE_CHECK(fields(message, '\0', 0, &out));
    return out.take();
  }

 private:
  // Fields up to `close` (the end of the text for '\0').
  Status fields(std::string_view message, char close, int depth, WireWriter* out) {
    if (depth > kMaxDepth) return in_.error("messages are nested too deeply");
    for (;;) {
      const char c = in_.peek();
      if (c == close) {
        if (close != '\0') in_.accept(close);
        return {};
      }
      if (c == '\0') return in_.error("a message has no end");
      if (c == ',' || c == ';') {
        in_.accept(c);
        continue;
      }
      if (c == '[' && message == "Any") {
        WHITTLE_CHECK(expanded_any(depth, out));
        continue;
      }
      const std::string_view name = in_.word();
      if (name.empty()) return in_.error(cat("a field name is expected, not ", printable(std::string_view(&c, 1))));
      TextField field;
      if (!find_text_field(message, name, &field)) {
        return in_.error(cat("message ", message, " has no field ", printable(name)));
      }
      in_.accept(':');
      if (!in_.accept('[')) {
        WHITTLE_CHECK(value(field, depth, out));
        continue;
      }
      if (in_.accept(']')) continue;
      do {
        WHITTLE_CHECK(value(field, depth, out));
      } while (in_.accept(','));
      if (!in_.accept(']')) return in_.error("a ] is missing");
    }
  }

  // '}' or '>' when a message begins here, else 0.
  char open() { return in_.accept('{') ? '}' : in_.accept('<') ? '>' : '\0'; }

  Status value(const TextField& field, int depth, WireWriter* out) {
    switch (field.kind) {
      case TextKind::kMessage: {
        const char close = open();
        if (close == '\0') return in_.error("a message is expected");
        WireWriter nested;
        WHITTLE_CHECK(fields(field.message, close, depth + 1, &nested));
        out->bytes(field.number, nested.data());
        return {};
      }
      case TextKind::kString: {
        WHITTLE_ASSIGN(const std::string text, in_.string());
        out->bytes(field.number, text);
        return {};
      }
      case TextKind::kBool: return boolean(field.number, out);
      case TextKind::kFloat:
      case TextKind::kDouble: return real(field, out);
      case TextKind::kDtype:
      case TextKind::kInt: return integer(field, out);
      case TextKind::kPresent: out->bytes(field.number, {}); return skip_value(depth);
      case TextKind::kRefuse: return unsupported("a text model holds a value that only the binary form can: save it as saved_model.pb");
      case TextKind::kSkip: break;
    }
    return skip_value(depth);
  }

  Status boolean(uint32_t number, WireWriter* out) {
    const std::string_view word = in_.word();
    const bool yes = word == "true" || word == "t" || word == "1" || word == "True";
    if (!yes && word != "false" && word != "f" && word != "0" && word != "False") {
      return in_.error(cat("\"", printable(word), "\" is no bool"));
    }
    out->varint(number, yes ? 1 : 0);
    return {};
  }

  Status integer(const TextField& field, WireWriter* out) {
    std::string_view word = in_.word();
    const std::string_view all = word;
    if (field.kind == TextKind::kDtype && text_dtype(word) >= 0) {
      out->int64(field.number, text_dtype(word));
      return {};
    }
    const bool negative = !word.empty() && word[0] == '-';
    if (negative) word.remove_prefix(1);
    unsigned base = 10;
    if (word.size() > 1 && word[0] == '0') {
      base = word[1] == 'x' || word[1] == 'X' ? 16 : 8;
      word.remove_prefix(base == 16 ? 2 : 1);
    }
    uint64_t value = 0;
    bool good = !word.empty();
    for (const char c : word) {
      const unsigned digit = c >= '0' && c <= '9' ? static_cast<unsigned>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                             : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10) : 99;
      good = good && digit < base && !mul_overflows(value, base, &value) && !add_overflows(value, digit, &value);
    }
    if (!good || (negative && value > uint64_t{1} << 63)) {
      return in_.error(cat("\"", printable(all), "\" is no integer"));
    }
    out->varint(field.number, negative ? uint64_t{0} - value : value);
    return {};
  }

  Status real(const TextField& field, WireWriter* out) {
    std::string word(in_.word());
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool negative = !word.empty() && word[0] == '-';
    if (negative) word.erase(0, 1);
    double value = 0;
    if (word == "inf" || word == "infinity" || word == "inff" || word == "infinityf") {
      value = std::numeric_limits<double>::infinity();
    } else if (word == "nan" || word == "nanf") {
      value = std::numeric_limits<double>::quiet_NaN();
    } else {
      if (!word.empty() && word.back() == 'f') word.pop_back();
      char* end = nullptr;
      const bool plain = !word.empty() && word.find_first_not_of("0123456789.e+-") == std::string::npos;
      if (plain) value = google::protobuf::io::NoLocaleStrtod(word.c_str(), &end);
      if (!plain || end != word.c_str() + word.size()) {
        return in_.error(cat("\"", printable(word), "\" is no number"));
      }
    }
    if (negative) value = -value;
    if (field.kind == TextKind::kDouble) {
      out->fixed64(field.number, bit_cast<uint64_t>(value));
    } else {
      out->fixed32(field.number, bit_cast<uint32_t>(narrow(value)));
    }
    return {};
  }

  // A conversion that is defined for values beyond the largest float, too.
  static float narrow(double value) {
    constexpr double kMax = std::numeric_limits<float>::max();
    if (value > kMax || value < -kMax) {
      // Up to half a step above the largest float still rounds to it.
      constexpr double kHalfway = 3.4028235677973366e38;
      const float limit = std::fabs(value) < kHalfway ? std::numeric_limits<float>::max()
                                                      : std::numeric_limits<float>::infinity();
      return value < 0 ? -limit : limit;
    }
    return static_cast<float>(value);
  }

  // [type.googleapis.com/tensorflow.AssetFileDef] { … } inside an Any.
  Status expanded_any(int depth, WireWriter* out) {
    in_.accept('[');
    WHITTLE_ASSIGN(const std::string_view url, in_.until_bracket());
    in_.accept(':');
    out->bytes(1, url);
    if (url.substr(url.rfind('/') + 1) != "tensorflow.AssetFileDef") return skip_value(depth);
    const char close = open();
    if (close == '\0') return in_.error("a message is expected");
    WireWriter nested;
    WHITTLE_CHECK(fields("AssetFile", close, depth + 1, &nested));
    out->bytes(2, nested.data());
    return {};
  }

  // Any value, whatever its type: a string, a word, or brackets and braces with all they hold.
  Status skip_value(int depth) {
    std::string open_now;
    do {
      const char c = in_.peek();
      if (c == '\0') return in_.error("a message has no end");
      if (c == '"' || c == '\'') {
        WHITTLE_CHECK(in_.string());
      } else if (c == '{' || c == '<' || c == '[') {
        in_.accept(c);
        open_now.push_back(c == '{' ? '}' : c == '<' ? '>' : ']');
        if (open_now.size() + static_cast<size_t>(depth) > kMaxDepth) return in_.error("messages are nested too deeply");
      } else if (!open_now.empty() && c == open_now.back()) {
        in_.accept(c);
        open_now.pop_back();
      } else if (!open_now.empty() && (c == ':' || c == ',' || c == ';' || c == '/')) {
        in_.accept(c);
      } else if (in_.word().empty()) {
        return in_.error(cat("a value is expected, not ", printable(std::string_view(&c, 1))));
      }
    } while (!open_now.empty());
    return {};
  }

  Scanner in_;
};

}  // namespace

Result<std::string> pbtxt_to_binary(std::string_view text, TextRoot root) {
  return Parser(text).run(root == TextRoot::kSavedModel ? "SavedModel" : "GraphDef");
}

}  // namespace whittle::format
