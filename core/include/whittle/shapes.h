// shapes.h: static shapes of values, as far as they follow from placeholders, constants and the ops
// of inference graphs. -1 is an unknown size; an op outside the table gives an unknown rank, unless
// the node still has the hint _output_shapes.
//
// A placeholder's shape is what the signature promises; loaders refuse feeds of another one.
// Shapes are exact or unknown, never guessed: a node whose inputs do not fit together is unknown.
#ifndef WHITTLE_SHAPES_H_
#define WHITTLE_SHAPES_H_

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "whittle/model.h"

namespace whittle {

// Values of a small integer tensor that is known, in order.
using KnownInts = std::function<std::optional<std::vector<int64_t>>(OutputId)>;

class StaticShapes {
 public:
  StaticShapes(const MetaGraph& meta, const Graph& g, KnownInts ints)
      : meta_(meta), g_(g), ints_(std::move(ints)) {}

  // To be called in topological order.
  void visit(NodeId id);
  const Shape& of(OutputId value) const;
  // A value that became known by other means.
  void set(OutputId value, Shape shape) { shapes_[value] = std::move(shape); }

 private:
  Shape first_output(const Node& node) const;
  Shape in(const Node& node, size_t k) const;

  const MetaGraph& meta_;
  const Graph& g_;
  KnownInts ints_;
  std::map<OutputId, Shape> shapes_;
};

}  // namespace whittle

#endif  // WHITTLE_SHAPES_H_
