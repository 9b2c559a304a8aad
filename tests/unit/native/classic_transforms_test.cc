// Our transforms on the cases of the original Graph Transform Tool.
//
// WHITTLE_GOLDENS names the folder of goldens (with gtt/ in it, or that folder itself); without it
// there is nothing to do. Every case whose transforms all exist here is read, run and compared:
//
//   same             the same graph, or an error in both
//   same, renamed    the same graph under other names of inner nodes
//   …                what else is in the verdict, which tests/golden/differences.tsv must list with
//                    the reason why it is so by design
//
// Graphs are compared by structure: op, attributes that are no defaults, inputs, and of constants
// dtype and shape. Their values count through the outputs, which are computed on the case's feeds
// and compared with what TensorFlow gave for the untransformed graph (for quantize_weights and
// round_weights: for the tool's result).
// WHITTLE_VERDICTS=FILE writes all verdicts there; WHITTLE_ONLY=PREFIX picks cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
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
#include "whittle/text.h"

namespace whittle {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Graph, files it lies in, and what was declared.
struct Loaded {
  std::unique_ptr<MemoryFiles> files;
  Model model;
};

Result<Loaded> read_graph(const std::string& path, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs) {
  Loaded out;
  out.files.reset(new MemoryFiles(MemoryFiles::of({{"input.pb", file_content(path)}})));
  ReadOptions options;
  options.inputs = inputs;
  options.outputs = outputs;
  ModelReader reader(out.files->cache().files(), options);
  WHITTLE_ASSIGN(out.model, out.files->run([&](Context& ctx) { return reader.read(ctx); }));
  return out;
}

Status transform(Loaded& loaded, const std::vector<TransformSpec>& transforms) {
  Recipe recipe;
  recipe.transforms = transforms;
  WHITTLE_CHECK(check_recipe(recipe));
  Pipeline pipeline(loaded.model, recipe, {true, {}, {}});
  MemoryScans scans(loaded.files->ctx());
  for (bool more = true; more;) {
    WHITTLE_ASSIGN(more, loaded.files->run([&](Context& ctx) { return pipeline.step(ctx, scans); }));
  }
  loaded.model = pipeline.model();
  return loaded.model.meta.graph.check();
}

// What a graph is, whatever its inner names and the order of its nodes.
struct Structure {
  std::multiset<std::string> nodes;
  std::set<std::string> names;
};

std::string attr_key(const AttrValue& v) {
  switch (v.kind()) {
    case AttrValue::Kind::kString: return v.s();
    case AttrValue::Kind::kInt: return cat(v.i());
    case AttrValue::Kind::kFloat: return cat(v.f());
    case AttrValue::Kind::kBool: return cat(v.b());
    case AttrValue::Kind::kType: return cat(static_cast<int>(v.type()));
    case AttrValue::Kind::kShape: return v.shape().to_string();
    case AttrValue::Kind::kTensor: return cat(static_cast<int>(v.tensor().dtype()), v.tensor().shape().to_string());
    default: return cat("list of ", v.list().size());
  }
}

Structure structure_of(const Model& model) {
  const Graph& g = model.meta.graph;
  Structure out;
  Result<std::vector<NodeId>> order = g.topological_order();
  if (!order.ok()) {
    for (NodeId id : g.ids()) out.nodes.insert(g.node(id).op);
    return out;
  }
  std::map<uint32_t, uint64_t> hash;
  for (NodeId id : order.value()) {
    const Node& n = g.node(id);
    const OpSpec* spec = model.meta.registry->find(n.op);
    std::string key = n.op;
    if (n.op.compare(0, 11, "Placeholder") == 0) key += n.name;
    for (OutputId v : n.inputs()) key += cat(" ", hash[index_of(v.node)], ":", v.slot);
    std::multiset<uint64_t> controls;
    for (NodeId c : n.controls()) controls.insert(hash[index_of(c)]);
    for (uint64_t c : controls) key += cat(" ^", c);
    for (const Attr& a : n.attrs) {
      if (a.name[0] == '_' || (spec != nullptr && is_default_attr(*spec, a.name, a.value))) continue;
      key += cat(" ", a.name, "=", attr_key(a.value));
    }
    if (!n.device.empty()) key += cat(" on ", n.device);
    uint64_t h = 1469598103934665603u;
    for (char c : key) h = (h ^ static_cast<uint8_t>(c)) * 1099511628211u;
    hash[index_of(id)] = h;
    out.nodes.insert(cat(n.op, " ", h));
    out.names.insert(n.name);
  }
  return out;
}

// Empty when the outputs hold, or when an op has no kernel to run them; else "; " and what is wrong.
std::string outputs_of(Loaded& ours, const fs::path& folder, bool lossy) {
  auto feeds = read_npz((folder / "inputs.npz").string());
  auto expected = read_npz((folder / (lossy ? "got.npz" : "expected.npz")).string());
  if (expected.empty()) return "";
  const auto named = [](std::string key) {
    for (size_t at; (at = key.find("%2F")) != std::string::npos;) key.replace(at, 3, "/");
    return key;
  };
  Graph& g = ours.model.meta.graph;
  const auto value = [&](std::string name) {
    OutputId v;
    const size_t colon = name.rfind(':');
    int64_t slot = 0;
    if (colon != std::string::npos && parse_int64(std::string_view(name).substr(colon + 1), &slot)) name.resize(colon);
    v.node = g.find(name);
    v.slot = static_cast<int32_t>(slot);
    return v;
  };
  std::vector<Feed> fed;
  for (const auto& [key, t] : feeds) {
    const OutputId v = value(named(key));
    if (v.node != kNoNode) fed.push_back({v, t});
  }
  std::vector<OutputId> fetches;
  std::vector<const Tensor*> wanted;
  for (const auto& [key, t] : expected) {
    const OutputId v = value(named(key));
    if (v.node == kNoNode) return cat("; output ", named(key), " IS GONE");
    fetches.push_back(v);
    wanted.push_back(&t);
  }
  EvaluatorOptions how;
  how.load = [](const TensorRef& ref, Context& ctx) { return load(ref, ctx); };
  Evaluator evaluator(ours.model.meta, how);
  Result<std::unique_ptr<Run>> run = evaluator.start(fed, fetches, ours.files->ctx());
  if (!run.ok()) return "";
  for (bool done = false; !done;) {
    Result<bool> step = ours.files->run([&](Context& ctx) { return run.value()->step(ctx, 1000); });
    if (!step.ok()) return step.error().code == Code::kUnsupported ? std::string() : cat("; FAILS: ", step.error().message);
    done = step.value();
  }
  const std::vector<Tensor> got = run.value()->results();
  for (size_t i = 0; i < got.size(); ++i) {
    const Tensor& want = *wanted[i];
    if (got[i].dtype() != want.dtype() || got[i].shape() != want.shape()) return "; outputs DIFFER in dtype or shape";
    if (!is_floating(want.dtype()) || want.dtype() == DType::kBfloat16) {
      if (!got[i].identical(want)) return "; outputs DIFFER";
      continue;
    }
    const auto at = [](const Tensor& t, size_t k) -> double {
      if (t.dtype() == DType::kDouble) return t.values<double>()[k];
      return t.dtype() == DType::kHalf ? half_to_float(t.values<uint16_t>()[k]) : t.values<float>()[k];
    };
    const double tolerance = want.dtype() == DType::kHalf ? 2e-3 : 1e-4;
    double largest = 0, apart = 0;
    for (size_t k = 0; k < want.elements(); ++k) {
      const double a = at(want, k), b = at(got[i], k);
      if (std::isnan(a) && std::isnan(b)) continue;
      if (std::isfinite(a)) largest = std::max(largest, std::fabs(a));
      if (a != b) apart = std::max(apart, std::isfinite(a) && std::isfinite(b) ? std::fabs(a - b) : INFINITY);
    }
    if (apart > tolerance * std::max(largest, 1e-6)) return "; outputs DIFFER";
  }
  return "";
}

std::vector<std::string> strings(const Json& j) { return j.is_array() ? j.get<std::vector<std::string>>() : std::vector<std::string>(); }

// Nothing when a transform of the case does not exist here.
std::optional<std::string> verdict_of(const fs::path& folder, const std::string& input) {
  const Json args = Json::parse(file_content((folder / "args.json").string()), nullptr, false);
  if (!args.is_object()) return "args.json cannot be read";
  const bool theirs_failed = !fs::exists(folder / "output.pb");
  if (theirs_failed && !fs::exists(folder / "error.txt")) return std::nullopt;  // only a summary
  const std::string their_error = theirs_failed ? file_content((folder / "error.txt").string()) : "";
  const bool defect = their_error.compare(0, 5, "CRASH") == 0 || their_error.compare(0, 4, "HANG") == 0;
  const std::string text = args.value("transforms", "");
  Result<std::vector<TransformSpec>> transforms = parse_transforms(text);
  if (!transforms.ok()) return theirs_failed ? "same" : cat("refused: ", transforms.error().message);
  for (const TransformSpec& t : transforms.value()) {
    if (find_pass(t.name) == nullptr) return std::nullopt;
  }
  const auto refused = [&](const Error& e) -> std::string {
    if (theirs_failed && !defect) return "same";
    return cat(theirs_failed ? "refused, where the tool breaks: " : "refused: ", e.message);
  };
  Result<Loaded> ours = read_graph(input, strings(args["inputs"]), strings(args["outputs"]));
  if (!ours.ok()) return refused(ours.error());
  const Status status = transform(ours.value(), transforms.value());
  if (!status.ok()) return refused(status.error());
  const bool lossy = text.find("quantize_weights") != std::string::npos || text.find("round_weights") != std::string::npos;
  const std::string outputs = outputs_of(ours.value(), folder, lossy);
  const size_t size = ours->model.meta.graph.size();
  if (theirs_failed) return cat(defect ? "done, where the tool breaks" : "done, where the tool refuses", "; ", size, " nodes", outputs);
  Result<Loaded> theirs = read_graph((folder / "output.pb").string(), strings(args["inputs"]), strings(args["outputs"]));
  if (!theirs.ok()) return cat("done, where the tool's result cannot be read; ", size, " nodes", outputs);
  const Structure a = structure_of(ours->model), b = structure_of(theirs->model);
  if (a.nodes == b.nodes && outputs.empty()) return a.names == b.names ? "same" : "same, renamed";
  if (a.nodes == b.nodes) return cat("same graph", outputs);
  return cat(size, " nodes, the tool ", theirs->model.meta.graph.size(), outputs);
}

// "" when there is no such model.
std::string input_of(const fs::path& folder) {
  if (fs::exists(folder / "input.pb")) return (folder / "input.pb").string();
  const char* models = std::getenv("WHITTLE_MODELS");
  std::string ref = file_content((folder / "input.ref").string());
  ref = ref.substr(0, ref.find_first_of(" \n"));
  if (models == nullptr || ref.empty() || !fs::exists(fs::path(models) / ref)) return "";
  return (fs::path(models) / ref).string();
}

TEST(ClassicTransforms, AgreeWithTheOriginalToolOrDifferForAReason) {
  const char* goldens = std::getenv("WHITTLE_GOLDENS");
  if (goldens == nullptr) GTEST_SKIP() << "no folder of goldens";
  fs::path root = goldens;
  if (fs::exists(root / "gtt")) root /= "gtt";
  if (!fs::exists(root / "driver_empty")) GTEST_SKIP() << "the folder has no cases of the classic tool";
  const char* only = std::getenv("WHITTLE_ONLY");

  std::map<std::string, std::string> by_design;
  std::ifstream table(fs::path(WHITTLE_TEST_DATA).parent_path() / "golden" / "differences.tsv");
  ASSERT_TRUE(table.is_open());
  for (std::string line; std::getline(table, line);) {
    const std::vector<std::string_view> columns = split(line, '\t');
    if (line.empty() || line[0] == '#' || columns.size() < 3) continue;
    ASSERT_FALSE(columns[2].empty()) << "no reason: " << line;
    by_design[std::string(columns[0])] = std::string(columns[1]);
  }

  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_directory() && fs::exists(entry.path() / "args.json")) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  std::ofstream verdicts;
  if (const char* path = std::getenv("WHITTLE_VERDICTS")) verdicts.open(path);
  size_t run = 0;
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    if (only != nullptr && name.compare(0, std::string(only).size(), only) != 0) continue;
    const std::string input = input_of(folder);
    if (input.empty()) continue;
    if (verdicts.is_open()) verdicts << name << "\t" << std::flush;
    const std::optional<std::string> verdict = verdict_of(folder, input);
    if (verdicts.is_open()) verdicts << verdict.value_or("-") << "\n" << std::flush;
    if (!verdict) continue;
    ++run;
    if (*verdict == "same" || *verdict == "same, renamed") {
      EXPECT_TRUE(by_design.find(name) == by_design.end()) << name << " agrees now: take it out of differences.tsv";
      continue;
    }
    const auto reason = by_design.find(name);
    EXPECT_EQ(reason == by_design.end() ? "no row" : reason->second, *verdict) << name;
  }
  if (only == nullptr) {
    EXPECT_GT(run, 200u);
  }
}

}  // namespace
}  // namespace whittle
