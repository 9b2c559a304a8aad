// variable_flow.h: where the handles of variables go, and what is done with them there.
//
// A handle (VarHandleOp, VariableV2, Variable) flows through Identity, v1 control flow and the
// arguments of functions. Each end is a read, a write, or something unknown.
#ifndef WHITTLE_TRANSFORMS_VARIABLE_FLOW_H_
#define WHITTLE_TRANSFORMS_VARIABLE_FLOW_H_

#include <map>
#include <string>
#include <vector>

#include "calls.h"

namespace whittle {

// A value in the main graph (function "") or in a function body.
struct Place {
  std::string function;
  OutputId value;
  bool operator<(const Place& o) const {
    return function != o.function ? function < o.function : value < o.value;
  }
};

// One node that uses a handle at data input `index`.
struct HandleUse {
  std::string function;
  NodeId node = kNoNode;
  int index = 0;
  bool operator<(const HandleUse& o) const {
    if (function != o.function) return function < o.function;
    if (node != o.node) return index_of(node) < index_of(o.node);
    return index < o.index;
  }
};

struct Variable {
  std::string identity;
  std::string name;                  // of its first handle node
  DType dtype = DType::kInvalid;
  Shape shape = Shape::unknown();
  std::vector<NodeId> handles;       // in the main graph
  std::vector<Place> places;         // every value that is the handle
  std::vector<HandleUse> reads, writes, passes;
  std::string unknown_use;           // "op X at node Y" when something else takes the handle
  bool in_function = false;          // a handle is made inside a function body: never frozen
};

// Variables of the main graph, by identity. Functions must not be recursive.
Result<std::map<std::string, Variable>> variable_flow(MetaGraph& meta);

// The graph of a place; the function must exist.
Result<Graph*> graph_of(MetaGraph& meta, const std::string& function);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_VARIABLE_FLOW_H_
