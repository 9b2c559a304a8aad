#include "node_reader.h"

#include <algorithm>

#include "whittle/text.h"

namespace whittle::format {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// In a body any name works that "node:out:0" and "^node" can name.
bool is_body_name(std::string_view name) {
  return name.find(':') == std::string_view::npos && name[0] != '^' && is_valid_utf8(name);
}

// In words; `error` says which attribute is wrong.
Error as_corrupt(Error error) {
  if (error.code == Code::kInvalidArgument) error.code = Code::kCorrupt;
  return error;
}

Status check_const(const Node& node) {
  const AttrValue* value = node.attrs.find("value");
  const DType dtype = node.attrs.type_or("dtype", DType::kInvalid);
  if (value == nullptr) return corrupt("the Const has no value");
  if (value->kind() == AttrValue::Kind::kRaw || value->kind() == AttrValue::Kind::kPlaceholder)
    return {};
  if (value->kind() != AttrValue::Kind::kTensor)
    return corrupt("the value of the Const is no tensor");
  if (value->tensor().dtype() != dtype) {
    return corrupt(cat("the Const is ", dtype_name(dtype), " and its value ",
                       dtype_name(value->tensor().dtype())));
  }
  return {};
}

// Output dtypes of all nodes, end to end; a node without known outputs has none.
class OutputTypes {
 public:
  Status collect(const Graph& graph, const OpRegistry& registry, const Context& ctx) {
    first_.assign(graph.capacity() + 1, 0);
    known_.assign(graph.capacity(), false);
    for (size_t i = 0; i < graph.capacity(); ++i) {
      first_[i] = types_.size();
      const NodeId id = static_cast<NodeId>(i);
      if (!graph.alive(id)) continue;
      if (i % 256 == 0) WHITTLE_CHECK(ctx.check_cancelled());
      const Node& node = graph.node(id);
      const OpSpec* spec = registry.find(node.op);
      if (spec == nullptr) continue;
      Result<std::vector<DType>> out = output_dtypes(*spec, node.attrs);
      if (!out.ok()) return as_corrupt(out.take_error()).in(node_place(node.name));
      known_[i] = true;
      if (types_.size() + out->size() > kMaxValues)
        return over_limit("the graph has too many values");
      types_.insert(types_.end(), out->begin(), out->end());
    }
    first_[graph.capacity()] = types_.size();
    return {};
  }

  bool known(NodeId id) const { return known_[index_of(id)]; }
  int32_t count(NodeId id) const {
    return static_cast<int32_t>(first_[index_of(id) + 1] - first_[index_of(id)]);
  }
  DType type(OutputId value) const {
    return types_[first_[index_of(value.node)] + static_cast<size_t>(value.slot)];
  }

 private:
  static constexpr size_t kMaxValues = size_t{1} << 24;
  std::vector<size_t> first_;
  std::vector<bool> known_;
  std::vector<DType> types_;
};

Status check_inputs(const Graph& graph, const Node& node, const OpSpec* spec,
                    const OutputTypes& outputs) {
  std::vector<DType> expected;
  if (spec != nullptr) {
    Result<int> count = input_count(*spec, node.attrs);
    if (!count.ok()) return as_corrupt(count.take_error());
    if (static_cast<size_t>(*count) != node.inputs().size()) {
      return corrupt(
          cat("it has ", node.inputs().size(), " inputs, ", printable(node.op), " takes ", *count));
    }
    Result<std::vector<DType>> types = input_dtypes(*spec, node.attrs);
    if (!types.ok()) return as_corrupt(types.take_error());
    expected = std::move(types).value();
  }
  for (size_t k = 0; k < node.inputs().size(); ++k) {
    const OutputId input = node.inputs()[k];
    if (!outputs.known(input.node)) continue;
    const Node& producer = graph.node(input.node);
    if (input.slot >= outputs.count(input.node)) {
      return corrupt(cat("input ", k, " reads port ", input.slot, " of ", printable(producer.name),
                         ", a ", printable(producer.op), " with ", outputs.count(input.node),
                         " outputs"));
    }
    if (spec == nullptr) continue;
    const DType given = outputs.type(input);
    if (base_dtype(given) != base_dtype(expected[k]) || (is_ref(expected[k]) && !is_ref(given))) {
      return corrupt(
          cat("input ", k, " takes ", dtype_name(expected[k]), " and gets ", dtype_name(given)));
    }
  }
  return {};
}

}  // namespace

std::string node_place(std::string_view name) { return cat("node ", printable(name)); }

bool is_node_name(std::string_view name) {
  bool first = true;
  for (const char c : name) {
    if (first ? !(is_alnum(c) || c == '.')
              : !(is_alnum(c) || c == '_' || c == '.' || c == '-' || c == '/' || c == '>' ||
                  c == '\\')) {
      return false;
    }
    first = c == '>';
  }
  return !first;
}

bool split_tensor_name(std::string_view text, std::string_view* node, int32_t* slot) {
  const size_t colon = text.rfind(':');
  *node = text.substr(0, colon);
  *slot = -1;
  if (colon == std::string_view::npos) return !node->empty();
  const std::string_view digits = text.substr(colon + 1);
  int64_t value = 0;
  if (digits.size() > 9 || !parse_int64(digits, &value) || value < 0 || digits[0] == '-')
    return false;
  *slot = static_cast<int32_t>(value);
  return !node->empty();
}

Status add_node(const pb::Node& proto, const ValueDecoder& values, bool strict_name, Graph* graph,
                InputTexts* inputs) {
  const std::string& name = proto.name();
  if (name.empty()) return corrupt("a node has no name");
  const auto place = [&name] { return node_place(name); };  // only made for an error
  if (strict_name ? !is_node_name(name) : !is_body_name(name)) {
    return corrupt("the node name has characters that TensorFlow does not allow").in(place());
  }
  if (graph->find(name) != kNoNode) return corrupt("two nodes have this name").in(place());
  if (proto.op().empty()) return corrupt("the node has no op").in(place());
  if (proto.op() == "_Arg" || proto.op() == "_Retval") {
    return corrupt(cat(proto.op(), " nodes exist only inside TensorFlow")).in(place());
  }
  WHITTLE_ASSIGN_IN(AttrMap attrs, values.attrs(proto.attr()), place());
  const NodeId id = graph->add(name, proto.op());
  Node& node = graph->mutable_node(id);
  node.device = proto.device();
  node.attrs = std::move(attrs);
  node.unknown = proto.unknown_fields();
  inputs->resize(index_of(id) + 1);
  inputs->back().assign(proto.input().begin(), proto.input().end());
  return {};
}

Status check_graph(const Graph& graph, const OpRegistry& registry, const Context& ctx) {
  OutputTypes outputs;
  WHITTLE_CHECK(outputs.collect(graph, registry, ctx));
  for (NodeId id : graph.ids()) {
    if (index_of(id) % 256 == 0) WHITTLE_CHECK(ctx.check_cancelled());
    const Node& node = graph.node(id);
    WHITTLE_CHECK_IN(check_inputs(graph, node, registry.find(node.op), outputs),
                     node_place(node.name));
    if (node.op == "Const") WHITTLE_CHECK_IN(check_const(node), node_place(node.name));
  }
  Result<std::vector<NodeId>> order = graph.topological_order();
  if (!order.ok()) return as_corrupt(order.take_error());
  return {};
}

Result<Graph> read_nodes(const std::vector<std::string_view>& nodes, const ValueDecoder& values,
                         Context& ctx) {
  Graph graph;
  InputTexts texts;
  pb::Node proto;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i % 256 == 0) WHITTLE_CHECK(ctx.check_cancelled());
    if (!parse(nodes[i], &proto)) return corrupt(cat("node ", i, " of the graph is no NodeDef"));
    WHITTLE_CHECK(add_node(proto, values, true, &graph, &texts));
  }
  for (NodeId id : graph.ids()) {
    if (index_of(id) % 256 == 0) WHITTLE_CHECK(ctx.check_cancelled());
    const auto place = [&] { return node_place(graph.node(id).name); };
    std::vector<NodeId> controls;
    for (const std::string& text : texts[index_of(id)]) {
      const bool control = !text.empty() && text[0] == '^';
      std::string_view name;
      int32_t slot = -1;
      if (!split_tensor_name(std::string_view(text).substr(control ? 1 : 0), &name, &slot) ||
          (control && slot != -1)) {
        return corrupt(cat("the input \"", printable(text), "\" names no tensor")).in(place());
      }
      const NodeId producer = graph.find(name);
      if (producer == kNoNode) {
        return corrupt(cat("the input ", printable(text), " does not exist")).in(place());
      }
      if (control) {
        if (producer == id) return corrupt("the node waits for itself").in(place());
        controls.push_back(producer);
        continue;
      }
      if (!controls.empty()) return corrupt("a data input follows a control input").in(place());
      graph.add_input(id, {producer, std::max(slot, 0)});
    }
    graph.add_controls(id, controls);
  }
  return graph;
}

}  // namespace whittle::format
