#include "whittle/evaluator.h"

#include <set>

#include "executor.h"
#include "state_objects.h"

namespace whittle {

using eval::Execution;
using eval::Program;
using eval::Role;
using eval::Value;

struct Evaluator::Impl {
  eval::Shared shared;
  size_t next_init = 0;
  std::unique_ptr<Run> init_run;

  Result<std::unique_ptr<Run>> start(const std::vector<Feed>& feeds,
                                     const std::vector<OutputId>& fetches,
                                     const std::vector<NodeId>& targets) {
    std::vector<OutputId> fed;
    std::vector<Value> args;
    for (const Feed& f : feeds) {
      fed.push_back(f.value);
      args.push_back(Value::of(f.tensor));
    }
    MetaGraph& meta = *shared.meta;
    // Assets are fed with their file names unless the caller feeds them.
    for (const Asset& asset : meta.assets) {
      bool given = false;
      for (const OutputId& f : fed) given = given || f == asset.tensor;
      if (given || !meta.graph.alive(asset.tensor.node)) continue;
      fed.push_back(asset.tensor);
      args.push_back(Value::of(Tensor(Shape{}, std::vector<std::string>{asset.filename})));
    }
    WHITTLE_ASSIGN(std::shared_ptr<const Program> program,
                   eval::compile_graph(meta.graph, meta.library, fed, fetches, targets));
    std::unique_ptr<Run> run =
        std::make_unique<Execution>(shared, std::move(program), std::move(args));
    return run;
  }
};

Evaluator::Evaluator(MetaGraph& meta, EvaluatorOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->shared.meta = &meta;
  impl_->shared.state.read_file = options.read_file;
  impl_->shared.state.stored_variable = options.stored_variable;
  impl_->shared.options = std::move(options);
  eval::Shared* shared = &impl_->shared;
  shared->state.load = [shared](const TensorRef& ref, Context& ctx) { return shared->load(ref, ctx); };
}

Evaluator::~Evaluator() = default;

void Evaluator::set_variable(const std::string& name, Tensor value) {
  eval::set_variable(impl_->shared.state, name, std::move(value));
}

bool Evaluator::drew_random_numbers() const { return !impl_->shared.state.drawn.empty(); }
bool Evaluator::changed_state() const { return impl_->shared.state.written; }
void Evaluator::drop_weights() { impl_->shared.drop_kept(); }

Status Evaluator::initialize(Context& ctx) {
  const std::vector<NodeId>& init = impl_->shared.meta->init;
  while (impl_->next_init < init.size()) {
    if (impl_->init_run == nullptr) {
      WHITTLE_ASSIGN(impl_->init_run, impl_->start({}, {}, {init[impl_->next_init]}));
    }
    for (bool done = false; !done;) {
      WHITTLE_ASSIGN_IN(done, impl_->init_run->step(ctx), "the init op");
    }
    impl_->init_run.reset();
    ++impl_->next_init;
    impl_->shared.state.written = false;
  }
  return {};
}

Result<std::unique_ptr<Run>> Evaluator::start(const std::vector<Feed>& feeds,
                                              const std::vector<OutputId>& fetches, Context&) {
  return impl_->start(feeds, fetches, {});
}

Result<std::vector<Tensor>> Evaluator::run(const std::vector<Feed>& feeds,
                                           const std::vector<OutputId>& fetches, Context& ctx) {
  WHITTLE_ASSIGN(std::unique_ptr<Run> run, start(feeds, fetches, ctx));
  for (bool done = false; !done;) {
    WHITTLE_ASSIGN(done, run->step(ctx, 1024));
  }
  return run->results();
}

Result<std::vector<MissingKernel>> Evaluator::missing_kernels(
    const std::vector<OutputId>& feeds, const std::vector<OutputId>& fetches) {
  MetaGraph& meta = *impl_->shared.meta;
  std::vector<MissingKernel> missing;
  std::set<std::string> ops, functions;
  std::vector<std::shared_ptr<const Program>> todo;
  std::vector<OutputId> fed = feeds;
  for (const Asset& asset : meta.assets) fed.push_back(asset.tensor);
  WHITTLE_ASSIGN(std::shared_ptr<const Program> main,
                 eval::compile_graph(meta.graph, meta.library, fed, fetches, meta.init));
  todo.push_back(std::move(main));
  while (!todo.empty()) {
    const std::shared_ptr<const Program> program = std::move(todo.back());
    todo.pop_back();
    for (const eval::StepInfo& s : program->steps) {
      if (s.node == nullptr) continue;
      if (s.role == Role::kMissing && ops.insert(s.node->op).second) {
        missing.push_back({s.node->op, s.node->name, program->function});
      }
      for (const std::string& name : eval::functions_of(*s.node, s.role)) {
        if (!functions.insert(name).second) continue;
        WHITTLE_ASSIGN(std::shared_ptr<const Program> p, impl_->shared.function(name));
        todo.push_back(std::move(p));
      }
    }
  }
  return missing;
}

}  // namespace whittle
