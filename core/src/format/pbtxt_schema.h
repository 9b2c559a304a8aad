// pbtxt_schema.h: names, numbers and kinds of the fields that a text model may hold.
#ifndef WHITTLE_FORMAT_PBTXT_SCHEMA_H_
#define WHITTLE_FORMAT_PBTXT_SCHEMA_H_

#include <cstdint>
#include <string_view>

namespace whittle::format {

enum class TextKind : uint8_t {
  kInt,
  kBool,
  kFloat,
  kDouble,
  kString,
  kDtype,
  kMessage,
  kSkip,     // parsed over, not written: known to TensorFlow, of no use here
  kPresent,  // the same, but written as an empty message: its presence tells something
  kRefuse,   // would be lost
};

struct TextField {
  uint32_t number = 0;
  TextKind kind = TextKind::kSkip;
  std::string_view message;  // kMessage
};

// False when the message has no such field (or there is no such message).
bool find_text_field(std::string_view message, std::string_view field, TextField* out);

// "DT_FLOAT", "DT_INT8_REF" → 1, 106; -1 when unknown.
int64_t text_dtype(std::string_view name);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_PBTXT_SCHEMA_H_
