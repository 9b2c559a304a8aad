// remove_device: nodes lose the device they were placed on; TensorFlow places them anew.
//
// Fidelity  exact. Source: graph-transforms.md §6.20; function bodies are done, too.
#include "constants.h"

namespace whittle {
namespace {

class RemoveDevice final : public Pass {
 public:
  Status run(Model& model, PassContext&) override {
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) {
      for (NodeId id : where.graph->ids()) where.graph->mutable_node(id).device.clear();
    }
    return {};
  }
};

}  // namespace

extern const PassInfo remove_device_info;
const PassInfo remove_device_info{
    .name = "remove_device",
    .summary = "Forget where nodes were placed",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveDevice>(); },
};

}  // namespace whittle
