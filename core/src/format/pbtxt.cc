#include "pbtxt.h"

#include <google/protobuf/io/strtod.h>

#include <cmath>
#include <limits>

#include "pbtxt_schema.h"
#include "text_scanner.h"
#include "whittle/math.h"
#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::format {
namespace {

constexpr int kMaxDepth = 100;

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
      if (name.empty())
        return in_.error(cat("a field name is expected, not ", printable(std::string_view(&c, 1))));
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
      do { WHITTLE_CHECK(value(field, depth, out)); } while (in_.accept(','));
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
      case TextKind::kRefuse:
        return unsupported(
            "a text model holds a value that only the binary form can: save it as saved_model.pb");
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
      const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                             : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                    : 99;
      good = good && digit < base && !mul_overflows(value, base, &value) &&
             !add_overflows(value, digit, &value);
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
      const bool plain =
          !word.empty() && word.find_first_not_of("0123456789.e+-") == std::string::npos;
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
        if (open_now.size() + static_cast<size_t>(depth) > kMaxDepth)
          return in_.error("messages are nested too deeply");
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

  TextScanner in_;
};

}  // namespace

Result<std::string> pbtxt_to_binary(std::string_view text, TextRoot root) {
  return Parser(text).run(root == TextRoot::kSavedModel ? "SavedModel" : "GraphDef");
}

}  // namespace whittle::format
