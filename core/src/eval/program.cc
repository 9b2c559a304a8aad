#include "program.h"

#include <algorithm>
#include <map>

namespace whittle::eval {
namespace {

struct Named {
  std::string_view op;
  Role role;
};
// Ops that are no kernels; sorted.
constexpr Named kRoles[] = {
    {"Abort", Role::kMissing},
    {"Case", Role::kCase},
    {"Const", Role::kConst},
    {"ControlTrigger", Role::kNothing},
    {"Enter", Role::kEnter},
    {"Exit", Role::kExit},
    {"HostConst", Role::kConst},
    {"Identity", Role::kForward},
    {"IdentityN", Role::kForward},
    {"If", Role::kIf},
    {"LoopCond", Role::kForward},
    {"Merge", Role::kMerge},
    {"NextIteration", Role::kNextIteration},
    {"NoOp", Role::kNothing},
    {"PartitionedCall", Role::kCall},
    {"Placeholder", Role::kUnfed},
    {"PlaceholderV2", Role::kUnfed},
    {"PlaceholderWithDefault", Role::kForward},
    {"PreventGradient", Role::kForward},
    {"RefEnter", Role::kEnter},
    {"RefExit", Role::kExit},
    {"RefIdentity", Role::kForward},
    {"RefMerge", Role::kMerge},
    {"RefNextIteration", Role::kNextIteration},
    {"RefSwitch", Role::kSwitch},
    {"StatefulPartitionedCall", Role::kCall},
    {"StatelessCase", Role::kCase},
    {"StatelessIf", Role::kIf},
    {"StatelessWhile", Role::kWhile},
    {"StopGradient", Role::kForward},
    {"Switch", Role::kSwitch},
    {"While", Role::kWhile},
    {"_Arg", Role::kArg},
    {"_Retval", Role::kReturn},
    {"_SwitchN", Role::kMissing},
};

bool is_control_flow(Role role) {
  return role == Role::kSwitch || role == Role::kMerge || role == Role::kEnter ||
         role == Role::kExit || role == Role::kNextIteration;
}

constexpr uint32_t kNone = UINT32_MAX;

class Compiler {
 public:
  Compiler(const Graph& graph, const Library& library) : graph_(graph), library_(library) {
    step_of_.assign(graph.capacity(), kNone);
  }

  Result<std::shared_ptr<const Program>> compile(const std::vector<OutputId>& feeds,
                                                 const std::vector<OutputId>& fetches,
                                                 const std::vector<NodeId>& roots,
                                                 const std::string& function) {
    program_ = std::make_shared<Program>();
    program_->function = function;
    for (size_t i = 0; i < feeds.size(); ++i) {
      if (!graph_.alive(feeds[i].node)) return invalid_argument("a fed value does not exist");
      fed_[feeds[i]] = add_step(nullptr, Role::kFed);
      program_->steps.back().index = static_cast<uint32_t>(i);
    }
    for (const OutputId& f : fetches) {
      if (!graph_.alive(f.node)) return invalid_argument("a fetched value does not exist");
      visit_value(f);
    }
    for (NodeId root : roots) {
      if (!graph_.alive(root)) return invalid_argument("a node to run does not exist");
      visit(root);
    }
    WHITTLE_CHECK(link());
    for (size_t i = 0; i < fetches.size(); ++i) {
      const uint32_t step = add_step(nullptr, Role::kReturn);
      program_->steps[step].index = static_cast<uint32_t>(i);
      program_->steps[step].inputs = 1;
      WHITTLE_CHECK(connect(fetches[i], step, 0));
    }
    program_->returns = std::max(program_->returns, static_cast<uint32_t>(fetches.size()));
    WHITTLE_CHECK(place_in_frames());
    return std::shared_ptr<const Program>(std::move(program_));
  }

 private:
  uint32_t add_step(const Node* node, Role role) {
    StepInfo s;
    s.node = node;
    s.role = role;
    program_->steps.push_back(std::move(s));
    return static_cast<uint32_t>(program_->steps.size() - 1);
  }

  bool is_fed(OutputId value) const { return fed_.find(value) != fed_.end(); }

  // A constant that consumers load themselves.
  bool is_free_const(const Node& node) const {
    return role_of(node, library_) == Role::kConst && node.controls().empty();
  }

  // Waiting for a placeholder that is fed is waiting for nothing.
  bool is_fed_placeholder(NodeId id) const {
    return role_of(graph_.node(id), library_) == Role::kUnfed && is_fed({id, 0});
  }

  void visit_value(OutputId value) {
    if (!is_fed(value)) visit(value.node);
  }

  // Depth first: a node's inputs in order, then the node. The back edge of a loop, from
  // NextIteration to Merge, is walked after everything else.
  void visit(NodeId root) {
    std::vector<NodeId> roots{root};
    while (!roots.empty()) {
      const NodeId start = roots.back();
      roots.pop_back();
      if (step_of_[index_of(start)] != kNone) continue;
      struct Entry {
        NodeId node;
        size_t next;
      };
      std::vector<Entry> stack{{start, 0}};
      step_of_[index_of(start)] = kNone - 1;  // entered
      while (!stack.empty()) {
        Entry& top = stack.back();
        const Node& node = graph_.node(top.node);
        const size_t data = node.inputs().size(), all = data + node.controls().size();
        if (top.next == all) {
          step_of_[index_of(top.node)] = add_step(&node, role_of(node, library_));
          stack.pop_back();
          continue;
        }
        const size_t i = top.next++;
        const NodeId input = i < data ? node.inputs()[i].node : node.controls()[i - data];
        if (i < data ? is_fed(node.inputs()[i]) : is_fed_placeholder(input)) continue;
        if (step_of_[index_of(input)] != kNone) continue;
        if (role_of(graph_.node(input), library_) == Role::kNextIteration) {
          roots.push_back(input);
          continue;
        }
        step_of_[index_of(input)] = kNone - 1;
        stack.push_back({input, 0});
      }
    }
  }

  Status connect(OutputId from, uint32_t to, uint32_t input) {
    StepInfo& consumer = program_->steps[to];
    const auto fed = fed_.find(from);
    const uint32_t producer = fed != fed_.end() ? fed->second : step_of_[index_of(from.node)];
    if (producer >= kNone - 1) return internal_error("an input was not visited");
    if (fed == fed_.end()) {
      const Node& node = graph_.node(from.node);
      if (from.slot < 0 || from.slot > kMaxPorts) return corrupt("an output number");
      if (is_free_const(node) && !is_control_flow(consumer.role)) {
        const AttrValue* value = node.attrs.find("value");
        if (value == nullptr || value->tensor().empty() || from.slot != 0) {
          return corrupt("a constant without a value").in(cat("node ", printable(node.name)));
        }
        consumer.constants.push_back({input, &value->tensor()});
        return {};
      }
    }
    program_->steps[producer].edges.push_back({to, fed != fed_.end() ? 0 : from.slot, input});
    ++consumer.waits;
    return {};
  }

  Status link() {
    const size_t count = program_->steps.size();
    for (uint32_t i = 0; i < count; ++i) {
      const Node* node = program_->steps[i].node;
      if (node == nullptr) continue;
      StepInfo& s = program_->steps[i];
      s.inputs = static_cast<uint32_t>(node->inputs().size());
      s.kernel = find_kernel(node->op);
      if (s.role == Role::kArg || s.role == Role::kReturn) {
        const int64_t index = node->attrs.int_or("index", -1);
        if (index < 0 || index > 1 << 20) return corrupt("argument index").in(node->name);
        s.index = static_cast<uint32_t>(index);
        if (s.role == Role::kReturn) {
          program_->returns = std::max(program_->returns, s.index + 1);
        }
      }
      for (uint32_t k = 0; k < node->inputs().size(); ++k) {
        WHITTLE_CHECK(connect(node->inputs()[k], i, k));
      }
      for (NodeId before : node->controls()) {
        // A free constant is always there.
        if (is_free_const(graph_.node(before)) || is_fed_placeholder(before)) continue;
        program_->steps[step_of_[index_of(before)]].edges.push_back({i, -1, 0});
        ++program_->steps[i].waits;
        ++program_->steps[i].controls;
      }
    }
    return {};
  }

  // Every step lies in one frame: that of its inputs, but Enter leads into a child and Exit out.
  Status place_in_frames() {
    program_->frames.push_back({});
    std::vector<StepInfo>& steps = program_->steps;
    constexpr uint32_t kUnplaced = UINT32_MAX;
    for (StepInfo& s : steps) s.frame = kUnplaced;
    std::map<std::pair<uint32_t, std::string>, uint32_t> children;
    std::vector<uint32_t> ready;
    std::vector<uint32_t> arrived(steps.size(), 0);
    for (uint32_t i = 0; i < steps.size(); ++i) {
      if (steps[i].waits == 0) {
        steps[i].frame = 0;
        ready.push_back(i);
      }
    }
    while (!ready.empty()) {
      const uint32_t i = ready.back();
      ready.pop_back();
      uint32_t out = steps[i].frame;
      if (steps[i].role == Role::kEnter) {
        std::string name(steps[i].node->attrs.string_or("frame_name", ""));
        const auto [at, is_new] = children.try_emplace(
            {out, name}, static_cast<uint32_t>(program_->frames.size()));
        if (is_new) {
          FrameInfo f;
          f.name = std::move(name);
          f.parent = out;
          program_->frames.push_back(std::move(f));
        }
        out = steps[i].child_frame = at->second;
        ++program_->frames[out].enters;
      } else if (steps[i].role == Role::kExit) {
        if (out == 0) return invalid_argument("Exit outside of a loop").in(steps[i].node->name);
        out = program_->frames[out].parent;
      }
      for (const Edge& e : steps[i].edges) {
        StepInfo& to = steps[e.to];
        if (to.frame != kUnplaced && to.frame != out) {
          return invalid_argument("inputs from different frames")
              .in(cat("node ", printable(to.node == nullptr ? "" : to.node->name)));
        }
        // A Merge at the head of a loop is placed by its Enter: the other input comes later.
        const bool first = to.frame == kUnplaced;
        to.frame = out;
        ++arrived[e.to];
        const bool merge = to.role == Role::kMerge;
        if (merge ? first : arrived[e.to] == to.waits) ready.push_back(e.to);
      }
    }
    for (StepInfo& s : steps) {
      if (s.frame == kUnplaced) {
        return invalid_argument("a cycle").in(
            cat("node ", printable(s.node == nullptr ? "" : s.node->name)));
      }
      FrameInfo& f = program_->frames[s.frame];
      s.local = f.steps++;
      s.first_input = f.inputs;
      f.inputs += s.inputs;
      // A Merge runs at the first live value: bit 0 is that wait, control edges count twice.
      f.pending.push_back(s.role == Role::kMerge ? 1 + 2 * s.controls : s.waits);
      std::vector<bool> later;
      for (size_t i = s.edges.size(); i-- > 0;) {
        Edge& e = s.edges[i];
        if (e.slot < 0) continue;
        const size_t slot = static_cast<size_t>(e.slot);
        if (later.size() <= slot) later.resize(slot + 1, false);
        e.last = !later[slot];
        later[slot] = true;
      }
    }
    return {};
  }

  const Graph& graph_;
  const Library& library_;
  std::shared_ptr<Program> program_;
  std::vector<uint32_t> step_of_;
  std::map<OutputId, uint32_t> fed_;
};

}  // namespace

Role role_of(const Node& node, const Library& library) {
  const auto at = std::lower_bound(std::begin(kRoles), std::end(kRoles), node.op,
                                   [](const Named& n, const std::string& op) { return n.op < op; });
  if (at != std::end(kRoles) && at->op == node.op) return at->role;
  const KernelInfo* kernel = find_kernel(node.op);
  if (kernel != nullptr) return kernel->run_state != nullptr ? Role::kState : Role::kKernel;
  return library.has(node.op) ? Role::kCall : Role::kMissing;
}

std::vector<std::string> functions_of(const Node& node, Role role) {
  const auto named = [&](std::string_view attr) -> std::string {
    const AttrValue* v = node.attrs.find(attr);
    return v != nullptr && v->kind() == AttrValue::Kind::kFunc ? v->func().name : std::string();
  };
  switch (role) {
    case Role::kCall: {
      std::string f = named("f");
      return {f.empty() ? node.op : f};
    }
    case Role::kIf: return {named("then_branch"), named("else_branch")};
    case Role::kWhile: return {named("cond"), named("body")};
    case Role::kCase: {
      std::vector<std::string> names;
      const AttrValue* v = node.attrs.find("branches");
      if (v != nullptr && v->kind() == AttrValue::Kind::kList) {
        for (const FuncRef& f : v->list().funcs) names.push_back(f.name);
      }
      return names;
    }
    default: return {};
  }
}

Result<std::shared_ptr<const Program>> compile_graph(const Graph& graph, const Library& library,
                                                     const std::vector<OutputId>& feeds,
                                                     const std::vector<OutputId>& fetches,
                                                     const std::vector<NodeId>& targets) {
  return Compiler(graph, library).compile(feeds, fetches, targets, {});
}

Result<std::shared_ptr<const Program>> compile_function(const Function& function,
                                                        const Library& library) {
  std::vector<NodeId> roots;
  for (NodeId id : function.body.ids()) {
    if (function.body.node(id).op == "_Retval") roots.push_back(id);
  }
  for (const auto& [name, node] : function.control_rets) roots.push_back(node);
  Result<std::shared_ptr<const Program>> p =
      Compiler(function.body, library).compile({}, {}, roots, function.name);
  if (!p.ok()) return p.take_error().in(cat("function ", printable(function.name)));
  return p;
}

}  // namespace whittle::eval
