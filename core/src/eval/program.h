// program.h: a graph prepared for running: the nodes that the fetches need, in an order that keeps
// few values alive, with edges as plain arrays.
//
// Constants are no steps: an edge from one is noted at its consumer, which loads it when it runs.
// A constant with control inputs, or one that feeds control flow, stays a node, for its edge may be
// dead; the value it gives is still unloaded.
#ifndef WHITTLE_EVAL_PROGRAM_H_
#define WHITTLE_EVAL_PROGRAM_H_

#include <memory>
#include <string>
#include <vector>

#include "value.h"
#include "whittle/evaluator.h"

namespace whittle::eval {

enum class Role : uint8_t {
  kKernel,   // tensors to tensors
  kState,    // run_state
  kForward,  // outputs are the inputs, whatever they are
  kConst, kArg, kReturn, kFed, kNothing,
  kSwitch, kMerge, kEnter, kExit, kNextIteration,
  kCall, kIf, kCase, kWhile,
  kUnfed,    // a Placeholder without a value: an error when it runs
  kMissing,  // no kernel: an error when it runs
};

struct Edge {
  uint32_t to = 0;        // step
  int32_t slot = 0;       // output of the producer; -1 for control edges
  uint32_t input = 0;     // of the consumer
  bool last = false;      // no later edge carries this slot: the value may be moved
};

struct ConstInput {
  uint32_t input = 0;
  const TensorRef* constant = nullptr;
};

struct StepInfo {
  const Node* node = nullptr;
  const KernelInfo* kernel = nullptr;
  Role role = Role::kKernel;
  uint32_t frame = 0;           // index into Program::frames
  uint32_t local = 0;           // number within the frame
  uint32_t first_input = 0;     // of its inputs among those of the frame
  uint32_t inputs = 0;          // data inputs, constants included
  uint32_t waits = 0;           // edges that must arrive before it runs
  uint32_t controls = 0;        // control edges among them
  uint32_t index = 0;           // kArg, kReturn, kFed: which
  uint32_t child_frame = 0;     // kEnter
  std::vector<Edge> edges;      // data edges first, in order of the consumer
  std::vector<ConstInput> constants;
};

struct FrameInfo {
  std::string name;
  uint32_t parent = 0;
  uint32_t steps = 0;
  uint32_t inputs = 0;
  uint32_t enters = 0;
  std::vector<uint32_t> pending;  // per step, see executor.cc
};

struct Program {
  std::string function;  // empty for the main graph
  std::vector<StepInfo> steps;
  std::vector<FrameInfo> frames;  // [0] is the root
  uint32_t returns = 0;
};

// Main graph: from `feeds` to `fetches`, running `targets`, too.
Result<std::shared_ptr<const Program>> compile_graph(const Graph& graph, const Library& library,
                                                     const std::vector<OutputId>& feeds,
                                                     const std::vector<OutputId>& fetches,
                                                     const std::vector<NodeId>& targets);
Result<std::shared_ptr<const Program>> compile_function(const Function& function,
                                                        const Library& library);

Role role_of(const Node& node, const Library& library);
// Functions that running the node may call.
std::vector<std::string> functions_of(const Node& node, Role role);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_PROGRAM_H_
