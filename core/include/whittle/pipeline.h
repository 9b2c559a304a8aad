// pipeline.h: runs the transforms of a recipe over a model, one at a time.
//
// A pass that lacks bytes or scans is undone and run again when they are there; a pass that made the
// model larger is undone and said so; one that fails with ignore_errors=true is undone and warned of.
// In debug builds the graph's invariants are checked after every pass.
//
// Before the recipe's own transforms a SavedModel is brought into the form they expect: variables
// bound, pruned to its signatures, functions inlined, variables frozen.
#ifndef WHITTLE_PIPELINE_H_
#define WHITTLE_PIPELINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "whittle/pass.h"
#include "whittle/recipe.h"

namespace whittle {

struct PassRun {
  std::string name;
  uint64_t patches = 0;       // node-scope passes; 1 for a model-scope pass that changed something
  bool rolled_back = false;
  std::string why;            // of the rollback
  int64_t nodes_removed = 0;
  int64_t bytes_removed = 0;
};

struct PipelineOptions {
  bool keep_devices = false;
  // Run only the first N transforms of the recipe, for finding the one that goes wrong.
  std::optional<uint64_t> stop_after;
  std::vector<std::string> explain;  // names of nodes to follow
};

// What a pass did to a node that is followed.
struct Explained {
  std::string node, pass;
  std::string what;  // a sentence
};

class Pipeline {
 public:
  // The recipe must have passed check_recipe().
  Pipeline(Model model, const Recipe& recipe, PipelineOptions options);

  // Runs the next transform. kNeedBytes: provide and call again. False when nothing is left.
  Result<bool> step(Context& ctx, ScanStore& scans);

  Model& model() { return model_; }
  const std::vector<PassRun>& runs() const { return runs_; }
  const std::vector<Explained>& explained() const { return explained_; }
  // Steps that have run; the first of all bring the model into its normal form.
  size_t position() const { return next_; }
  size_t structural_steps() const { return structural_; }
  double progress() const;  // 0..1
  std::string_view current() const;

 private:
  Status run_pass(const PassInfo& info, const TransformSpec& spec, Context& ctx, ScanStore& scans, PassRun& run);

  Model model_;
  std::vector<TransformSpec> steps_;
  size_t structural_ = 0;  // leading steps that may grow the graph
  size_t next_ = 0;
  std::vector<PassRun> runs_;
  std::vector<std::string> explain_;
  std::vector<Explained> explained_;
};

// Estimated bytes of the graph and the functions it reaches (weights with their stored size).
uint64_t model_bytes(const Model& model);
uint64_t model_nodes(const Model& model);

}  // namespace whittle

#endif  // WHITTLE_PIPELINE_H_
