// graph_text.h: small models, written and shown as text.
//
//   x: float[?,3] = Placeholder()
//   w: float[3,2] = Const(1, 2, 3, 4, 5, 6)       # every value, or one for all of them
//   big: float[900,800] = Const(seed=7)           # values in [-1, 1) made from the seed
//   lazy: float[3,2] = File(1, 2, 3, 4, 5, 6)     # the bytes lie in a file; also File(seed=7)
//   same: float[1000] = Splat(0.5)
//   m: float = MatMul(x, w, ^n) {transpose_b = true}
//   a: float, b: float = Split(axis, m) {num_split = 2}       # the node is a; b is a:1
//   c: float = PartitionedCall(m) {f = @double}
//   input x, m                                    # else: every placeholder of the main graph
//   return y, key=m:1                             # outputs of the signature serving_default
//   init n
//   asset name: vocab.txt
//
//   function double(v: float, n: int32) -> (r: float) {
//     y: float = Add(v, v)
//     return y
//   }
//
// dtypes of arguments and results give the attributes (T, SrcT, N, Tin, …) that the op's registry
// entry ties to them; others stand in braces: 1, 1.5, true, "text", float (a dtype), shape[1,?],
// @function, [lists]. A statement may go on over lines inside brackets, and before braces. '#' starts a comment.
//
// The printed form names every value's dtype and leaves out what reading infers again and
// attributes that equal their default; numbers have six digits, long constants a hash.
#ifndef WHITTLE_TESTS_SUPPORT_GRAPH_TEXT_H_
#define WHITTLE_TESTS_SUPPORT_GRAPH_TEXT_H_

#include <memory>
#include <string>
#include <string_view>

#include "support/files.h"
#include "whittle/model.h"

namespace whittle {

struct TextModel {
  Model model;
  std::shared_ptr<MemoryFiles> files;  // of File(…) constants and assets
};

// A mistake in the text fails the test.
TextModel parse_model(std::string_view text);
// Nodes in topological order, ties by name: equal for equal graphs in any node order.
std::string print_model(const Model& model, MemoryFiles& files);
inline std::string print_model(const TextModel& m) { return print_model(m.model, *m.files); }
// The form in which run_pass() shows its result.
std::string canonical(std::string_view text);

// The node of the main graph, or of a function, which must exist.
const Node& node_named(const Model& model, std::string_view name, std::string_view function = {});
// The value of the Const of that name as the writer would write it.
Tensor value_of(const TextModel& m, std::string_view name, std::string_view function = {});
std::vector<float> floats_of(const TextModel& m, std::string_view name);

}  // namespace whittle

#endif  // WHITTLE_TESTS_SUPPORT_GRAPH_TEXT_H_
