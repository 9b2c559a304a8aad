// value.h: what flows along an edge while a graph runs, and what kernels with state see.
#ifndef WHITTLE_EVAL_VALUE_H_
#define WHITTLE_EVAL_VALUE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel_util.h"

namespace whittle::eval {

// Behind a resource handle or a variant. Identified by kind; there is no RTTI.
class Object {
 public:
  enum class Kind : uint8_t { kList, kArray, kTable, kVariable, kOptional, kRagged };
  virtual ~Object() = default;
  virtual Kind kind() const = 0;
};

// A tensor, a handle, a constant that has not been loaded yet, or nothing (a dead value).
struct Value {
  Tensor tensor;
  std::shared_ptr<Object> object;
  const TensorRef* constant = nullptr;  // of a Const node; owned by the graph
  bool live = false;

  static Value of(Tensor t) {
    Value v;
    v.tensor = std::move(t);
    v.live = true;
    return v;
  }
  static Value of(std::shared_ptr<Object> o) {
    Value v;
    v.object = std::move(o);
    v.live = true;
    return v;
  }
};

// Variables and tables by name; they live as long as the Evaluator.
struct State {
  std::map<std::string, std::shared_ptr<Object>> resources;
  std::function<Result<std::string>(const std::string& path, Context&)> read_file;
  std::function<Result<TensorRef>(const Node& handle, Context&)> stored_variable;
  std::function<Result<Tensor>(const TensorRef&, Context&)> load;
  std::map<const Node*, uint64_t> drawn;  // random numbers taken by each node so far
  bool written = false;                   // a variable or table was changed
};

}  // namespace whittle::eval

namespace whittle {

struct StateCall {
  const Node& node;
  std::span<eval::Value> in;          // loaded; may be taken over
  std::vector<eval::Value>& out;
  eval::State& state;
  Context& ctx;
};

}  // namespace whittle

namespace whittle::eval {

// The object of input `i`, which must be of that kind.
template <class T>
Result<T*> object_input(StateCall& call, size_t i) {
  if (i >= call.in.size() || call.in[i].object == nullptr ||
      call.in[i].object->kind() != T::kKind) {
    return invalid_argument(cat("input ", i, " of ", call.node.op, " is no ", T::kName));
  }
  return static_cast<T*>(call.in[i].object.get());
}
Status need_inputs(const StateCall& call, size_t count);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_VALUE_H_
