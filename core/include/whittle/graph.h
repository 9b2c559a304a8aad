// graph.h: a dataflow graph: the main graph of a model, or a function body.
//
//   Node      name, op, device, data inputs, control inputs, attributes
//   NodeId    stable for the life of the graph; ids of removed nodes are not used again
//   OutputId  {node, slot}: one output value of a node
//   Use       {user, index}: one edge end; index is the position among the user's data inputs, or
//             kControlUse for a control edge
//
// A function body is a Graph whose arguments are nodes of op "_Arg" (attributes T, index) and
// whose returns are nodes of op "_Retval" (T, index; one data input).
//
// Invariants (check()): every edge ends at a live node; names are unique and not empty; use lists
// mirror the edges; a node has no duplicate control inputs and none on itself.
// Cost   edges are added and removed in O(1), also at nodes with 10^5 uses.
// Copy   a Graph is a value; a copy is a savepoint (tensors are shared).
#ifndef WHITTLE_GRAPH_H_
#define WHITTLE_GRAPH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "whittle/attr.h"
#include "whittle/result.h"

namespace whittle {

enum class NodeId : uint32_t {};
constexpr NodeId kNoNode = static_cast<NodeId>(UINT32_MAX);
inline uint32_t index_of(NodeId id) { return static_cast<uint32_t>(id); }

struct OutputId {
  NodeId node = kNoNode;
  int32_t slot = 0;
  bool operator==(const OutputId& o) const { return node == o.node && slot == o.slot; }
  bool operator!=(const OutputId& o) const { return !(*this == o); }
  bool operator<(const OutputId& o) const {
    return node != o.node ? index_of(node) < index_of(o.node) : slot < o.slot;
  }
};

constexpr int32_t kControlUse = -1;
struct Use {
  NodeId user = kNoNode;
  int32_t index = 0;    // data input position, or kControlUse
  int32_t slot = 0;     // output slot of the producer; 0 for control edges
};

struct Node {
  std::string name;
  std::string op;
  std::string device;
  AttrMap attrs;
  std::string unknown;  // unknown protobuf fields of the NodeDef, written back unchanged

  const std::vector<OutputId>& inputs() const { return inputs_; }
  const std::vector<NodeId>& controls() const { return controls_; }

 private:
  friend class Graph;
  std::vector<OutputId> inputs_;
  std::vector<NodeId> controls_;
  std::vector<uint32_t> input_use_;    // position of each edge in the producer's use list
  std::vector<uint32_t> control_use_;
  std::vector<Use> uses_;
  bool alive_ = false;
};

class Graph {
 public:
  // Adds a node with a name nobody has; use unique_name() first. Inputs may be added later.
  NodeId add(std::string name, std::string op);
  NodeId add(std::string name, std::string op, const std::vector<OutputId>& inputs, AttrMap attrs);
  // `base`, or `base_1`, `base_2`, … whichever is free.
  std::string unique_name(std::string_view base) const;

  bool alive(NodeId id) const {
    return index_of(id) < nodes_.size() && nodes_[index_of(id)].alive_;
  }
  const Node& node(NodeId id) const { return nodes_[index_of(id)]; }
  Node& mutable_node(NodeId id) { return nodes_[index_of(id)]; }   // attrs, op, device only
  NodeId find(std::string_view name) const;                         // kNoNode when absent
  size_t size() const { return alive_; }        // live nodes
  size_t capacity() const { return nodes_.size(); }  // ids are below this
  // Live ids, ascending: the order of the file for nodes that were read.
  std::vector<NodeId> ids() const;

  const std::vector<Use>& uses(NodeId id) const { return nodes_[index_of(id)].uses_; }
  bool has_data_uses(NodeId id) const;
  std::vector<Use> uses_of(OutputId value) const;

  void rename(NodeId id, std::string name);  // name must be free
  void add_input(NodeId id, OutputId value);
  void set_input(NodeId id, int index, OutputId value);
  void remove_input(NodeId id, int index);   // later inputs move down
  void clear_inputs(NodeId id);              // data inputs
  void add_control(NodeId id, NodeId before);  // no duplicate, never on itself
  // The same for many at once, in linear time.
  void add_controls(NodeId id, const std::vector<NodeId>& before);
  void remove_control(NodeId id, NodeId before);
  void clear_controls(NodeId id);
  // All data uses of `from` read `to` instead; control edges stay.
  void replace_uses(OutputId from, OutputId to);
  // Control edges that leave `from` leave `to` instead (dropped when to is kNoNode).
  void replace_control_uses(NodeId from, NodeId to);
  // Removes the node and its incoming edges; it must have no uses (asserted).
  void remove(NodeId id);

  // Live nodes, inputs before users; ties by id. The edge NextIteration -> Merge is not followed.
  // invalid_argument when another cycle exists, naming a node on it. Iterative: any depth.
  Result<std::vector<NodeId>> topological_order() const;
  Status check() const;

 private:
  void link(NodeId user, int32_t index, OutputId value, uint32_t* use_pos);
  void unlink(NodeId producer, uint32_t use_pos);

  std::vector<Node> nodes_;
  using Names = std::unordered_map<std::string, NodeId>;
  const Names& names() const;
  Names& own_names();   // not shared with a copy

  std::shared_ptr<Names> by_name_;  // shared by copies until one of them gets or loses a name
  size_t alive_ = 0;
};

// Nodes from which `roots` can be reached backwards over data and control edges (roots included),
// as a bitmap by id.
std::vector<bool> reachable_from(const Graph& g, const std::vector<NodeId>& roots);

}  // namespace whittle

#endif  // WHITTLE_GRAPH_H_
