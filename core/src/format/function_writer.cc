// Function → FunctionDef, the inverse of function_decoder.cc.
#include <algorithm>

#include "graph_writer.h"
#include "node_reader.h"
#include "whittle/text.h"

namespace whittle::format {

// Arguments and body nodes share one space of names; where a transform made them meet, the argument
// takes the name that its _Arg node has.
void GraphWriter::name_args(const Function& f) {
  arg_names_.clear();
  for (const FunctionArg& arg : f.args) arg_names_.push_back(arg.name);
  for (NodeId id : f.body.ids()) {
    const Node& node = f.body.node(id);
    if (node.op != "_Arg") continue;
    const auto index = static_cast<size_t>(node.attrs.int_or("index", 0));
    if (index >= arg_names_.size() || arg_names_[index] == node.name) continue;
    const bool taken = f.body.find(arg_names_[index]) != kNoNode ||
                       std::count(arg_names_.begin(), arg_names_.end(), arg_names_[index]) > 1;
    if (taken) arg_names_[index] = node.name;
  }
}

Result<std::string> GraphWriter::body_input(const Function& f, OutputId value) const {
  const Node& node = f.body.node(value.node);
  if (node.op == "_Arg") {
    const auto index = static_cast<size_t>(node.attrs.int_or("index", 0));
    if (index >= arg_names_.size())
      return internal_error("an _Arg has no argument").in(node_place(node.name));
    return arg_names_[index];
  }
  if (const Function* callee = library_.find_decoded(node.op)) {
    const auto slot = static_cast<size_t>(value.slot);
    if (slot >= callee->rets.size())
      return internal_error("a call has too few outputs").in(node_place(node.name));
    return cat(node.name, ":", callee->rets[slot].name, ":0");
  }
  const OpSpec* spec =
      meta_.registry ? meta_.registry->find(node.op) : OpRegistry::builtin().find(node.op);
  if (spec == nullptr) {
    return unsupported(cat("the outputs of op ", printable(node.op),
                           " have no names, which a function needs"))
        .in(node_place(node.name));
  }
  Result<std::pair<std::string_view, int>> named = named_port(*spec, node.attrs, value.slot);
  if (!named.ok()) return named.take_error().in(node_place(node.name));
  return cat(node.name, ":", named->first, ":", named->second);
}

std::string GraphWriter::function_signature(const Function& f) const {
  const auto arg_def = [](std::string_view name, DType dtype) {
    WireWriter arg;
    arg.bytes(1, name);
    arg.int64(3, static_cast<int64_t>(dtype));
    return arg.take();
  };
  WireWriter out;
  out.bytes(1, f.name);
  for (size_t i = 0; i < f.args.size(); ++i) out.bytes(2, arg_def(arg_names_[i], f.args[i].dtype));
  for (const FunctionArg& ret : f.rets) out.bytes(3, arg_def(ret.name, ret.dtype));
  if (f.is_stateful) out.varint(17, 1);
  std::vector<std::string_view> control_outputs;
  for (const auto& [name, id] : f.control_rets) control_outputs.push_back(name);
  std::sort(control_outputs.begin(), control_outputs.end());
  for (std::string_view name : control_outputs) out.bytes(20, name);
  return out.take();
}

Status GraphWriter::body_nodes(const Function& f, Pieces* out) {
  WHITTLE_ASSIGN(const std::vector<NodeId> order, f.body.topological_order());
  for (NodeId id : order) {
    const Node& n = f.body.node(id);
    if (n.op == "_Arg" || n.op == "_Retval") continue;
    std::vector<std::string> inputs;
    for (OutputId input : n.inputs()) {
      WHITTLE_ASSIGN(std::string text, body_input(f, input));
      inputs.push_back(std::move(text));
    }
    for (NodeId control : n.controls()) {
      const Node& before = f.body.node(control);
      if (before.op != "_Arg") {
        inputs.push_back("^" + before.name);
        continue;
      }
      WHITTLE_ASSIGN(const std::string text, body_input(f, {control, 0}));
      inputs.push_back("^" + text);
    }
    WHITTLE_ASSIGN(Pieces def, node(f.body, id, inputs, cat(f.name, "/", n.name)));
    out->nest(3, std::move(def));
  }
  return {};
}

Result<Pieces> GraphWriter::function(const Function& f) {
  name_args(f);
  Pieces out;
  WireWriter signature;
  signature.bytes(1, function_signature(f));
  out.literal(signature.data());
  WHITTLE_CHECK(body_nodes(f, &out));

  const auto text_entry = [](std::string_view key, std::string_view value) {
    WireWriter entry;
    entry.bytes(1, key);
    entry.bytes(2, value);
    return entry.take();
  };
  std::vector<std::string> rets(f.rets.size());
  for (NodeId id : f.body.ids()) {
    const Node& n = f.body.node(id);
    if (n.op != "_Retval") continue;
    const auto index = static_cast<size_t>(n.attrs.int_or("index", 0));
    if (index >= rets.size() || n.inputs().size() != 1)
      return internal_error("a _Retval is wrong").in(node_place(n.name));
    WHITTLE_ASSIGN(const std::string text, body_input(f, n.inputs()[0]));
    rets[index] = text_entry(f.rets[index].name, text);
  }
  std::sort(rets.begin(), rets.end());
  WireWriter ret_fields;
  for (const std::string& entry : rets) {
    if (entry.empty()) return internal_error("an output of the function has no _Retval");
    ret_fields.bytes(4, entry);
  }
  out.literal(ret_fields.data());

  WHITTLE_CHECK(encoder_.attrs(f.attrs, 5, f.name, &out));
  std::vector<std::string> controls;
  for (const auto& [name, id] : f.control_rets)
    controls.push_back(text_entry(name, f.body.node(id).name));
  std::sort(controls.begin(), controls.end());
  WireWriter control_fields;
  for (const std::string& entry : controls) control_fields.bytes(6, entry);
  out.literal(control_fields.data());

  for (size_t i = 0; i < f.args.size(); ++i) {
    if (f.args[i].attrs.empty()) continue;
    Pieces attrs;
    WHITTLE_CHECK(encoder_.attrs(f.args[i].attrs, 1, f.name, &attrs));
    Pieces entry;
    WireWriter key;
    if (i != 0) key.varint(1, i);
    entry.literal(key.data());
    entry.nest(2, std::move(attrs));
    out.nest(7, std::move(entry));
  }
  return out;
}

}  // namespace whittle::format
