#include "calls.h"

#include <algorithm>
#include <map>

#include "whittle/text.h"

namespace whittle {
namespace {

std::string func_name(const Node& node, std::string_view attr) {
  const AttrValue* v = node.attrs.find(attr);
  return v == nullptr ? std::string() : v->func().name;
}

}  // namespace

CallInfo call_info(const MetaGraph& meta, const Node& node) {
  CallInfo info;
  const std::string& op = node.op;
  if (op == "PartitionedCall" || op == "StatefulPartitionedCall") {
    info = {CallKind::kCall, 0, "Tin", {func_name(node, "f")}};
  } else if (op == "If" || op == "StatelessIf") {
    info = {CallKind::kIf, 1, "Tin", {func_name(node, "then_branch"), func_name(node, "else_branch")}};
  } else if (op == "While" || op == "StatelessWhile") {
    info = {CallKind::kWhile, 0, "T", {func_name(node, "cond"), func_name(node, "body")}};
  } else if (op == "Case" || op == "StatelessCase") {
    info.kind = CallKind::kCase;
    info.first_arg = 1;
    info.types_attr = "Tin";
    if (const AttrValue* v = node.attrs.find("branches")) {
      for (const FuncRef& f : v->list().funcs) info.functions.push_back(f.name);
    }
  } else if (meta.library.has(op)) {
    info = {CallKind::kDirect, 0, "", {op}};
  }
  return info;
}

void set_call_function(Node& node, const CallInfo& info, size_t k, const std::string& name) {
  constexpr std::string_view kIf[] = {"then_branch", "else_branch"};
  constexpr std::string_view kWhile[] = {"cond", "body"};
  switch (info.kind) {
    case CallKind::kNone: break;
    case CallKind::kDirect: node.op = name; break;
    case CallKind::kCall: node.attrs.find("f")->mutable_func().name = name; break;
    case CallKind::kIf: node.attrs.find(kIf[k])->mutable_func().name = name; break;
    case CallKind::kWhile: node.attrs.find(kWhile[k])->mutable_func().name = name; break;
    case CallKind::kCase: node.attrs.find("branches")->mutable_list().funcs[k].name = name; break;
  }
}

Result<std::vector<std::string>> reachable_functions(MetaGraph& meta) {
  // Depth-first with an explicit stack: names are hostile, so may be the depth.
  enum class Mark : uint8_t { kOpen, kDone };
  std::map<std::string, Mark> marks;
  std::vector<std::string> order;
  struct Item { std::string name; bool leaving; };
  std::vector<Item> stack;
  const auto push_callees = [&](const Graph& g) {
    for (NodeId id : g.ids()) {
      for (std::string& name : called_functions(meta, g.node(id))) {
        stack.push_back({std::move(name), false});
      }
    }
  };
  push_callees(meta.graph);
  std::reverse(stack.begin(), stack.end());
  while (!stack.empty()) {
    Item item = std::move(stack.back());
    stack.pop_back();
    if (item.leaving) {
      marks[item.name] = Mark::kDone;
      order.push_back(std::move(item.name));
      continue;
    }
    if (auto it = marks.find(item.name); it != marks.end()) {
      if (it->second == Mark::kDone) continue;
      return invalid_argument(cat("function ", printable(item.name), " calls itself"))
          .in(cat("function ", printable(item.name)));
    }
    WHITTLE_ASSIGN(const Function* f, meta.library.get(item.name));
    marks.emplace(item.name, Mark::kOpen);
    stack.push_back({item.name, true});
    push_callees(f->body);
  }
  return order;
}

namespace {

std::vector<NodeId> by_index(const Graph& g, std::string_view op, size_t count) {
  std::vector<NodeId> out(count, kNoNode);
  for (NodeId id : g.ids()) {
    if (g.node(id).op != op) continue;
    const int64_t index = g.node(id).attrs.int_or("index", -1);
    if (index >= 0 && static_cast<uint64_t>(index) < count) out[static_cast<size_t>(index)] = id;
  }
  return out;
}

}  // namespace

std::vector<NodeId> arg_nodes(const Function& f) { return by_index(f.body, "_Arg", f.args.size()); }
std::vector<NodeId> ret_nodes(const Function& f) {
  return by_index(f.body, "_Retval", f.rets.size());
}

bool is_v1_control_flow(std::string_view op) {
  constexpr std::string_view kOps[] = {
      "Enter", "Exit", "Merge", "NextIteration", "Switch", "LoopCond", "_SwitchN",
      "RefEnter", "RefExit", "RefMerge", "RefNextIteration", "RefSwitch", "RefSelect"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

bool has_v1_control_flow(const Graph& g) {
  for (NodeId id : g.ids()) {
    if (is_v1_control_flow(g.node(id).op)) return true;
  }
  return false;
}

}  // namespace whittle
