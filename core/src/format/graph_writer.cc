#include "graph_writer.h"

#include <algorithm>

#include "node_reader.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

std::string tensor_text(const Graph& graph, OutputId value) {
  const std::string& name = graph.node(value.node).name;
  return value.slot == 0 ? name : cat(name, ":", value.slot);
}

// The colocation hints whose node still exists; nothing when none is left.
AttrValue living_class(const Graph& graph, const AttrValue& value) {
  AttrList kept;
  for (const std::string& entry : value.list().strings) {
    const bool node = entry.compare(0, 5, "loc:@") == 0;
    if (!node || graph.find(std::string_view(entry).substr(5)) != kNoNode)
      kept.strings.push_back(entry);
  }
  return kept.strings.empty() ? AttrValue() : AttrValue::list(std::move(kept));
}

std::string versions_text(const Versions& versions) {
  WireWriter out;
  if (versions.producer != 0) out.int64(1, versions.producer);
  if (versions.min_consumer != 0) out.int64(2, versions.min_consumer);
  for (const int32_t bad : versions.bad_consumers) out.int64(3, bad);
  return out.take();
}

}  // namespace

Result<Pieces> GraphWriter::graph_def(bool with_init) {
  WHITTLE_CHECK(collect_functions());
  WHITTLE_CHECK(want_tensors());
  const Graph& graph = meta_.graph;
  WHITTLE_ASSIGN(const std::vector<NodeId> order, graph.topological_order());

  Pieces out;
  for (NodeId id : order) {
    if (index_of(id) % 256 == 0) WHITTLE_CHECK(ctx_.check_cancelled());
    std::vector<std::string> inputs;
    for (OutputId input : graph.node(id).inputs()) inputs.push_back(tensor_text(graph, input));
    for (NodeId control : graph.node(id).controls())
      inputs.push_back("^" + graph.node(control).name);
    WHITTLE_ASSIGN(Pieces def, node(graph, id, inputs, graph.node(id).name));
    out.nest(1, std::move(def));
  }
  if (with_init && !meta_.init.empty()) {
    const Node& first = graph.node(meta_.init[0]);
    const bool reuse = meta_.init.size() == 1 && first.op == "NoOp";
    init_node_ = reuse ? first.name : graph.unique_name("init");
    if (!reuse) {
      WireWriter def;
      def.bytes(1, init_node_);
      def.bytes(2, "NoOp");
      for (NodeId id : meta_.init) def.bytes(3, "^" + graph.node(id).name);
      WireWriter field;
      field.bytes(1, def.data());
      out.literal(field.data());
    }
  }
  if (!functions_.empty()) {
    Pieces library;
    for (const Function* f : functions_) {
      WHITTLE_CHECK(ctx_.check_cancelled());
      Result<Pieces> def = function(*f);
      if (!def.ok()) return def.take_error().in(cat("function ", printable(f->name)));
      library.nest(1, std::move(def).value());
    }
    out.nest(2, std::move(library));
  }
  WireWriter versions;
  versions.bytes(4, versions_text(meta_.versions));
  out.literal(versions.data());
  return out;
}

// Everything that is named by the main graph, directly or through other functions.
Status GraphWriter::collect_functions() {
  std::set<std::string> names;
  std::vector<std::string> open;
  const auto visit = [&](const Graph& graph) {
    for (NodeId id : graph.ids()) {
      note_node(graph.node(id));
      for (std::string& name : called_functions(meta_, graph.node(id))) {
        if (names.insert(name).second) open.push_back(std::move(name));
      }
    }
  };
  visit(meta_.graph);
  while (!open.empty()) {
    WHITTLE_CHECK(ctx_.check_cancelled());
    const std::string name = std::move(open.back());
    open.pop_back();
    if (!library_.has(name)) {
      return corrupt("the function is named by a node and does not exist")
          .in(cat("function ", printable(name)));
    }
    WHITTLE_ASSIGN(const Function* f, library_.get(name));
    visit(f->body);
  }
  for (const std::string& name : names) {
    WHITTLE_ASSIGN(const Function* f, library_.get(name));
    functions_.push_back(f);
  }
  return {};
}

void GraphWriter::note_node(const Node& node) {
  if (library_.has(node.op) || OpRegistry::builtin().find(node.op) != nullptr) return;
  if (meta_.registry && meta_.registry->find(node.op) != nullptr) model_ops_.insert(node.op);
}

Status GraphWriter::want_tensors() {
  const auto visit = [&](const Graph& graph) {
    for (NodeId id : graph.ids()) {
      for (const Attr& attr : graph.node(id).attrs) encoder_.want(attr.value);
    }
  };
  visit(meta_.graph);
  for (const Function* f : functions_) visit(f->body);
  return {};
}

Result<Pieces> GraphWriter::node(const Graph& graph, NodeId id,
                                 const std::vector<std::string>& inputs, const std::string& place) {
  const Node& n = graph.node(id);
  Pieces out;
  WireWriter head;
  head.bytes(1, n.name);
  head.bytes(2, n.op);
  for (const std::string& input : inputs) head.bytes(3, input);
  if (!n.device.empty()) head.bytes(4, n.device);
  out.literal(head.data());
  const OpSpec* spec =
      meta_.registry ? meta_.registry->find(n.op) : OpRegistry::builtin().find(n.op);
  for (const Attr& attr : n.attrs) {
    if (spec != nullptr && is_default_attr(*spec, attr.name, attr.value)) continue;
    const bool is_class = attr.name == "_class" && attr.value.kind() == AttrValue::Kind::kList;
    const AttrValue value = is_class ? living_class(graph, attr.value) : attr.value;
    WHITTLE_CHECK_IN(encoder_.entry(attr.name, value, 5, place, &out), node_place(n.name));
  }
  out.literal(n.unknown);
  return out;
}

Result<std::string> GraphWriter::op_list() const {
  const auto args = [](WireWriter* op, uint32_t field, const std::vector<ArgSpec>& specs) {
    for (const ArgSpec& arg : specs) {
      WireWriter out;
      out.bytes(1, arg.name);
      if (arg.fixed_type != DType::kInvalid) out.int64(3, static_cast<int64_t>(arg.fixed_type));
      if (!arg.type_attr.empty()) out.bytes(4, arg.type_attr);
      if (!arg.number_attr.empty()) out.bytes(5, arg.number_attr);
      if (!arg.type_list_attr.empty()) out.bytes(6, arg.type_list_attr);
      if (arg.is_ref) out.varint(16, 1);
      op->bytes(field, out.data());
    }
  };
  WireWriter list;
  for (const std::string& name : model_ops_) {
    const OpSpec& spec = *meta_.registry->find(name);
    WireWriter op;
    op.bytes(1, spec.name);
    args(&op, 2, spec.inputs);
    args(&op, 3, spec.outputs);
    for (const AttrSpec& attr : spec.attrs) {
      WireWriter out;
      out.bytes(1, attr.name);
      out.bytes(2, attr.type);
      if (attr.has_default) {
        WHITTLE_ASSIGN(Pieces value, encoder_.attr(default_of(attr), attr.name));
        for (const PlannedSegment& segment : value.take()) {
          if (segment.kind != PlannedSegment::Kind::kLiteral)
            return internal_error("an op's default is too large");
          out.bytes(3, segment.literal);
        }
      }
      op.bytes(4, out.data());
    }
    if (spec.is_stateful) op.varint(17, 1);
    if (spec.is_commutative) op.varint(18, 1);
    list.bytes(1, op.data());
  }
  return list.take();
}

}  // namespace whittle::format
