// request.h: the JSON that starts a Session, checked. docs/javascript.md lists the fields.
#ifndef WHITTLE_FACADE_REQUEST_H_
#define WHITTLE_FACADE_REQUEST_H_

#include <optional>
#include <string>
#include <vector>

#include "evaluation.h"
#include "whittle/byte_cache.h"
#include "whittle/recipe.h"

namespace whittle {

enum class Command : uint8_t { kOptimize, kInspect, kList, kEvaluate };

struct Request {
  Command command = Command::kOptimize;
  std::vector<FileEntry> files;
  Recipe recipe;
  bool graph_def = false;               // --format graph_def
  bool keep_devices = false;
  std::optional<std::vector<std::string>> tags;
  std::vector<std::string> signatures, inputs, outputs;
  SampleSpec samples;                   // evaluate
  std::string what;                     // list: "transforms", "presets", "schemes", "kernels"
};

// invalid_argument with the field as place.
Result<Request> parse_request(std::string_view json);

}  // namespace whittle

#endif  // WHITTLE_FACADE_REQUEST_H_
