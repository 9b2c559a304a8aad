// patch.h: a proposed change of a model, applied as a whole.
//
// A pass that rewrites locally returns a Patch from visit(); the pipeline checks and applies it,
// counts it, and can stop after N of them. Nodes of several graphs may change in one patch.
// New nodes are named by NodeIds that stay valid within the patch only.
#ifndef WHITTLE_PATCH_H_
#define WHITTLE_PATCH_H_

#include <string>
#include <vector>

#include "whittle/model.h"

namespace whittle {

// The main graph ("" ) or the body of a function, by name.
struct GraphId {
  std::string function;
  bool main() const { return function.empty(); }
};

class Patch {
 public:
  // `why` is shown to people: "BatchNorm folds into the convolution before it".
  explicit Patch(std::string why, GraphId graph = {}) : why_(std::move(why)), graph_(std::move(graph)) {}

  // The node does not exist yet; inputs may be old or new ids. The name is made unique.
  NodeId add(std::string name, std::string op, std::vector<OutputId> inputs, AttrMap attrs,
             std::vector<NodeId> controls = {});
  void replace_uses(OutputId from, OutputId to);
  // Uses of every output k of `node` read value k instead; control edges of `node` move to `to`'s
  // node; signature endpoints follow. The node itself goes when nothing uses it any more.
  void replace_node(NodeId node, std::vector<OutputId> values);
  // replace_node where the new node takes over the old one's name.
  void replace_keeping_name(NodeId node, NodeId by);
  // A single-output pass-through node: users read `value`; its control inputs move to the users.
  void bypass(NodeId node, OutputId value);
  void set_input(NodeId node, int index, OutputId value);
  void set_attr(NodeId node, std::string name, AttrValue value);
  void remove_control(NodeId node, NodeId before);
  void remove_if_unused(NodeId node);

  const std::string& why() const { return why_; }
  const GraphId& graph() const { return graph_; }
  bool empty() const { return edits_.empty(); }

  // Checks ids, slots and known dtypes of every changed edge. An error is kInternal (a pass made an
  // impossible proposal); the pipeline then goes back to its savepoint.
  Status apply(Model& model) const;

 private:
  struct Edit;
  std::string why_;
  GraphId graph_;
  std::vector<Edit> edits_;
};

struct Patch::Edit {
  enum class Kind : uint8_t {
    kAdd, kReplaceUses, kReplaceNode, kReplaceKeepingName, kBypass, kSetInput, kSetAttr,
    kRemoveControl, kRemoveIfUnused,
  };
  Kind kind;
  NodeId node = kNoNode, other = kNoNode;
  OutputId from, to;
  int index = 0;
  std::string name, op;
  AttrMap attrs;
  AttrValue value;
  std::vector<OutputId> values;
  std::vector<NodeId> controls;
};

}  // namespace whittle

#endif  // WHITTLE_PATCH_H_
