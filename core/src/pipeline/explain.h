// explain.h: what each pass did to a node, for `--explain`.
#ifndef WHITTLE_PIPELINE_EXPLAIN_H_
#define WHITTLE_PIPELINE_EXPLAIN_H_

#include <optional>
#include <string>

#include "whittle/model.h"

namespace whittle {

// A node by its name, in the main graph or in a function that it reaches; after inlining, the node whose name
// ends with "/" + name.
struct FoundNode {
  std::string function;  // "" for the main graph
  NodeId id = kNoNode;
};
std::optional<FoundNode> find_node(const Model& model, const std::string& name);

// What is different about it after a pass, as a sentence; empty when nothing is.
std::string describe_change(const Model& before, const Model& after, const std::string& name);

}  // namespace whittle

#endif  // WHITTLE_PIPELINE_EXPLAIN_H_
