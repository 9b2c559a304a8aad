// remove_attribute: nodes lose one attribute.
//
// Options   attribute_name, exactly once; op_name, once: only nodes of this op ("*": of every op).
//           Names are compared literally.
// Fidelity  as the attribute: exact for hints such as _output_shapes, anything for others. An
//           attribute that the op has no default for makes a graph that cannot be loaded.
// Source    graph-transforms.md §6.18; function bodies are done, too.
#include "constants.h"
#include "whittle/text.h"

namespace whittle {
namespace {

class RemoveAttribute final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    const std::vector<std::string>& names = pc.options.texts("attribute_name");
    const std::vector<std::string>& ops = pc.options.texts("op_name");
    if (names.size() != 1) {
      return invalid_argument(
          "remove_attribute expects exactly one 'attribute_name' argument, e.g. "
          "remove_attribute(op_name=Mul, attribute_name=foo)");
    }
    if (ops.size() > 1) {
      return invalid_argument(cat("remove_attribute expects a single op_name argument, but found ", ops.size()));
    }
    const bool all = ops.empty() || ops[0] == "*";
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) {
      for (NodeId id : where.graph->ids()) {
        Node& node = where.graph->mutable_node(id);
        if (node.op == "_Arg" || node.op == "_Retval") continue;  // no nodes of the file
        if (all || node.op == ops[0]) node.attrs.erase(names[0]);
      }
    }
    return {};
  }
};

constexpr OptionSpec kOptions[] = {
    {"attribute_name", OptionType::kStrings, "", "the attribute to remove; exactly one"},
    {"op_name", OptionType::kStrings, "", "only from nodes of this op; default '*'"},
};

}  // namespace

extern const PassInfo remove_attribute_info;
const PassInfo remove_attribute_info{
    .name = "remove_attribute",
    .summary = "Remove one attribute from nodes",
    .fidelity = Fidelity::kLossy,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveAttribute>(); },
};

}  // namespace whittle
