#include "whittle/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "json_text.h"
#include "verification_json.h"
#include "whittle/text.h"

namespace whittle {
namespace {

using Json = nlohmann::ordered_json;

Json savings(const std::vector<Saving>& list) {
  Json out = Json::array();
  for (const Saving& s : list) out.push_back({{"cause", text(s.cause)}, {"bytes", s.bytes}, {"nodes", s.nodes}});
  return out;
}

// Unknown dimensions and an unknown rank are null.
Json shape(const Shape& s) {
  if (s.unknown_rank) return nullptr;
  Json out = Json::array();
  for (int64_t d : s.dims) out.push_back(d < 0 ? Json(nullptr) : Json(d));
  return out;
}

Json endpoints(const std::vector<ReportEndpoint>& list) {
  Json out = Json::array();
  for (const ReportEndpoint& e : list) {
    out.push_back({{"key", text(e.key)}, {"name", text(e.name)}, {"dtype", e.dtype}, {"shape", shape(e.shape)}});
  }
  return out;
}

Json signatures(const std::vector<ReportSignature>& list) {
  Json out = Json::array();
  for (const ReportSignature& s : list) {
    out.push_back({{"key", text(s.key)},
                   {"method_name", text(s.method_name)},
                   {"inputs", endpoints(s.inputs)},
                   {"outputs", endpoints(s.outputs)}});
  }
  return out;
}

Json tensor(const ReportTensor& t) {
  const WeightRecord& r = t.record;
  Json out{{"name", text(r.name)},
           {"dtype", dtype_name(r.dtype)},
           {"shape", r.shape.dims},
           {"bytes_before", r.bytes_before},
           {"bytes_after", r.bytes_after},
           {"scheme", r.scheme},
           {"sqnr_db", nullptr},
           {"max_error", nullptr},
           {"reason", r.reason.empty() ? Json(nullptr) : Json(text(r.reason))}};
  if (t.sqnr_db) out["sqnr_db"] = *t.sqnr_db;
  if (t.max_error) out["max_error"] = *t.max_error;
  return out;
}

Json pairs(const std::vector<std::pair<std::string, uint64_t>>& list, const char* key, const char* value) {
  Json out = Json::array();
  for (const auto& [name, number] : list) out.push_back({{key, text(name)}, {value, number}});
  return out;
}

ReportEndpoint endpoint(const MetaGraph& meta, const std::string& key, const TensorInfo& info) {
  ReportEndpoint out{key, "", dtype_name(info.dtype), info.shape};
  if (!info.tensors.empty()) out.name = cat(meta.graph.node(info.tensors[0].node).name, ":", info.tensors[0].slot);
  return out;
}

}  // namespace

std::string to_json(const Report& r) {
  Json recipe{{"preset", r.preset.empty() ? Json(nullptr) : Json(r.preset)}, {"transforms", Json::array()}};
  for (const ReportTransform& t : r.transforms) {
    Json args = Json::array();
    for (const auto& [name, value] : t.args) args.push_back({{"name", text(name)}, {"value", text(value)}});
    recipe["transforms"].push_back({{"name", t.name}, {"args", args}});
  }
  Json passes = Json::array();
  for (const ReportPass& p : r.passes) {
    passes.push_back({{"name", p.name},
                      {"patches", p.patches},
                      {"rolled_back", p.rolled_back},
                      {"why", p.why.empty() ? Json(nullptr) : Json(text(p.why))},
                      {"nodes_removed", p.nodes_removed},
                      {"bytes_removed", p.bytes_removed}});
  }
  Json explained = Json::array();
  for (const ReportExplained& e : r.explained) {
    explained.push_back({{"node", text(e.node)}, {"pass", e.pass.empty() ? Json(nullptr) : Json(e.pass)}, {"what", text(e.what)}});
  }
  Json tensors = Json::array();
  for (const ReportTensor& t : r.tensors) tensors.push_back(tensor(t));
  const Json out{
      {"schema", "whittle-report/1"},
      {"input", {{"format", r.input_format}, {"bytes", r.input_bytes}, {"tags", texts(r.tags)}, {"tensorflow_version", text(r.tensorflow_version)}}},
      {"output", {{"format", r.output_format}, {"form", r.form}, {"bytes", r.output_bytes}, {"files", r.output_files}}},
      {"recipe", recipe},
      {"nodes", {{"before", r.nodes_before}, {"after", r.nodes_after}}},
      {"bytes", {{"before", r.input_bytes}, {"after", r.output_bytes}}},
      {"causes", savings(r.causes)},
      {"passes", passes},
      {"tensors", tensors},
      {"eligible_bytes", r.eligible_bytes},
      {"quantized_bytes", r.quantized_bytes},
      {"warnings", texts(r.warnings)},
      {"signatures", signatures(r.signatures)},
      {"lost", texts(r.lost)},
      {"opaque_ops", texts(r.opaque_ops)},
      {"explained", std::move(explained)},
      {"verification", verification_json(r.verification)},
      {"verdict", r.verdict}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_json(const Inspection& r) {
  Json tag_sets = Json::array();
  for (const auto& tags : r.tag_sets) tag_sets.push_back(texts(tags));
  const Json out{{"schema", "whittle-inspection/1"},
                 {"input", {{"format", r.format}, {"bytes", r.bytes}, {"tags", texts(r.tags)}, {"tensorflow_version", text(r.tensorflow_version)}}},
                 {"tag_sets", tag_sets},
                 {"nodes", r.nodes},
                 {"functions", r.functions},
                 {"files", pairs(r.files, "path", "bytes")},
                 {"ops", pairs(r.ops, "op", "count")},
                 {"causes", savings(r.causes)},
                 {"tensors", pairs(r.tensors, "name", "bytes")},
                 {"signatures", signatures(r.signatures)},
                 {"assets", texts(r.assets)},
                 {"warnings", texts(r.warnings)},
                 {"lost", texts(r.lost)},
                 {"opaque_ops", texts(r.opaque)}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<ReportSignature> describe_signatures(const MetaGraph& meta) {
  std::vector<ReportSignature> out;
  for (const Signature& s : meta.signatures) {
    ReportSignature r{s.key, s.method_name, {}, {}};
    for (const auto& [key, info] : s.inputs) r.inputs.push_back(endpoint(meta, key, info));
    for (const auto& [key, info] : s.outputs) r.outputs.push_back(endpoint(meta, key, info));
    out.push_back(std::move(r));
  }
  return out;
}

std::vector<std::string> opaque_ops(const MetaGraph& meta) {
  std::set<std::string> found;
  const auto collect = [&](const Graph& g) {
    for (NodeId id : g.ids()) {
      const std::string& op = g.node(id).op;
      if (op != "_Arg" && op != "_Retval" && !meta.library.has(op) && OpRegistry::builtin().find(op) == nullptr) found.insert(op);
    }
  };
  collect(meta.graph);
  for (const std::string& name : meta.library.names()) {
    if (const Function* f = meta.library.find_decoded(name)) collect(f->body);
  }
  return {found.begin(), found.end()};
}

}  // namespace whittle
