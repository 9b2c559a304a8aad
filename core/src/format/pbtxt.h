// pbtxt.h: text form of SavedModel and GraphDef → their binary form.
//
// Grammar  formats.md §7.7: `field: value`, `field { }` or `field < >`, lists in brackets, adjacent
//          strings joined, C escapes, comments, optional ',' or ';' after a field, enum values by
//          name or number, Any expanded as [type.googleapis.com/tensorflow.X] { }.
// Schema   a table of the messages that a model consists of. Fields known to TensorFlow but of no
//          use here are skipped with their value; a name that no message has is corrupt, as in
//          TensorFlow.
// Errors   corrupt with "line N".
// Depth    at most 100 nested messages.
#ifndef WHITTLE_FORMAT_PBTXT_H_
#define WHITTLE_FORMAT_PBTXT_H_

#include <string>
#include <string_view>

#include "whittle/result.h"

namespace whittle::format {

enum class TextRoot : uint8_t { kSavedModel, kGraphDef };

Result<std::string> pbtxt_to_binary(std::string_view text, TextRoot root);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_PBTXT_H_
