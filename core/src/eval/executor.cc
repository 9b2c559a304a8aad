#include "executor.h"

#include <algorithm>

#include "families.h"
#include "state_objects.h"
#include "whittle/math.h"

namespace whittle::eval {

// --- accounts and shared things -----------------------------------------------------------------

namespace {

uint64_t bytes_of(const Value& v) {
  uint64_t bytes = v.tensor.byte_size();
  if (v.tensor.is_string() && v.tensor.shared_strings() != nullptr) {
    for (const std::string& s : v.tensor.strings()) bytes += s.size() + sizeof(std::string);
  }
  return bytes;
}

const void* key_of(const Value& v) {
  if (v.tensor.buffer() != nullptr) return v.tensor.buffer().get();
  return v.tensor.is_string() ? v.tensor.shared_strings().get() : nullptr;
}

}  // namespace

void Ledger::add(const Value& v) {
  const void* key = key_of(v);
  if (key == nullptr) return;
  Entry& e = entries_[key];
  if (e.uses++ == 0) {
    e.bytes = bytes_of(v);
    bytes_ += e.bytes;
    peak_ = std::max(peak_, bytes_);
  }
}

void Ledger::remove(const Value& v) {
  const auto at = entries_.find(key_of(v));
  if (at == entries_.end()) return;
  if (--at->second.uses == 0) {
    bytes_ -= at->second.bytes;
    entries_.erase(at);
  }
}

Result<std::shared_ptr<const Program>> Shared::function(const std::string& name) {
  const auto at = programs.find(name);
  if (at != programs.end()) return at->second;
  WHITTLE_ASSIGN(const Function* f, meta->library.get(name));
  WHITTLE_ASSIGN(std::shared_ptr<const Program> p, compile_function(*f, meta->library));
  programs[name] = p;
  return p;
}

Result<Tensor> Shared::load(const TensorRef& ref, Context& ctx) {
  ++clock_;
  for (Kept& k : kept_) {
    if (k.ref.same_source(ref)) {
      k.used = clock_;
      return k.tensor;
    }
  }
  if (!options.load) return internal_error("no loader for constants");
  WHITTLE_ASSIGN(Tensor t, options.load(ref, ctx));
  const uint64_t bytes = t.byte_size();
  if (ref.kind() == TensorRef::Kind::kOwned && ref.steps().empty()) return t;  // shares the model's
  while (!kept_.empty() && kept_bytes_ + bytes > options.kept_weights) {
    const auto oldest = std::min_element(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) {
      return a.used < b.used;
    });
    kept_bytes_ -= oldest->tensor.byte_size();
    kept_.erase(oldest);
  }
  // One that is larger than the limit is kept alone, so that lockstep runs share it.
  kept_.push_back({ref, t, clock_});
  kept_bytes_ += bytes;
  return t;
}

void Shared::drop_kept() {
  kept_.clear();
  kept_bytes_ = 0;
}

// --- frames -------------------------------------------------------------------------------------

struct Iteration {
  std::vector<Value> inputs;
  std::vector<uint32_t> pending, dead;  // by step of the frame
  uint32_t outstanding = 0;             // steps ready or running
  uint32_t child_frames = 0;
};

struct Frame {
  const FrameInfo* info = nullptr;
  uint32_t index = 0;
  Frame* parent = nullptr;
  int64_t parent_iteration = 0;
  std::map<int64_t, Iteration> iterations;
  int64_t last_iteration = 0;
  uint32_t pending_enters = 0;
  std::vector<const StepInfo*> dead_exits;
  std::vector<std::pair<const StepInfo*, Value>> invariants;  // of constant Enters
};

enum Why : int { kMain, kBranch, kCond, kBody };

struct Activation {
  Why why = kMain;
  std::shared_ptr<const Program> program;
  std::vector<Value> args, returns;
  Ready caller;             // the step of the activation below
  std::vector<Value> loop;  // kCond: the loop variables in waiting
  std::map<std::tuple<Frame*, int64_t, uint32_t>, std::unique_ptr<Frame>> frames;
  std::vector<Ready> ready;  // a heap: earlier iterations first, then program order

  static bool later(const Ready& a, const Ready& b) {
    return a.iteration != b.iteration ? a.iteration > b.iteration : a.step > b.step;
  }
  void make_ready(const Ready& r) {
    ready.push_back(r);
    std::push_heap(ready.begin(), ready.end(), later);
  }
  Ready take_ready() {
    std::pop_heap(ready.begin(), ready.end(), later);
    const Ready r = ready.back();
    ready.pop_back();
    return r;
  }
};

Status need_inputs(const StateCall& call, size_t count) {
  if (call.in.size() != count) {
    return invalid_argument(
        cat(call.node.op, " takes ", count, " inputs, ", call.in.size(), " are given"));
  }
  return {};
}

Execution::Execution(Shared& shared, std::shared_ptr<const Program> program,
                     std::vector<Value> args)
    : shared_(shared) {
  Activation a;
  a.why = kMain;
  a.program = std::move(program);
  a.args = std::move(args);
  (void)push(std::move(a));  // only nesting too deep can fail
}

Execution::~Execution() = default;

void Execution::put(Value& slot, Value v) {
  ledger_.add(v);
  slot = std::move(v);
}

void Execution::clear(Value& slot) {
  ledger_.remove(slot);
  slot = Value();
}

Error Execution::placed(Error error, const StepInfo* s) const {
  if (s != nullptr && s->node != nullptr) {
    error.where.push_back(cat("node ", printable(s->node->name)));
  }
  for (size_t i = stack_.size(); i-- > 0;) {
    if (!stack_[i]->program->function.empty()) {
      error.where.push_back(cat("function ", printable(stack_[i]->program->function)));
    }
  }
  return error;
}

Status Execution::push(Activation activation) {
  if (stack_.size() >= static_cast<size_t>(kMaxCallDepth)) {
    return over_limit(cat("calls nest deeper than ", kMaxCallDepth));
  }
  auto a = std::make_unique<Activation>(std::move(activation));
  for (const Value& v : a->args) ledger_.add(v);
  a->returns.resize(a->program->returns);
  auto root = std::make_unique<Frame>();
  root->info = &a->program->frames[0];
  Frame* frame = root.get();
  a->frames[{nullptr, 0, 0}] = std::move(root);
  Iteration& it = iteration_of(frame, 0);
  const std::vector<StepInfo>& steps = a->program->steps;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].waits == 0) {
      a->ready.push_back({i, frame, 0, false});
      ++it.outstanding;
    }
  }
  std::make_heap(a->ready.begin(), a->ready.end(), Activation::later);
  stack_.push_back(std::move(a));
  return {};
}

Iteration& Execution::iteration_of(Frame* frame, int64_t number) {
  const auto [at, is_new] = frame->iterations.try_emplace(number);
  if (is_new) {
    at->second.inputs.resize(frame->info->inputs);
    at->second.pending = frame->info->pending;
    at->second.dead.assign(frame->info->steps, 0);
  }
  return at->second;
}

Frame* Execution::child_frame(Activation& a, Frame* parent, int64_t iteration, uint32_t index) {
  std::unique_ptr<Frame>& f = a.frames[{parent, iteration, index}];
  if (f == nullptr) {
    f = std::make_unique<Frame>();
    f->info = &a.program->frames[index];
    f->index = index;
    f->parent = parent;
    f->parent_iteration = iteration;
    f->pending_enters = f->info->enters;
    iteration_of(f.get(), 0);
    ++iteration_of(parent, iteration).child_frames;
  }
  return f.get();
}

void Execution::add_iteration(Activation& a, Frame* frame) {
  const int64_t number = ++frame->last_iteration;
  iteration_of(frame, number);
  for (const auto& [enter, value] : frame->invariants) {
    std::vector<Value> outputs{value};
    activate(a, *enter, false, outputs, frame, number);
  }
}

// --- values travel ------------------------------------------------------------------------------

void Execution::deliver(Activation& a, const Edge& e, bool dead, std::vector<Value>& outputs,
                        bool from_enter, Frame* frame, int64_t iteration) {
  const StepInfo& to = a.program->steps[e.to];
  Iteration& it = iteration_of(frame, iteration);
  uint32_t& pending = it.pending[to.local];
  uint32_t& dead_count = it.dead[to.local];
  const bool control = e.slot < 0;
  const size_t slot = static_cast<size_t>(control ? 0 : e.slot);
  const bool live = !control && slot < outputs.size() && outputs[slot].live;
  bool take = live, ready = false, to_dead = false;
  if (to.role == Role::kMerge) {
    if (control) {
      pending -= 2;
      to_dead = dead_count == to.inputs;
      ready = pending == 0 || (pending == 1 && to_dead);
    } else if (live) {
      ready = pending == 1;
      take = (pending & 1) != 0;  // only the first live value counts
      pending &= ~1u;
    } else {
      ++dead_count;
      // A loop whose entry is dead does not run: its Merge is dead at once.
      to_dead = dead_count == to.inputs || from_enter;
      ready = pending == 1 && to_dead;
    }
  } else {
    if (dead || (!control && !live)) ++dead_count;
    --pending;
    to_dead = dead_count > 0;
    ready = pending == 0;
  }
  if (take) {
    Value& into = it.inputs[to.first_input + e.input];
    put(into, e.last ? std::move(outputs[slot]) : outputs[slot]);
  }
  if (ready) {
    ++it.outstanding;
    a.make_ready({e.to, frame, iteration, to_dead});
  }
}

void Execution::activate(Activation& a, const StepInfo& s, bool dead, std::vector<Value>& outputs,
                         Frame* frame, int64_t iteration) {
  // Control edges carry nothing, so values may be moved out before or after them.
  for (const Edge& e : s.edges) {
    deliver(a, e, dead, outputs, s.role == Role::kEnter, frame, iteration);
  }
}

Status Execution::finish(Activation& a, const Ready& at, std::vector<Value> outputs) {
  const StepInfo& s = a.program->steps[at.step];
  Frame* frame = at.frame;
  switch (s.role) {
    case Role::kEnter: {
      Frame* child = child_frame(a, frame, at.iteration, s.child_frame);
      if (s.node->attrs.bool_or("is_constant", false) && !at.dead && !outputs.empty()) {
        child->invariants.emplace_back(&s, outputs[0]);
        ledger_.add(outputs[0]);
        for (int64_t i = 0; i <= child->last_iteration; ++i) {
          // An iteration that is over needs it no more.
          if (child->iterations.find(i) == child->iterations.end()) continue;
          std::vector<Value> copy{outputs[0]};
          activate(a, s, false, copy, child, i);
        }
      } else {
        activate(a, s, at.dead, outputs, child, 0);
      }
      --child->pending_enters;
      clean_up(a, child, 0);
      break;
    }
    case Role::kExit:
      if (at.dead) {
        if (at.iteration == frame->last_iteration) frame->dead_exits.push_back(&s);
      } else {
        activate(a, s, false, outputs, frame->parent, frame->parent_iteration);
      }
      break;
    case Role::kNextIteration:
      if (at.dead) break;  // deadness ends at the back edge
      if (at.iteration == frame->last_iteration) add_iteration(a, frame);
      activate(a, s, false, outputs, frame, at.iteration + 1);
      break;
    default: activate(a, s, at.dead, outputs, frame, at.iteration);
  }
  --iteration_of(frame, at.iteration).outstanding;
  clean_up(a, frame, at.iteration);
  return {};
}

// Drops iterations that are over, and the frame when none is left.
void Execution::clean_up(Activation& a, Frame* frame, int64_t iteration) {
  while (frame->parent != nullptr) {
    for (auto at = frame->iterations.find(iteration); at != frame->iterations.end();
         at = frame->iterations.find(++iteration)) {
      const Iteration& it = at->second;
      const bool first_done = iteration == 0 ? frame->pending_enters == 0
                                             : frame->iterations.count(iteration - 1) == 0;
      if (it.outstanding != 0 || it.child_frames != 0 || !first_done) break;
      for (Value& v : at->second.inputs) clear(v);
      frame->iterations.erase(at);
    }
    if (frame->pending_enters != 0 || !frame->iterations.empty()) return;
    // The loop is over: exits that never saw a live value are dead outside, too.
    Frame* parent = frame->parent;
    const int64_t outer = frame->parent_iteration;
    for (const StepInfo* exit : frame->dead_exits) {
      std::vector<Value> nothing;
      activate(a, *exit, true, nothing, parent, outer);
    }
    for (auto& [step, value] : frame->invariants) ledger_.remove(value);
    a.frames.erase({parent, outer, frame->index});
    --iteration_of(parent, outer).child_frames;
    frame = parent;
    iteration = outer;
  }
}

// --- steps --------------------------------------------------------------------------------------

Status Execution::load_inputs(const StepInfo& s, Iteration& it, Context& ctx) {
  // All are asked for before the first that is missing ends the step, so that their bytes come in
  // one round.
  Status status;
  const auto load = [&](Value& slot, const TensorRef& ref) {
    Result<Tensor> t = shared_.load(ref, ctx);
    if (t.ok()) {
      put(slot, Value::of(std::move(t).value()));
    } else if (status.ok()) {
      status = t.take_error();
    }
  };
  for (const ConstInput& c : s.constants) {
    Value& slot = it.inputs[s.first_input + c.input];
    if (!slot.live) load(slot, *c.constant);
  }
  for (uint32_t i = 0; i < s.inputs; ++i) {
    Value& slot = it.inputs[s.first_input + i];
    if (slot.live && slot.constant != nullptr) load(slot, *slot.constant);
    // A kernel sees the value of a reference variable; the others see the handle.
    if (s.role == Role::kKernel && slot.live) {
      if (const TensorRef* stored = unloaded_variable(slot)) load(slot, *stored);
    }
  }
  return status;
}

namespace {

Result<bool> truth(const Value& v) {
  const Tensor& t = v.tensor;
  if (t.dtype() == DType::kInvalid) return invalid_argument("a condition has no value");
  if (t.shape().rank() != 0) return t.elements() > 0;
  if (t.is_string()) return !t.strings()[0].empty();
  if (t.dtype() == DType::kBool) return t.bytes()[0] != 0;
  WHITTLE_ASSIGN(const double d, scalar_real(t, "condition"));
  return d != 0;
}

uint64_t elements_of(const Tensors& tensors) {
  uint64_t n = 0;
  for (const Tensor& t : tensors) n += t.elements();
  return n;
}

// How many products an output element of a kProduct kernel sums up. Convolutions: what the filter
// holds for one output channel. Matrix products: |a| |b| / |out| = (mk kn) / (mn) = k k.
double inner_size(const Node& node, const Tensors& in) {
  if (in.size() < 2) return 1;
  const Tensor& filter = in[1];
  const bool depthwise = node.op.compare(0, 9, "Depthwise") == 0;
  if (depthwise || node.op.compare(0, 4, "Conv") == 0) {
    const std::vector<int64_t>& d = filter.shape().dims;
    uint64_t channels = d.empty() ? 1 : static_cast<uint64_t>(d.back());
    if (depthwise && d.size() > 1) channels *= static_cast<uint64_t>(d[d.size() - 2]);
    return channels == 0 ? 1 : static_cast<double>(filter.elements()) / static_cast<double>(channels);
  }
  return -static_cast<double>(in[0].elements()) * static_cast<double>(filter.elements());
}

uint64_t operations_of(Cost cost, uint64_t in, uint64_t out, double inner) {
  switch (cost) {
    case Cost::kView: return 1;
    case Cost::kProduct: {
      const double n = static_cast<double>(out);
      const double each = inner >= 0 ? inner : n == 0 ? 0 : sqrt_f64(-inner / n);
      return static_cast<uint64_t>(std::min(n * each, 1e18));
    }
    case Cost::kReduce: return in;
    case Cost::kMove:
    case Cost::kElement: return out;
  }
  return 0;
}

// Roles whose inputs may stay unloaded constants.
bool passes_values(Role role) {
  switch (role) {
    case Role::kForward:
    case Role::kEnter:
    case Role::kExit:
    case Role::kNextIteration:
    case Role::kMerge:
    case Role::kCall: return true;
    default: return false;
  }
}

}  // namespace

Status Execution::start_function(const Ready& at, const std::string& name, int why,
                                 std::vector<Value> args, std::vector<Value> loop) {
  WHITTLE_ASSIGN(std::shared_ptr<const Program> program, shared_.function(name));
  Activation a;
  a.why = static_cast<Why>(why);
  a.program = std::move(program);
  a.args = std::move(args);
  a.caller = at;
  a.loop = std::move(loop);
  return push(std::move(a));
}

Status Execution::start_call(const Ready& at, const StepInfo& s, std::vector<Value> inputs,
                             Context&) {
  const std::vector<std::string> names = functions_of(*s.node, s.role);
  switch (s.role) {
    case Role::kCall: return start_function(at, names[0], kBranch, std::move(inputs), {});
    case Role::kIf: {
      if (inputs.empty()) return invalid_argument("If without a condition");
      WHITTLE_ASSIGN(const bool yes, truth(inputs[0]));
      inputs.erase(inputs.begin());
      return start_function(at, names[yes ? 0 : 1], kBranch, std::move(inputs), {});
    }
    case Role::kCase: {
      if (inputs.empty() || names.empty()) return invalid_argument("Case without branches");
      WHITTLE_ASSIGN(int64_t index, scalar_int(inputs[0].tensor, "branch_index"));
      const int64_t last = static_cast<int64_t>(names.size()) - 1;
      if (index < 0 || index > last) index = last;
      inputs.erase(inputs.begin());
      return start_function(at, names[static_cast<size_t>(index)], kBranch, std::move(inputs), {});
    }
    default: {
      std::vector<Value> args = inputs;
      return start_function(at, names[0], kCond, std::move(args), std::move(inputs));
    }
  }
}

// The top activation has run dry: its results go to the caller.
Status Execution::pop(Context& ctx) {
  std::unique_ptr<Activation> done = std::move(stack_.back());
  stack_.pop_back();
  for (auto& [key, frame] : done->frames) {
    for (auto& [number, it] : frame->iterations) {
      for (Value& v : it.inputs) clear(v);
    }
    for (auto& [step, value] : frame->invariants) ledger_.remove(value);
  }
  for (Value& v : done->args) clear(v);
  for (const Value& v : done->returns) ledger_.remove(v);
  if (done->why == kMain) {
    for (Value& v : done->returns) {
      if (!v.live) return invalid_argument("a fetched value is not computed on the path taken");
      if (v.tensor.dtype() == DType::kInvalid) {
        return unsupported("a fetched value is a handle, not a tensor");
      }
      results_.push_back(std::move(v.tensor));
    }
    return {};
  }
  Activation& below = *stack_.back();
  const StepInfo& s = below.program->steps[done->caller.step];
  if (done->why == kBranch) return finish(below, done->caller, std::move(done->returns));
  const std::vector<std::string> names = functions_of(*s.node, s.role);
  if (done->why == kCond) {
    if (done->returns.empty()) return invalid_argument("a loop condition without result");
    Value& condition = done->returns[0];
    if (condition.constant != nullptr) {
      // Loops that end at once have constant conditions; those are owned, never missing bytes.
      WHITTLE_ASSIGN(condition.tensor, shared_.load(*condition.constant, ctx));
    }
    WHITTLE_ASSIGN(const bool again, truth(condition));
    if (!again) return finish(below, done->caller, std::move(done->loop));
    return start_function(done->caller, names[1], kBody, std::move(done->loop), {});
  }
  std::vector<Value> args = done->returns;
  return start_function(done->caller, names[0], kCond, std::move(args), std::move(done->returns));
}

Status Execution::run_one(Context& ctx, uint64_t* work) {
  Activation& a = *stack_.back();
  const Ready at = a.take_ready();
  const StepInfo& s = a.program->steps[at.step];
  Iteration& it = iteration_of(at.frame, at.iteration);
  const std::span<Value> in(it.inputs.data() + s.first_input, s.inputs);
  std::vector<Value> outputs;
  *work += 1;
  ++nodes_run_;

  const auto release = [&] {
    for (Value& v : in) clear(v);
  };
  if (at.dead && s.role != Role::kReturn) {
    release();
    return finish(a, at, {});
  }
  const bool to_caller = s.role == Role::kReturn && a.why != kMain;
  if (!at.dead && !passes_values(s.role) && !to_caller) {
    Status loaded = load_inputs(s, it, ctx);
    if (!loaded.ok()) {
      a.make_ready(at);  // to go on here when the bytes have come
      return loaded.take_error();
    }
  } else {
    for (const ConstInput& c : s.constants) {
      Value& slot = in[c.input];
      slot.constant = c.constant;
      slot.live = true;
    }
  }

  switch (s.role) {
    case Role::kKernel: {
      std::vector<Tensor> tensors;
      tensors.reserve(in.size());
      for (Value& v : in) {
        ledger_.remove(v);
        WHITTLE_ASSIGN(Tensor t, tensor_of(v));
        tensors.push_back(std::move(t));
        v = Value();
      }
      const uint64_t given = elements_of(tensors);
      const double inner = s.kernel->cost == Cost::kProduct ? inner_size(*s.node, tensors) : 1;
      WHITTLE_ASSIGN(Tensors results, run_kernel(*s.kernel, *s.node, tensors, ctx));
      operations_ += operations_of(s.kernel->cost, given, elements_of(results), inner);
      for (Tensor& t : results) {
        *work += t.byte_size() >> 16;
        outputs.push_back(Value::of(std::move(t)));
      }
      break;
    }
    case Role::kState: {
      StateCall call{*s.node, in, outputs, shared_.state, ctx};
      // What a kernel takes over leaves the books here, not in its hands.
      for (Value& v : in) ledger_.remove(v);
      Status status = s.kernel->run_state(call);
      if (!status.ok()) {
        if (status.error().code == Code::kNeedBytes) {
          for (Value& v : in) ledger_.add(v);
          a.make_ready(at);
        }
        return status.take_error();
      }
      for (Value& v : in) v = Value();
      break;
    }
    case Role::kForward:
    case Role::kEnter:
    case Role::kExit:
    case Role::kNextIteration:
      for (Value& v : in) {
        ledger_.remove(v);
        outputs.push_back(std::move(v));
        v = Value();
      }
      if (s.node->op == "PlaceholderWithDefault") outputs.resize(1);
      break;
    case Role::kConst: {
      const AttrValue* value = s.node->attrs.find("value");
      if (value == nullptr || value->tensor().empty()) return corrupt("a constant without a value");
      Value v;
      v.constant = &value->tensor();
      v.live = true;
      outputs.push_back(std::move(v));
      break;
    }
    case Role::kArg:
      if (s.index >= a.args.size()) return invalid_argument(cat("argument ", s.index, " is missing"));
      ledger_.remove(a.args[s.index]);
      outputs.push_back(std::move(a.args[s.index]));
      a.args[s.index] = Value();
      break;
    case Role::kFed: outputs.push_back(a.args[s.index]); break;
    case Role::kReturn:
      if (!in.empty() && !at.dead) {
        // Stays in the books: from the input to the results.
        a.returns[s.index] = std::move(in[0]);
        in[0] = Value();
      }
      release();
      break;
    case Role::kNothing: break;
    case Role::kSwitch: {
      if (in.size() != 2) return invalid_argument("Switch takes a value and a condition");
      WHITTLE_ASSIGN(const bool yes, truth(in[1]));
      outputs.resize(2);
      ledger_.remove(in[0]);
      outputs[yes ? 1 : 0] = std::move(in[0]);
      in[0] = Value();
      release();
      break;
    }
    case Role::kMerge: {
      outputs.resize(2);
      for (size_t i = 0; i < in.size(); ++i) {
        if (!in[i].live) continue;
        ledger_.remove(in[i]);
        outputs[0] = std::move(in[i]);
        in[i] = Value();
        WHITTLE_ASSIGN(Tensor index,
                       int_tensor(DType::kInt32, {}, {static_cast<int64_t>(i)}, ctx));
        outputs[1] = Value::of(std::move(index));
        break;
      }
      break;
    }
    case Role::kCall:
    case Role::kIf:
    case Role::kCase:
    case Role::kWhile: {
      std::vector<Value> inputs;
      for (Value& v : in) {
        ledger_.remove(v);
        inputs.push_back(std::move(v));
        v = Value();
      }
      return start_call(at, s, std::move(inputs), ctx);
    }
    case Role::kUnfed:
      return invalid_argument(cat("placeholder ", printable(s.node->name), " must be fed"));
    case Role::kMissing: return no_kernel(cat("no kernel for op ", printable(s.node->op)));
  }
  return finish(a, at, std::move(outputs));
}

Result<bool> Execution::step(Context& ctx, uint64_t work) {
  if (failed_) return internal_error("the run has failed before");
  uint64_t done = 0;
  while (!stack_.empty()) {
    WHITTLE_CHECK(ctx.check_cancelled());
    Status status;
    const StepInfo* current = nullptr;
    if (stack_.back()->ready.empty()) {
      status = pop(ctx);
    } else {
      current = &stack_.back()->program->steps[stack_.back()->ready.front().step];
      const size_t depth = stack_.size();
      status = run_one(ctx, &done);
      if (stack_.size() != depth) current = nullptr;
    }
    if (!status.ok()) {
      failed_ = status.error().code != Code::kNeedBytes;
      return placed(status.take_error(), current);
    }
    if (ledger_.bytes() + shared_.kept_bytes() > shared_.options.memory_budget) {
      shared_.drop_kept();
      if (ledger_.bytes() > shared_.options.memory_budget) {
        failed_ = true;
        return placed(over_limit(cat("running needs more than ",
                                     human_bytes(shared_.options.memory_budget), " of memory")),
                      current);
      }
    }
    if (done >= work && !stack_.empty()) return false;
  }
  return true;
}

std::vector<Tensor> Execution::results() { return std::move(results_); }

}  // namespace whittle::eval
