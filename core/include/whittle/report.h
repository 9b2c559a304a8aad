// report.h: what happened to a model, as data and as JSON (schema "whittle-report/1").
//
// docs/report.md lists every field. Numbers are bytes, nodes and decibels; a field that does not
// apply is null. Keys come in a fixed order, so equal runs give equal text.
#ifndef WHITTLE_REPORT_H_
#define WHITTLE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "whittle/model.h"
#include "whittle/verification.h"

namespace whittle {

struct ReportPass {
  std::string name;
  uint64_t patches = 0;
  bool rolled_back = false;
  std::string why;
  int64_t nodes_removed = 0, bytes_removed = 0;
};

struct ReportTensor {
  WeightRecord record;
  std::optional<double> sqnr_db;    // 10 log10(signal / noise); null when nothing was lost or measured
  std::optional<double> max_error;
};

struct ReportEndpoint {
  std::string key;
  std::string name;   // "node:slot"; the values of a sparse tensor, "" for composites
  std::string dtype;
  Shape shape;
};

struct ReportSignature {
  std::string key, method_name;
  std::vector<ReportEndpoint> inputs, outputs;
};

struct ReportTransform {
  std::string name;
  std::vector<std::pair<std::string, std::string>> args;
};

// One thing that happened to a node that the caller follows; `pass` is empty when nothing did.
struct ReportExplained {
  std::string node, pass, what;
};

struct Report {
  std::string input_format;         // "saved_model", "saved_model_text", "graph_def", "graph_def_text"
  std::vector<std::string> tags;
  std::string tensorflow_version;
  uint64_t input_bytes = 0, output_bytes = 0;
  std::string output_format, form;
  uint64_t output_files = 0;
  std::string preset;
  std::vector<ReportTransform> transforms;
  uint64_t nodes_before = 0, nodes_after = 0;
  std::vector<Saving> causes;       // sorted by bytes, largest first; they add up to the difference
  std::vector<ReportPass> passes;
  std::vector<ReportTensor> tensors;
  uint64_t eligible_bytes = 0, quantized_bytes = 0;  // float bytes of weights, and those with a scheme
  std::vector<std::string> warnings;
  std::vector<ReportSignature> signatures;
  std::vector<std::string> lost;    // what only the object graph held
  std::vector<std::string> opaque_ops;  // ops nobody describes, kept untouched
  std::vector<ReportExplained> explained;
  Verification verification;
  std::string verdict;              // "smaller", "nothing to gain"
};

std::string to_json(const Report& report);

// Signatures of a model with dtypes and shapes as text.
std::vector<ReportSignature> describe_signatures(const MetaGraph& meta);
// Ops of the graph and its functions that the registry does not describe, sorted.
std::vector<std::string> opaque_ops(const MetaGraph& meta);

struct Inspection {
  std::string format;
  std::vector<std::string> tags;
  std::vector<std::vector<std::string>> tag_sets;
  std::string tensorflow_version;
  uint64_t bytes = 0, nodes = 0, functions = 0;
  std::vector<std::pair<std::string, uint64_t>> files;        // path, bytes
  std::vector<std::pair<std::string, uint64_t>> ops;          // op, count; most frequent first
  std::vector<Saving> causes;                                 // where the bytes are, largest first
  std::vector<std::pair<std::string, uint64_t>> tensors;      // largest first, at most 50
  std::vector<ReportSignature> signatures;
  std::vector<std::string> assets, warnings, lost, opaque;
};

std::string to_json(const Inspection& inspection);

}  // namespace whittle

#endif  // WHITTLE_REPORT_H_
