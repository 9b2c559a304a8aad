// costs.h: what a node costs on disk, close enough to say where the bytes went.
#ifndef WHITTLE_COSTS_H_
#define WHITTLE_COSTS_H_

#include <cstdint>

#include "whittle/graph.h"

namespace whittle {

// Bytes of one attribute in a NodeDef: key, value, framing.
uint64_t serialized_attr_bytes(const Attr& attr);
// Bytes of the node as a NodeDef, within a few per cent; tensors count with their stored size.
uint64_t serialized_node_bytes(const Graph& g, NodeId id);

}  // namespace whittle

#endif  // WHITTLE_COSTS_H_
