// options: the accessors of the classic tool (graph-transforms.md §3), checked once for all.
//
//   int     decimal digits with an optional '-', white space around them, 64 bits
//   float   decimal with exponent, or 0x and hexadecimal digits, "inf", "nan"; blank text is 0
//   bool    true, false, 1, 0; nothing else, no white space
#include <cassert>
#include <limits>

#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// 10^exponent by squaring: exact up to 10^22, a few units in the last place beyond.
double power_of_ten(int exponent) {
  double result = 1, base = 10;
  for (int e = exponent; e > 0; e /= 2) {
    if (e % 2 != 0) result *= base;
    base *= base;
  }
  return result;
}

// strtof depends on the embedder's locale; this does not. At most 19 digits count.
bool parse_float(std::string_view given, float* value) {
  if (given.empty()) return false;
  std::string_view text = trim(given);
  *value = 0;
  if (text.empty()) return true;
  bool negative = false;
  if (text[0] == '-' || text[0] == '+') {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const auto done = [&](double v) {
    // Casting what no float can hold is undefined; halfway to the next power it becomes infinity.
    constexpr double kLargest = static_cast<double>(std::numeric_limits<float>::max());
    constexpr double kInfinite = kLargest + 0x1p103;
    const float f = v >= kInfinite ? std::numeric_limits<float>::infinity()
                                   : static_cast<float>(v > kLargest ? kLargest : v);
    *value = negative ? -f : f;
    return true;
  };
  if (text == "inf") return done(std::numeric_limits<double>::infinity());
  if (text == "nan") {
    *value = std::numeric_limits<float>::quiet_NaN();
    return true;
  }
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    double v = 0;
    for (char c : text.substr(2)) {
      if (hex_digit(c) < 0) return false;
      v = v * 16 + hex_digit(c);
    }
    return done(v);
  }
  uint64_t mantissa = 0;
  int exponent = 0, digits = 0;
  size_t at = 0;
  bool fraction = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.') {
      if (fraction) return false;
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    ++digits;
    if (mantissa <= (UINT64_MAX - 9) / 10) {
      mantissa = mantissa * 10 + static_cast<uint64_t>(c - '0');
      if (fraction) --exponent;
    } else if (!fraction) {
      ++exponent;
    }
  }
  if (digits == 0) return false;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return false;
    std::string_view rest = text.substr(at + 1);
    if (!rest.empty() && rest[0] == '+') {
      rest.remove_prefix(1);
      if (!rest.empty() && rest[0] == '-') return false;
    }
    int64_t given_exponent = 0;
    if (!parse_int64(rest, &given_exponent)) return false;
    if (given_exponent > 10000) given_exponent = 10000;
    if (given_exponent < -10000) given_exponent = -10000;
    exponent += static_cast<int>(given_exponent);
  }
  if (mantissa == 0) return done(0);
  if (exponent > 400) exponent = 400;
  if (exponent < -400) exponent = -400;
  const double m = static_cast<double>(mantissa);
  return done(exponent < 0 ? m / power_of_ten(-exponent) : m * power_of_ten(exponent));
}

bool parse_bool(std::string_view text, int64_t* value) {
  *value = text == "true" || text == "1" ? 1 : 0;
  return *value != 0 || text == "false" || text == "0";
}

}  // namespace

Result<Options> Options::make(std::string_view transform, std::span<const OptionSpec> specs,
                              const std::vector<std::pair<std::string, std::string>>& given) {
  Options options;
  for (const auto& [name, text] : given) {
    bool known = false;
    std::vector<std::string> names;
    for (const OptionSpec& spec : specs) {
      known = known || spec.name == name;
      names.emplace_back(spec.name);
    }
    if (known) continue;
    return invalid_argument(cat(transform, " has no parameter '", printable(name), "'",
                                names.empty() ? std::string() : cat("; it has ", join(names, ", "))));
  }
  for (const OptionSpec& spec : specs) {
    Value value;
    value.name = std::string(spec.name);
    for (const auto& [name, text] : given) {
      if (spec.name == name) value.texts.push_back(text);
    }
    value.given = !value.texts.empty();
    if (spec.type == OptionType::kStrings) {
      options.values_.push_back(std::move(value));
      continue;
    }
    if (value.texts.size() > 1) {
      return invalid_argument(cat("Expected a single '", spec.name, "' parameter, but found ",
                                  value.texts.size(), " occurrences"));
    }
    if (!value.given) value.texts.emplace_back(spec.default_text);
    const std::string& text = value.texts[0];
    switch (spec.type) {
      case OptionType::kBool:
        if (!parse_bool(text, &value.i)) {
          return invalid_argument(cat("Couldn't interpret the ", spec.name, " argument as a boolean:",
                                      printable(text), " (expected true, false, 0 or 1)"));
        }
        break;
      case OptionType::kInt:
        if (!parse_int64(trim(text), &value.i)) {
          return invalid_argument(cat("Couldn't interpret the ", spec.name,
                                      " argument as a number:", printable(text)));
        }
        break;
      case OptionType::kFloat:
        if (!parse_float(text, &value.f)) {
          return invalid_argument(cat("Couldn't interpret the ", spec.name,
                                      " argument as a float number:", printable(text)));
        }
        break;
      case OptionType::kString:
      case OptionType::kStrings: break;
    }
    options.values_.push_back(std::move(value));
  }
  return options;
}

const Options::Value* Options::find(std::string_view name) const {
  for (const Value& value : values_) {
    if (value.name == name) return &value;
  }
  assert(false && "an option that its transform does not declare");
  static const Value kNone{{}, false, 0, 0, {std::string()}};
  return &kNone;
}

bool Options::flag(std::string_view name) const { return find(name)->i != 0; }
int64_t Options::integer(std::string_view name) const { return find(name)->i; }
float Options::real(std::string_view name) const { return find(name)->f; }
const std::string& Options::text(std::string_view name) const { return find(name)->texts[0]; }
const std::vector<std::string>& Options::texts(std::string_view name) const {
  return find(name)->texts;
}
bool Options::given(std::string_view name) const { return find(name)->given; }

}  // namespace whittle
