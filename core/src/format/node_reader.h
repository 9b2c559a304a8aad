// node_reader.h: NodeDefs → nodes of a Graph, and the checks that TensorFlow makes of a graph.
//
//   1. add_node for every NodeDef      names, attributes; its input texts are handed back
//   2. the caller links the edges      main graph "node:1" (read_graph), bodies "node:out:1"
//   3. check_graph                     counts, ports and dtypes by the registry, Consts, cycles
//
// Errors  corrupt with the node as place (formats.md §7.4). Ops that the registry does not know are
//         not checked, and neither is what reads from them.
#ifndef WHITTLE_FORMAT_NODE_READER_H_
#define WHITTLE_FORMAT_NODE_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "decode.h"
#include "whittle/graph.h"

namespace whittle::format {

// What NodeDef.input of node i holds, by NodeId of the nodes added so far.
using InputTexts = std::vector<std::vector<std::string>>;

// `strict_name`: TensorFlow's rule for GraphDefs; else only what an edge could not name is bad.
Status add_node(const pb::Node& proto, const ValueDecoder& values, bool strict_name, Graph* graph,
                InputTexts* inputs);

Status check_graph(const Graph& graph, const OpRegistry& registry, const Context& ctx);

// "node conv1/BiasAdd", for Error::in.
std::string node_place(std::string_view name);

// [A-Za-z0-9.][A-Za-z0-9_.\-/]*, such segments joined by '>'.
bool is_node_name(std::string_view name);

// "a" or "a:1"; -1 is no port. False when the port is no decimal number in range.
bool split_tensor_name(std::string_view text, std::string_view* node, int32_t* slot);

// The nodes of a main graph.
Result<Graph> read_nodes(const std::vector<std::string_view>& nodes, const ValueDecoder& values,
                         Context& ctx);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_NODE_READER_H_
