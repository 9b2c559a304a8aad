// strip_unused_nodes: keeps what lies between the declared inputs and outputs.
//
//   a = Const   b = Decode(file)              m = Placeholder(float[?,3])
//   m = Mul(a, b)   y = Relu(m)     becomes   y = Relu(m)            with input m, output y
//
// A declared input that is no Placeholder becomes one, of its own name; nothing behind it is kept.
// Its dtype and shape are those of the value, as far as they are known.
// Options   type, shape: for every input that is replaced; name, type_for_name, shape_for_name:
//           parallel lists for single ones. A shape is "1,?,3" ("-1" is "?"), "" the scalar shape.
// Keeps     declared inputs, used or not; what init and assets need.
// Errors    invalid_argument in the classic tool's words.
// Fidelity  exact. Source: graph-transforms.md §6.29; an unknown shape stays unknown.
#include <algorithm>
#include <optional>
#include <set>

#include "constants.h"
#include "whittle/shapes.h"
#include "whittle/text.h"

namespace whittle {
namespace {

struct Wanted {
  std::optional<DType> dtype;
  std::optional<Shape> shape;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<Shape> parse_shape(const std::string& text) {
  if (text.empty()) return invalid_argument("Specificed shape is empty.");
  Shape shape;
  for (std::string_view piece : split(text, ',')) {
    int64_t size = -1;
    const std::string_view digits = trim(piece);
    if (digits != "?" && (!parse_int64(digits, &size) || size < -1)) {
      return invalid_argument(cat("Could parse as shape: '", printable(text), "'"));
    }
    shape.dims.push_back(size);
    if (shape.dims.size() > static_cast<size_t>(kMaxRank)) return invalid_argument("the shape has too many dimensions");
  }
  return shape;
}

Result<DType> parse_type(const std::string& text) {
  const bool ref = text.size() > 4 && text.compare(text.size() - 4, 4, "_ref") == 0;
  const DType dtype = dtype_from_name(ref ? text.substr(0, text.size() - 4) : text);
  if (dtype == DType::kInvalid) return invalid_argument(cat("Couldn't understand type argument '", printable(text), "'"));
  return dtype;
}

class StripUnusedNodes final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    MetaGraph& meta = model.meta;
    Graph& g = meta.graph;
    std::vector<OutputId*> inputs;
    for (Signature& s : meta.signatures) {
      for (auto& [key, info] : s.inputs) collect(info, inputs);
    }
    const std::vector<OutputId> declared = [&] {
      std::vector<OutputId> out;
      for (OutputId* v : inputs) {
        if (g.node(v->node).op != "Placeholder") out.push_back(*v);
      }
      std::sort(out.begin(), out.end());
      out.erase(std::unique(out.begin(), out.end()), out.end());
      return out;
    }();
    if (!declared.empty()) {
      WHITTLE_ASSIGN(const std::vector<NodeId> order, g.topological_order());
      StaticShapes shapes(meta, g, [](OutputId) { return std::nullopt; });
      for (NodeId id : order) shapes.visit(id);
      for (OutputId value : declared) {
        WHITTLE_ASSIGN(const Wanted wanted, wanted_for(g.node(value.node).name, pc.options));
        DType dtype = wanted.dtype ? *wanted.dtype : base_dtype(value_dtype(meta, g, value));
        if (dtype == DType::kInvalid) dtype = DType::kFloat;
        const OutputId made = place(meta, value, dtype, wanted.shape ? *wanted.shape : shapes.of(value));
        for (OutputId* v : inputs) *v = *v == value ? made : *v;
      }
    }
    const std::vector<bool> keep = reachable_from(g, roots_of(meta));
    for (NodeId id : g.ids()) {
      if (keep[index_of(id)]) continue;
      g.clear_inputs(id);
      g.clear_controls(id);
    }
    for (NodeId id : g.ids()) {
      if (!keep[index_of(id)]) g.remove(id);
    }
    return {};
  }

 private:
  static void collect(TensorInfo& info, std::vector<OutputId*>& out) {
    for (OutputId& v : info.tensors) out.push_back(&v);
    for (TensorInfo& part : info.components) collect(part, out);
  }

  // The node itself when nobody needs another of its outputs; else a new one beside it.
  static OutputId place(MetaGraph& meta, OutputId value, DType dtype, Shape shape) {
    Graph& g = meta.graph;
    bool alone = value.slot == 0;
    for (const Use& use : g.uses(value.node)) alone = alone && (use.index == kControlUse || use.slot == 0);
    for_each_endpoint(meta, [&](OutputId& v) { alone = alone && (v.node != value.node || v.slot == 0); });
    AttrMap attrs;
    attrs.set("dtype", AttrValue::type(dtype));
    attrs.set("shape", AttrValue::shape(std::move(shape)));
    if (!alone) {
      const NodeId made = g.add(g.unique_name(cat(g.node(value.node).name, "_", value.slot)), "Placeholder", {}, std::move(attrs));
      g.replace_uses(value, {made, 0});
      return {made, 0};
    }
    g.clear_inputs(value.node);
    g.clear_controls(value.node);
    Node& node = g.mutable_node(value.node);
    node.op = "Placeholder";
    node.device.clear();
    node.unknown.clear();
    node.attrs = std::move(attrs);
    return value;
  }

  // Checked only where a placeholder is made, as in the classic tool.
  static Result<Wanted> wanted_for(const std::string& name, const Options& options) {
    const auto& types = options.texts("type");
    const auto& shapes = options.texts("shape");
    const auto& names = options.texts("name");
    const auto& types_for = options.texts("type_for_name");
    const auto& shapes_for = options.texts("shape_for_name");
    if (types.size() > 1) return invalid_argument("You must pass no more than one default 'type' to strip_unused_nodes");
    if (shapes.size() > 1) return invalid_argument("You must pass no more than one default 'shape' to strip_unused_nodes");
    Wanted wanted;
    if (!types.empty()) {
      WHITTLE_ASSIGN(wanted.dtype, parse_type(types[0]));
    }
    if (!shapes.empty()) {
      WHITTLE_ASSIGN(wanted.shape, parse_shape(shapes[0]));
    }
    if (types_for.size() > names.size() || (types_for.size() < names.size() && (!types_for.empty() || shapes_for.empty()))) {
      return invalid_argument("You must pass a 'type_for_name' arg for every 'name', e.g. "
                              "strip_unused_nodes(name=foo, type_for_name=float, name=bar, type_for_name=quint8");
    }
    if (shapes_for.size() > names.size() || (shapes_for.size() < names.size() && !shapes_for.empty())) {
      return invalid_argument("You must pass a 'shape_for_name' arg for every 'name', e.g. "
                              "strip_unused_nodes(name=foo, shape_for_name=\"2,2,1\", name=bar, shape_for_name=\"1\"");
    }
    for (size_t k = 0; k < names.size(); ++k) {
      if (names[k] != name) continue;
      if (!types_for.empty()) {
        WHITTLE_ASSIGN(wanted.dtype, parse_type(types_for[k]));
      }
      if (!shapes_for.empty()) {
        WHITTLE_ASSIGN(wanted.shape, parse_shape(shapes_for[k]));
      }
    }
    return wanted;
  }
};

constexpr OptionSpec kOptions[] = {
    {"type", OptionType::kStrings, "", "dtype of inputs that become placeholders; default: as they are"},
    {"shape", OptionType::kStrings, "", "their shape, for example \"1,299,299,3\"; default: as it is known"},
    {"name", OptionType::kStrings, "", "an input for which type_for_name and shape_for_name hold"},
    {"type_for_name", OptionType::kStrings, "", "dtype, one for every name"},
    {"shape_for_name", OptionType::kStrings, "", "shape, one for every name"},
};

}  // namespace

extern const PassInfo strip_unused_nodes_info;
const PassInfo strip_unused_nodes_info{
    .name = "strip_unused_nodes",
    .summary = "Keep what lies between the declared inputs and outputs",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<StripUnusedNodes>(); },
};

}  // namespace whittle
