#include "weights.h"

#include <algorithm>
#include <optional>
#include <set>

#include "variable_flow.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kMinRow = 8;

uint64_t dim(const Shape& s, int axis) { return static_cast<uint64_t>(s.dims[static_cast<size_t>(axis)]); }

ChannelLayout by_axis(const Shape& shape, int axis) {
  ChannelLayout l;
  l.axis = axis;
  l.channels = dim(shape, axis);
  l.scale_shape.dims.assign(shape.dims.size(), 1);
  l.scale_shape.dims[static_cast<size_t>(axis)] = shape.dims[static_cast<size_t>(axis)];
  for (int k = axis + 1; k < shape.rank(); ++k) l.inner *= dim(shape, k);
  return l;
}

// Axes [first, last] together.
ChannelLayout by_axes(const Shape& shape, int first, int last) {
  ChannelLayout l = by_axis(shape, last);
  l.axis = first == last ? first : -1;
  for (int k = first; k < last; ++k) {
    l.channels *= dim(shape, k);
    l.scale_shape.dims[static_cast<size_t>(k)] = shape.dims[static_cast<size_t>(k)];
  }
  return l;
}

// The labels of W that the output has and the other operand lacks, when they are neighbours.
std::optional<ChannelLayout> einsum_layout(const Node& node, int index, const Shape& shape) {
  const std::string_view equation = node.attrs.string_or("equation", "");
  const size_t arrow = equation.find("->");
  const size_t comma = equation.find(',');
  if (arrow == std::string_view::npos || comma == std::string_view::npos || comma > arrow ||
      equation.find("...") != std::string_view::npos || node.inputs().size() != 2) {
    return std::nullopt;
  }
  const auto clean = [](std::string_view text) {
    std::string out;
    for (char c : text) if (c != ' ') out.push_back(c);
    return out;
  };
  const std::string a = clean(equation.substr(0, comma));
  const std::string b = clean(equation.substr(comma + 1, arrow - comma - 1));
  const std::string out = clean(equation.substr(arrow + 2));
  const std::string& w = index == 0 ? a : b;
  const std::string& x = index == 0 ? b : a;
  if (w.size() != shape.dims.size()) return std::nullopt;
  int first = -1, last = -1, count = 0;
  for (size_t k = 0; k < w.size(); ++k) {
    if (out.find(w[k]) == std::string::npos || x.find(w[k]) != std::string::npos) continue;
    if (first < 0) first = static_cast<int>(k);
    last = static_cast<int>(k);
    ++count;
  }
  if (count == 0) return std::nullopt;
  if (last - first + 1 != count) first = last;
  return by_axes(shape, first, last);
}

bool is_gather(std::string_view op) { return op == "Gather" || op == "GatherV2"; }

// Axis 0, no batch dimensions; the axis of GatherV2 must be a constant.
bool gathers_rows(const Graph& g, const Node& node) {
  if (node.op == "Gather") return true;
  if (node.op != "GatherV2" || node.inputs().size() != 3 || node.attrs.int_or("batch_dims", 0) != 0) return false;
  const Node& axis = g.node(node.inputs()[2].node);
  const AttrValue* value = axis.op == "Const" ? axis.attrs.find("value") : nullptr;
  if (value == nullptr || value->tensor().empty() || value->tensor().elements() != 1) return false;
  const TensorRef& t = value->tensor();
  if (t.kind() == TensorRef::Kind::kSplat) {
    return std::all_of(t.splat_element().begin(), t.splat_element().end(), [](uint8_t b) { return b == 0; });
  }
  if (t.kind() != TensorRef::Kind::kOwned) return false;
  const auto bytes = t.tensor().bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

std::optional<ChannelLayout> layout_at(const Graph& g, const Node& node, int index, const Shape& shape) {
  const std::string& op = node.op;
  const int rank = shape.rank();
  if ((op == "Conv2D" && rank == 4) || (op == "Conv3D" && rank == 5)) {
    if (index == 1) return by_axis(shape, rank - 1);
  } else if (op == "DepthwiseConv2dNative" && rank == 4) {
    if (index == 1) return by_axes(shape, 2, 3);
  } else if ((op == "Conv2DBackpropInput" && rank == 4) || (op == "Conv3DBackpropInputV2" && rank == 5)) {
    if (index == 1) return by_axis(shape, rank - 2);
  } else if (op == "MatMul" && rank == 2) {
    if (index == 1) return by_axis(shape, node.attrs.bool_or("transpose_b", false) ? 0 : 1);
    return by_axis(shape, node.attrs.bool_or("transpose_a", false) ? 1 : 0);
  } else if ((op == "BatchMatMul" || op == "BatchMatMulV2" || op == "BatchMatMulV3") && rank >= 2) {
    if (index == 1) return by_axis(shape, node.attrs.bool_or("adj_y", false) ? rank - 2 : rank - 1);
    return by_axis(shape, node.attrs.bool_or("adj_x", false) ? rank - 1 : rank - 2);
  } else if (op == "Einsum") {
    return einsum_layout(node, index, shape);
  } else if (is_gather(op) && rank >= 2) {
    if (index == 0 && gathers_rows(g, node)) return by_axis(shape, 0);
  } else if ((op == "LSTMBlockCell" && index == 3 && rank == 2) ||
             ((op == "BlockLSTM" || op == "BlockLSTMV2") && index == 4 && rank == 2)) {
    return by_axis(shape, 1);
  }
  return std::nullopt;
}

class Search {
 public:
  explicit Search(MetaGraph& meta) : meta_(meta) {}

  // All ends of a constant; false when one is no weight slot.
  Result<bool> ends_of(const std::string& function, NodeId node, const Shape& shape, Weight* w) {
    std::set<Place> seen;
    std::vector<Place> stack{{function, {node, 0}}};
    seen.insert(stack[0]);
    while (!stack.empty()) {
      const Place at = stack.back();
      stack.pop_back();
      WHITTLE_ASSIGN(const Graph* g, graph_of(meta_, at.function));
      for (const Use& use : g->uses(at.value.node)) {
        if (use.index == kControlUse) continue;
        if (use.slot != at.value.slot) continue;
        const Node& user = g->node(use.user);
        const auto follow = [&](Place next) {
          if (seen.insert(next).second) stack.push_back(std::move(next));
        };
        if (user.op == "Identity" || user.op == "StopGradient" ||
            (user.op == "Enter" && user.attrs.bool_or("is_constant", false))) {
          follow({at.function, {use.user, 0}});
          continue;
        }
        if (user.op == "_Retval") {
          // A loop hands its invariants on; any other return is a use we cannot see.
          const Node& arg = g->node(at.value.node);
          if (arg.op == "_Arg" && arg.attrs.int_or("index", -1) == user.attrs.int_or("index", -2)) continue;
          return false;
        }
        const CallInfo call = call_info(meta_, user);
        if (call.kind != CallKind::kNone) {
          if (use.index < call.first_arg) return false;
          const auto k = static_cast<size_t>(use.index - call.first_arg);
          for (const std::string& name : call.functions) {
            WHITTLE_ASSIGN(const Function* f, meta_.library.get(name));
            const NodeId arg = k < f->args.size() ? arg_nodes(*f)[k] : kNoNode;
            if (arg != kNoNode) follow({name, {arg, 0}});
          }
          if (call.kind == CallKind::kWhile && !g->uses_of({use.user, static_cast<int32_t>(k)}).empty()) return false;
          continue;
        }
        std::optional<ChannelLayout> layout = layout_at(*g, user, use.index, shape);
        if (!layout) return false;
        // Consumers that disagree share the first one's layout: any is right, one fits best.
        if (w->ends.empty() || (w->any_gather && !is_gather(user.op))) {
          if (!w->any_gather) w->layout = *layout;
        }
        const bool direct = at.function == function && at.value.node == node;
        const bool gather = is_gather(user.op);
        if (gather) {
          w->layout = *layout;  // rows, so that codes can be gathered
          w->any_gather = true;
        }
        w->all_gathers = (w->ends.empty() || w->all_gathers) && gather && direct;
        w->ends.push_back({at.function, use.user, use.index, direct});
      }
    }
    return !w->ends.empty();
  }

 private:
  MetaGraph& meta_;
};

}  // namespace

Result<std::vector<Weight>> find_weights(MetaGraph& meta, uint64_t minimum_elements) {
  std::vector<Weight> out;
  std::vector<bool> pinned(meta.graph.capacity(), false);
  for_each_endpoint(meta, [&](OutputId& v) { pinned[index_of(v.node)] = true; });
  WHITTLE_ASSIGN(std::vector<std::string> functions, reachable_functions(meta));
  std::sort(functions.begin(), functions.end());
  functions.insert(functions.begin(), "");
  Search search(meta);
  for (const std::string& function : functions) {
    WHITTLE_ASSIGN(const Graph* g, graph_of(meta, function));
    for (NodeId id : g->ids()) {
      const Node& node = g->node(id);
      if (node.op != "Const" || (function.empty() && pinned[index_of(id)])) continue;
      const AttrValue* value = node.attrs.find("value");
      if (value == nullptr || value->tensor().empty()) continue;
      const TensorRef& t = value->tensor();
      if (t.dtype() != DType::kFloat || t.kind() == TensorRef::Kind::kSplat || t.elements() < minimum_elements) continue;
      Weight w;
      w.function = function;
      w.node = id;
      w.value = t;
      WHITTLE_ASSIGN(const bool is_weight, search.ends_of(function, id, t.shape(), &w));
      if (!is_weight || w.layout.channels == 0) continue;
      // Rows this short cost as much in scales as they save; among them are our own row scales.
      if (w.any_gather && w.layout.inner < kMinRow) continue;
      out.push_back(std::move(w));
    }
  }
  return out;
}

}  // namespace whittle
