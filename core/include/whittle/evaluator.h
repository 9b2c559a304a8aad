// evaluator.h: runs a model on tensors in memory, from fed values to fetched ones.
//
//   Evaluator e(meta, options);
//   e.initialize(ctx);                         tables from init nodes and assets, variables
//   auto run = e.start(feeds, fetches, ctx);   or e.run(): start, step to the end, results
//   while (!*run->step(ctx)) …                 pauses after a while, so that others get their turn
//   run->results()
//
// What runs    the main graph and functions (calls, If, While, Case) and v1 control flow (Switch,
//              Merge, Enter, Exit, NextIteration) with TensorFlow's meaning of dead values; TensorLists,
//              TensorArrays, variables, lookup tables; ops of kernel.h. Only what the fetches need runs.
// Feeds        may cut the graph at any value; what lies behind is not run.
// Order        one node after the other, depth first from the fetches, so weights are asked for just
//              before they are used and values go when their last user has run.
// Depth        no recursion on the graph; calls nest at most kMaxCallDepth deep.
// Memory       values in use, counted once however many share them, against Options::memory_budget:
//              kLimit above it. Single results also against Context::memory_budget().
// Restart      a loader may answer kNeedBytes; step() passes it on and goes on there when called again.
//              Any other error ends the run.
// Errors       kUnsupported "no kernel for op X", in the place of the node: not runnable here.
// Several runs of one Evaluator may be open at once; they share loaded weights, tables and variables.
// Stepping runs of equal graphs in turn asks for each weight once.
// Threads      an Evaluator and its runs belong to one thread.
#ifndef WHITTLE_EVALUATOR_H_
#define WHITTLE_EVALUATOR_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "whittle/kernel.h"
#include "whittle/model.h"

namespace whittle {

constexpr int kMaxCallDepth = 100;

struct Feed {
  OutputId value;
  Tensor tensor;
};

// A node that cannot be run here. `function` is empty for the main graph.
struct MissingKernel {
  std::string op, node, function;
};

struct EvaluatorOptions {
  // Bytes of a constant; quant.h's load().
  std::function<Result<Tensor>(const TensorRef&, Context&)> load;
  // Bytes of a file that a node names, by the path that was fed for the asset; kNotFound when there
  // is none. Without it tables from files cannot be filled.
  std::function<Result<std::string>(const std::string& path, Context&)> read_file;
  // Where the value of a variable that nothing has assigned lies, by its handle node: a model before
  // freezing. An empty ref: it has none. Such values are loaded when they are read, like constants.
  std::function<Result<TensorRef>(const Node& handle, Context&)> stored_variable;
  uint64_t memory_budget = uint64_t{512} << 20;  // bytes of values and kept weights together
  uint64_t kept_weights = uint64_t{64} << 20;    // bytes of loaded constants kept for later uses
};

class Run {
 public:
  virtual ~Run() = default;
  // Runs about `work` units (a unit is a node or 64 KiB of results); true when everything has run.
  virtual Result<bool> step(Context& ctx, uint64_t work = 64) = 0;
  // The fetched tensors, in order; after step() gave true.
  virtual std::vector<Tensor> results() = 0;
  virtual uint64_t nodes_run() const = 0;
  // Multiply-adds and element operations of the kernels so far, roughly: tells what is affordable.
  virtual uint64_t operations() const = 0;
  virtual uint64_t peak_bytes() const = 0;
};

class Evaluator {
 public:
  // `meta` must outlive the Evaluator and stay as it is while runs are open.
  Evaluator(MetaGraph& meta, EvaluatorOptions options);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // The value of a variable before initialize(), by shared name (or node name).
  void set_variable(const std::string& name, Tensor value);
  // Runs MetaGraph::init in order, assets fed with their file names. Restartable.
  Status initialize(Context& ctx);

  Result<std::unique_ptr<Run>> start(const std::vector<Feed>& feeds,
                                     const std::vector<OutputId>& fetches, Context& ctx);
  // start(), step() to the end, results(). Not restartable: use start() when bytes may be missing.
  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds,
                                  const std::vector<OutputId>& fetches, Context& ctx);

  // Whether a run has drawn random numbers that no seed input determines: two models differ then.
  bool drew_random_numbers() const;
  // Whether a run after initialize() has assigned a variable or changed a mutable table: later runs see it.
  bool changed_state() const;
  // Forgets loaded constants, so that their memory is free.
  void drop_weights();

  // Ops without a kernel that the fetches reach, functions included; each op once, first node first.
  // Empty: everything has a kernel, though a kernel may still refuse a dtype or an attribute.
  Result<std::vector<MissingKernel>> missing_kernels(const std::vector<OutputId>& feeds,
                                                     const std::vector<OutputId>& fetches);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace whittle

#endif  // WHITTLE_EVALUATOR_H_
