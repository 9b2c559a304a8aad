// constants.h: constants as inputs of other nodes.
//
// A value is constant when a Const makes it, also through Identity: `w -> w/read -> Conv2D`.
// Endpoints (signatures, assets, control outputs of functions) count as users that cannot be seen.
#ifndef WHITTLE_TRANSFORMS_CONSTANTS_H_
#define WHITTLE_TRANSFORMS_CONSTANTS_H_

#include <string>
#include <vector>

#include "whittle/pass.h"

namespace whittle {

// Tensors up to this size are loaded to decide or to compute; larger ones only get lazy steps.
constexpr uint64_t kSmallBytes = 256 << 10;

// The Const behind `value`, or kNoNode.
NodeId const_node(const Graph& g, OutputId value);
// Its tensor; nullptr when there is none.
const TensorRef* const_ref(const Graph& g, OutputId value);

// Nodes that somebody outside of the graph names, by id: endpoints, init, control outputs.
std::vector<bool> pinned_nodes(MetaGraph& meta, const Graph& g, const Function* owner);

// Values of a float32 constant of at most kSmallBytes; `found` is false when it is none.
struct Floats {
  bool found = false;
  Shape shape;
  std::vector<double> values;
};
Result<Floats> small_floats(const Graph& g, OutputId value, PassContext& pc);

// Asks for the bytes of every small constant input of nodes with these ops, in one round:
// kNeedBytes when some were missing.
Status want_constants(const Graph& g, std::span<const std::string_view> ops, PassContext& pc);

AttrMap const_attrs_of(const TensorRef& value);
Result<TensorRef> float_tensor(Shape shape, const std::vector<double>& values);

// Input `index` of `node` becomes the constant `value`: in place when nobody else reads the Const
// there, else as a new Const called `name` with the old one's control inputs.
void set_const_input(Graph& g, const std::vector<bool>& pinned, NodeId node, int index,
                     const TensorRef& value, std::string_view name);
// True when nobody but input `index` of `node` reads the Const there.
bool owns_const(const Graph& g, const std::vector<bool>& pinned, NodeId node, int index);

// Removes nodes nobody uses, starting at `ids` and going on to their inputs; placeholders,
// arguments, returns, stateful and pinned nodes stay. Says what went.
struct Swept {
  int64_t nodes = 0, bytes = 0;
};
Swept sweep_unused(MetaGraph& meta, Graph& g, const std::vector<bool>& pinned, std::vector<NodeId> ids);

// Nodes that signatures or assets feed: what such a node computes is not what its users read.
std::vector<bool> fed_nodes(const MetaGraph& meta, const Graph& g, const Function* owner);

// Every graph of a model: main first (no owner), then the functions it reaches, callees first.
struct OwnedGraph {
  std::string function;
  Graph* graph = nullptr;
  Function* owner = nullptr;
};
Result<std::vector<OwnedGraph>> all_graphs(MetaGraph& meta);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_CONSTANTS_H_
