// executor.h: runs a Program; the machinery behind Run.
//
//   Execution     a stack of activations: the main graph, and the functions it is in
//   Activation    one Program being run: frames, and the steps that are ready
//   Frame         an execution of a loop body's nodes (the root frame runs once); has iterations
//   Iteration     the values that wait at the inputs of steps, and how many are still to come
//
// This is TensorFlow's executor for one thread: a value that Switch does not choose is dead, dead
// values travel, Merge takes the first live one, and a loop's exits that stayed dead are reported
// when its frame is done.
#ifndef WHITTLE_EVAL_EXECUTOR_H_
#define WHITTLE_EVAL_EXECUTOR_H_

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "program.h"
#include "value.h"

namespace whittle::eval {

// Bytes behind values, each buffer counted once.
class Ledger {
 public:
  void add(const Value& v);
  void remove(const Value& v);
  uint64_t bytes() const { return bytes_; }
  uint64_t peak() const { return peak_; }

 private:
  struct Entry {
    uint64_t uses = 0, bytes = 0;
  };
  std::unordered_map<const void*, Entry> entries_;
  uint64_t bytes_ = 0, peak_ = 0;
};

// What all runs of an Evaluator share.
struct Shared {
  MetaGraph* meta = nullptr;
  EvaluatorOptions options;
  State state;
  std::map<std::string, std::shared_ptr<const Program>> programs;  // of functions

  Result<std::shared_ptr<const Program>> function(const std::string& name);
  // Loaded constants, the last used ones kept within options.kept_weights.
  Result<Tensor> load(const TensorRef& ref, Context& ctx);
  void drop_kept();
  uint64_t kept_bytes() const { return kept_bytes_; }

 private:
  struct Kept {
    TensorRef ref;
    Tensor tensor;
    uint64_t used = 0;
  };
  std::vector<Kept> kept_;
  uint64_t kept_bytes_ = 0, clock_ = 0;
};

struct Frame;
struct Iteration;

struct Ready {
  uint32_t step = 0;
  Frame* frame = nullptr;
  int64_t iteration = 0;
  bool dead = false;
};

struct Activation;

class Execution final : public Run {
 public:
  Execution(Shared& shared, std::shared_ptr<const Program> program, std::vector<Value> args);
  ~Execution() override;

  Result<bool> step(Context& ctx, uint64_t work) override;
  std::vector<Tensor> results() override;
  uint64_t nodes_run() const override { return nodes_run_; }
  uint64_t peak_bytes() const override { return ledger_.peak(); }
  uint64_t operations() const override { return operations_; }

 private:
  Status push(Activation activation);
  Status pop(Context& ctx);
  Status run_one(Context& ctx, uint64_t* work);
  Status start_call(const Ready& at, const StepInfo& s, std::vector<Value> inputs, Context& ctx);
  Status start_function(const Ready& at, const std::string& name, int why, std::vector<Value> args,
                        std::vector<Value> loop);
  Status load_inputs(const StepInfo& s, Iteration& it, Context& ctx);
  // Hands out a finished step's values and closes its iteration when it was the last.
  Status finish(Activation& a, const Ready& at, std::vector<Value> outputs);
  void activate(Activation& a, const StepInfo& s, bool dead, std::vector<Value>& outputs,
                Frame* frame, int64_t iteration);
  void deliver(Activation& a, const Edge& e, bool dead, std::vector<Value>& outputs, bool from_enter,
               Frame* frame, int64_t iteration);
  Iteration& iteration_of(Frame* frame, int64_t number);
  Frame* child_frame(Activation& a, Frame* parent, int64_t iteration, uint32_t index);
  void add_iteration(Activation& a, Frame* frame);
  void clean_up(Activation& a, Frame* frame, int64_t iteration);
  void put(Value& slot, Value v);
  void clear(Value& slot);
  Error placed(Error error, const StepInfo* s) const;

  Shared& shared_;
  std::vector<std::unique_ptr<Activation>> stack_;
  std::vector<Tensor> results_;
  Ledger ledger_;
  uint64_t nodes_run_ = 0, operations_ = 0;
  bool failed_ = false;
};

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_EXECUTOR_H_
