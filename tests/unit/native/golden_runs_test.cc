// The evaluator on whole models, against what TensorFlow gave for them.
//
// WHITTLE_MODELS names the folder of models, with their outputs in its folder goldens; without it
// there is nothing to do. Every model is read, brought into its frozen form (preset exact), and run.
// With WHITTLE_RUNS_TABLE the table for docs/kernels.md is written there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "native/npz.h"
#include "support/files.h"
#include "support/run_pass.h"
#include "whittle/evaluator.h"
#include "whittle/math.h"
#include "whittle/pipeline.h"
#include "whittle/quant.h"
#include "whittle/saved_model.h"
#include "whittle/tensor_bundle.h"
#include "whittle/text.h"

namespace whittle {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::vector<MemoryFile> files_below(const fs::path& root) {
  std::vector<MemoryFile> out;
  std::error_code error;
  if (fs::is_regular_file(root, error)) {
    return {{root.filename().string(), file_content(root.string())}};
  }
  for (fs::recursive_directory_iterator it(root, error), end; it != end; it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    out.push_back({fs::relative(it->path(), root).generic_string(), file_content(it->path().string())});
  }
  std::sort(out.begin(), out.end(),
            [](const MemoryFile& a, const MemoryFile& b) { return a.path < b.path; });
  return out;
}

struct Outcome {
  std::string model, signature, verdict;  // "equal", "93 dB", "not run: …", "failed: …"
  bool ran = false, good = false;
};

double real_at(const Tensor& t, size_t i) {
  switch (t.dtype()) {
    case DType::kFloat: return t.values<float>()[i];
    case DType::kDouble: return t.values<double>()[i];
    case DType::kHalf: return half_to_float(t.values<uint16_t>()[i]);
    case DType::kBfloat16: return bfloat16_to_float(t.values<uint16_t>()[i]);
    default: return 0;
  }
}

// Signal to noise in dB, +infinity when equal; nullopt where shapes or dtypes differ.
std::optional<double> agreement(const Tensor& ours, const Tensor& theirs) {
  Tensor golden = theirs;
  if (ours.dtype() == DType::kBfloat16 && theirs.dtype() != ours.dtype() &&
      byte_width(theirs.dtype()) == 2) {
    golden = Tensor(DType::kBfloat16, theirs.shape(), theirs.buffer());
  }
  if (ours.dtype() != golden.dtype() || ours.shape() != golden.shape()) return std::nullopt;
  if (ours.identical(golden)) return INFINITY;
  if (ours.is_string()) {
    for (size_t i = 0; i < ours.elements(); ++i) {
      // The file cannot tell trailing zeros.
      std::string s = ours.strings()[i];
      while (!s.empty() && s.back() == '\0') s.pop_back();
      if (s != golden.strings()[i]) return -1;
    }
    return INFINITY;
  }
  if (!is_floating(ours.dtype())) return -1;
  double signal = 0, noise = 0;
  for (size_t i = 0; i < ours.elements(); ++i) {
    const double x = real_at(ours, i), y = real_at(golden, i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!std::isfinite(x) || !std::isfinite(y)) return -1;
    noise += (x - y) * (x - y);
  }
  for (size_t i = 0; i < ours.elements(); ++i) {
    const double y = real_at(golden, i);
    if (std::isfinite(y)) signal += y * y;
  }
  return noise == 0 ? INFINITY : 10 * std::log10(signal / noise);
}

// Goldens name the parts of a sparse tensor by what they are, those of a composite by their tensor.
void collect(const Graph& graph, const std::string& key, const TensorInfo& info,
             std::vector<std::pair<std::string, OutputId>>& out) {
  static const char* const kSparse[] = {"values", "indices", "dense_shape"};
  for (size_t i = 0; i < info.tensors.size(); ++i) {
    out.emplace_back(info.tensors.size() == 3 ? key + "/" + kSparse[i] : key, info.tensors[i]);
  }
  for (const TensorInfo& part : info.components) {
    for (const OutputId& value : part.tensors) {
      out.emplace_back(cat(key, "/", graph.node(value.node).name, ":", value.slot), value);
    }
  }
}

Result<Outcome> run_golden(const fs::path& models, const fs::path& goldens, const Json& entry) {
  Outcome outcome;
  outcome.model = entry.value("model", "");
  const bool frozen = entry.contains("kind");
  fs::path root = models / entry.value("path", "");
  if (!fs::exists(root)) root = models / "generated" / entry.value("path", "");
  outcome.signature = frozen ? fs::path(entry.value("path", "")).stem().string()
                             : entry.value("signature", "");
  auto arrays = read_npz((goldens / entry.value("file", "")).string());
  if (arrays.empty()) return invalid_argument("golden cannot be read");
  MemoryFiles files = MemoryFiles::of(files_below(root), uint64_t{2} << 30);
  files.ctx().set_memory_budget(uint64_t{1} << 30);
  ReadOptions options;
  const bool by_name = frozen || outcome.signature == "(none)";
  if (!by_name) options.signatures = {outcome.signature};
  if (entry.contains("tags")) options.tags = entry["tags"].get<std::vector<std::string>>();
  std::map<std::string, Tensor> in, expected;
  for (auto& [name, t] : arrays) {
    if (name.compare(0, 3, "in/") == 0) in[name.substr(3)] = t;
    if (name.compare(0, 4, "out/") == 0) expected[name.substr(4)] = t;
  }
  if (by_name) {
    for (const auto& [name, t] : in) options.inputs.push_back(name);
    for (const auto& [name, t] : expected) options.outputs.push_back(name);
  }
  ModelReader reader(files.cache().files(), options);
  WHITTLE_ASSIGN(Model model, files.run([&](Context& ctx) { return reader.read(ctx); }));
  const std::string at = reader.detected().root;
  if (find_file(files.cache().files(), at, "variables/variables.index")) {
    WHITTLE_ASSIGN(model.meta.checkpoint,
                   files.run([&](Context& ctx) -> Result<std::shared_ptr<const Checkpoint>> {
                     WHITTLE_ASSIGN(auto bundle, open_tensor_bundle("variables/variables", [&](std::string_view p) {
                       return find_file(files.cache().files(), at, p);
                     }, ctx));
                     return std::shared_ptr<const Checkpoint>(std::move(bundle));
                   }));
  }
  WHITTLE_ASSIGN(Recipe recipe, preset_recipe("exact"));
  Pipeline pipeline(std::move(model), recipe, {});
  MemoryScans scans(files.ctx());
  for (bool more = true; more;) {
    WHITTLE_ASSIGN(more, files.run([&](Context& ctx) { return pipeline.step(ctx, scans); }));
  }
  MetaGraph& meta = pipeline.model().meta;
  EvaluatorOptions how;
  how.load = [](const TensorRef& ref, Context& ctx) { return load(ref, ctx); };
  how.read_file = [&](const std::string& path, Context& ctx) -> Result<std::string> {
    const std::optional<FileId> file = find_file(files.cache().files(), at, "assets/" + path);
    if (!file) return not_found(cat("asset ", path));
    WHITTLE_ASSIGN(auto bytes, ctx.bytes()->fetch({*file, 0, ctx.bytes()->file_size(*file)}));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  how.memory_budget = uint64_t{2} << 30;
  Evaluator evaluator(meta, how);
  WHITTLE_CHECK(files.run([&](Context& ctx) { return evaluator.initialize(ctx); }));
  if (meta.signatures.size() != 1) return invalid_argument("not one signature");
  const Signature& signature = meta.signatures[0];
  std::vector<std::pair<std::string, OutputId>> inputs, outputs;
  for (const auto& [key, info] : signature.inputs) collect(meta.graph, key, info, inputs);
  for (const auto& [key, info] : signature.outputs) collect(meta.graph, key, info, outputs);
  std::vector<Feed> feeds;
  for (const auto& [key, value] : inputs) {
    // The files cannot tell an array of bfloat16 from raw bytes.
    if (in.count(key) != 0) feeds.push_back({value, in[key]});
  }
  std::vector<OutputId> fetches;
  for (const auto& [key, value] : outputs) fetches.push_back(value);
  WHITTLE_ASSIGN(std::unique_ptr<Run> run, evaluator.start(feeds, fetches, files.ctx()));
  for (bool done = false; !done;) {
    WHITTLE_ASSIGN(done, files.run([&](Context& ctx) { return run->step(ctx, 1000); }));
  }
  const std::vector<Tensor> got = run->results();
  outcome.ran = true;
  double worst = INFINITY;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto golden = expected.find(outputs[i].first);
    if (golden == expected.end()) continue;
    const std::optional<double> db = agreement(got[i], golden->second);
    if (!db) {
      outcome.verdict = cat("output ", outputs[i].first, " is ", dtype_name(got[i].dtype()),
                            got[i].shape().to_string(), " instead of ",
                            dtype_name(golden->second.dtype()), golden->second.shape().to_string());
      return outcome;
    }
    worst = std::min(worst, *db);
  }
  outcome.good = worst >= 90;
  outcome.verdict = std::isinf(worst) ? "equal" : cat(std::floor(worst), " dB");
  return outcome;
}

TEST(GoldenRuns, SharedModelsGiveTensorFlowsOutputs) {
  const char* models = std::getenv("WHITTLE_MODELS");
  if (models == nullptr) GTEST_SKIP() << "no folder of models: WHITTLE_MODELS";
  const std::string goldens = std::string(models) + "/goldens";
  const char* only = std::getenv("WHITTLE_ONLY");
  const Json index = Json::parse(file_content(goldens + "/index.json"), nullptr, false);
  ASSERT_TRUE(index.is_object());
  std::set<std::string> good_shared, good_generated;
  std::string table;
  size_t ran = 0;
  Json entries = index["models"];
  std::set<std::string> indexed;
  for (const Json& entry : entries) indexed.insert(entry.value("model", ""));
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(goldens, error)) {
    const std::string name = folder.path().filename().string();
    if (!folder.is_directory() || name == "generated" || indexed.count(name) != 0) continue;
    for (const auto& file : fs::directory_iterator(folder.path(), error)) {
      entries.push_back({{"model", name},
                         {"path", name},
                         {"signature", file.path().stem().string()},
                         {"file", name + "/" + file.path().filename().string()}});
    }
  }
  for (const Json& entry : entries) {
    if (!entry.contains("file") || !entry["file"].is_string()) continue;
    if (only != nullptr && entry.value("model", "").find(only) == std::string::npos) continue;
    Outcome outcome;
    Result<Outcome> result = run_golden(models, goldens, entry);
    if (result.ok()) {
      outcome = std::move(result).value();
    } else {
      outcome.model = entry.value("model", "");
      outcome.signature = entry.contains("signature") && entry["signature"].is_string()
                              ? entry["signature"].get<std::string>()
                              : entry.value("path", "");
      outcome.verdict = cat(result.error().code == Code::kUnsupported ? "not run: " : "failed: ",
                            result.error().to_string());
    }
    const bool generated = entry["file"].get<std::string>().compare(0, 10, "generated/") == 0;
    if (outcome.good) (generated ? good_generated : good_shared).insert(outcome.model);
    ran += outcome.ran;
    EXPECT_TRUE(outcome.good || !outcome.ran) << outcome.model << " " << outcome.verdict;
    table += cat("| ", outcome.model, " | ", outcome.signature, " | ", outcome.verdict, " |\n");
  }
  std::printf("%s%zu signatures ran; models right: %zu shared, %zu generated\n", table.c_str(), ran,
              good_shared.size(), good_generated.size());
  if (const char* path = std::getenv("WHITTLE_RUNS_TABLE")) {
    if (std::FILE* file = std::fopen(path, "wb")) {
      std::fputs(table.c_str(), file);
      std::fclose(file);
    }
  }
  if (only == nullptr) {
    EXPECT_GE(good_shared.size(), 30u);
    EXPECT_GE(good_generated.size(), 24u);
  }
}

}  // namespace
}  // namespace whittle
