// shapes.h: static shapes of values, as far as they follow from placeholders, constants and the ops
// of inference graphs. -1 is an unknown size; an op outside the table gives an unknown rank, unless
// the node still has the hint _output_shapes.
//
// A placeholder's shape is what the signature promises; loaders refuse feeds of another one.
//
// Symbols  with `symbols`, an unknown size is a number below -1 instead: equal symbols are sizes that are
//          equal whatever is fed. Sizes are followed through Shape, slices of it, Pack and casts:
//
//            x: [-2,28,28]   Shape(x) = -2,28,28   Pack(Shape(x)[0], 784) = -2,784
//            Reshape(x, that): [-2,784], and so would be Reshape(x, [-1,784])
//
// Shapes are exact or unknown, never guessed: a node whose inputs do not fit together is unknown.
#ifndef WHITTLE_TRANSFORMS_SHAPES_H_
#define WHITTLE_TRANSFORMS_SHAPES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "whittle/model.h"

namespace whittle {

// Values of a small integer tensor that is known, in order.
using KnownInts = std::function<std::optional<std::vector<int64_t>>(OutputId)>;

// Elements of a vector of sizes: a size, a symbol, -1 as written, or kAnyInt where nothing is known.
constexpr int64_t kAnyInt = INT64_MIN;
using Sizes = std::vector<int64_t>;

class StaticShapes {
 public:
  StaticShapes(const MetaGraph& meta, const Graph& g, KnownInts ints, bool symbols = false)
      : meta_(meta), g_(g), ints_(std::move(ints)), symbols_(symbols) {}

  // To be called in topological order.
  void visit(NodeId id);
  const Shape& of(OutputId value) const;
  // A value that became known by other means.
  void set(OutputId value, Shape shape) { shapes_[value] = std::move(shape); }
  // Elements of a scalar or vector of integers; nullopt when not even their number is known.
  std::optional<Sizes> sizes(OutputId value) const;

 private:
  Shape first_output(const Node& node) const;
  Shape in(const Node& node, size_t k) const;
  Shape reshaped(const Shape& x, const Sizes& target) const;
  Shape strided(const Node& node, const Shape& x) const;
  std::optional<Sizes> computed_sizes(const Node& node) const;
  void store(OutputId value, Shape s);

  const MetaGraph& meta_;
  const Graph& g_;
  KnownInts ints_;
  bool symbols_;
  int64_t next_symbol_ = -2;
  std::map<OutputId, Shape> shapes_;
  std::map<OutputId, Sizes> sizes_;
};

// Whether both have the same sizes, surely: equal numbers or equal symbols.
bool surely_equal(const Shape& a, const Shape& b);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_SHAPES_H_
