// request.h: the JSON that starts a Session, checked. docs/javascript.md lists the fields.
#ifndef WHITTLE_FACADE_REQUEST_H_
#define WHITTLE_FACADE_REQUEST_H_

#include <optional>
#include <string>
#include <vector>

#include "evaluation.h"
#include "whittle/byte_cache.h"
#include "whittle/pipeline.h"
#include "whittle/recipe.h"

namespace whittle {

enum class Command : uint8_t { kOptimize, kInspect, kList, kEvaluate, kCompare };

// Whose file it is: of the model, of the second model of a comparison, or samples.
enum class FileRole : uint8_t { kModel, kOther, kSamples };

struct VerifyRequest {
  bool wanted = true;
  std::string why_not = "not asked for";
  std::optional<uint64_t> probes;       // none: as many as are cheap
  std::optional<double> min_sqnr_db, min_agreement;
  bool keep_anyway = false;             // a missed bound is only reported
};

struct Request {
  Command command = Command::kOptimize;
  std::vector<FileEntry> files;         // model, other, samples, in this order
  std::vector<FileRole> roles;          // of each file
  Recipe recipe;
  bool graph_def = false;               // --format graph_def
  PipelineOptions pipeline;
  std::optional<std::vector<std::string>> tags;
  std::vector<std::string> signatures, inputs, outputs;
  SampleSpec samples;                   // evaluate
  VerifyRequest verify;                 // optimize, compare
  std::string what;                     // list: "transforms", "presets", "schemes", "kernels"
};

// The files of one role under their indices; those of others have neither path nor size.
std::vector<FileEntry> files_of(const Request& request, FileRole role);

// invalid_argument with the field as place.
Result<Request> parse_request(std::string_view json);

}  // namespace whittle

#endif  // WHITTLE_FACADE_REQUEST_H_
