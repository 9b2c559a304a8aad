// text_scanner.h: protobuf text, cut into words, strings and single characters.
//
// A word is a name or a number as it stands, with its sign, point and exponent. Adjacent string
// literals are one string; escapes are those of C. Comments and white space are passed over.
// Errors  corrupt with "line N".
#ifndef WHITTLE_FORMAT_TEXT_SCANNER_H_
#define WHITTLE_FORMAT_TEXT_SCANNER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "whittle/result.h"

namespace whittle::format {

class TextScanner {
 public:
  explicit TextScanner(std::string_view text) : text_(text) {}

  // The character that comes next; '\0' at the end of the text only.
  char peek();
  bool accept(char c);
  std::string_view word();  // empty when something else comes
  Result<std::string> string();
  // "type.googleapis.com/tensorflow.X]", after its opening bracket was accepted.
  Result<std::string_view> until_bracket();
  Error error(std::string message) const;

 private:
  bool in_exponent(size_t begin) const;
  Status escape(std::string* out);

  std::string_view text_;
  size_t at_ = 0;
  uint64_t line_ = 1;
};

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_TEXT_SCANNER_H_
