// cancel_transposes: transposes on both sides of ops that do not care about the order of axes.
//
//   x -> Transpose(p) -> Relu -> Pad -> Transpose(q) -> y      becomes      x -> Relu -> Pad' -> y
//
// Match     a Transpose whose input comes, through a tree of such ops that nothing else reads, from
//           Transposes that undo it, and from constants: elementwise ops, AddN, Pad, MirrorPad, ConcatV2,
//           BiasAdd.
// Rewrites  paddings and axes for the other order; constants get another shape, when they have at most
//           one size above 1 (then no element moves, and no byte is read).
// Declines  trees of more than 32 nodes; a constant that would have to be transposed; a BiasAdd whose
//           channels would not be last; what rewriter.h does not touch.
// Fidelity  exact: the same elements, computed in the same way.
// Source    graph-transforms.md §14, 34; what converters from channels-first frameworks leave.
#include <algorithm>

#include "rewriter.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kMostNodes = 32;
constexpr std::string_view kRule = "transposes around other operations";

using Order = std::vector<int64_t>;

// How an op treats the axes of its inputs.
enum class Kind : uint8_t { kNone, kElementwise, kPad, kConcat, kBias };

Kind kind_of(std::string_view op) {
  constexpr std::string_view kElementwise[] = {
      "Abs", "Add", "AddN", "AddV2", "Cast", "Ceil", "Div", "Elu", "Exp", "Floor", "Identity", "LeakyRelu", "Log", "Maximum", "Minimum", "Mul",
      "Neg", "Pow", "RealDiv", "Relu", "Relu6", "Round", "Rsqrt", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Square",
      "SquaredDifference", "Sub", "Tanh"};
  if (std::find(std::begin(kElementwise), std::end(kElementwise), op) != std::end(kElementwise)) return Kind::kElementwise;
  if (op == "Pad" || op == "PadV2" || op == "MirrorPad") return Kind::kPad;
  if (op == "ConcatV2") return Kind::kConcat;
  return op == "BiasAdd" ? Kind::kBias : Kind::kNone;
}

class Transposes final : public Rewriter {
 public:
  using Rewriter::Rewriter;

 private:
  std::optional<Order> order_of(OutputId v) {
    if (maker(v).op != "Transpose" || maker(v).inputs().size() != 2) return std::nullopt;
    std::optional<Order> order = ints(in(v.node, 1));
    if (!order) return std::nullopt;
    std::vector<bool> seen(order->size(), false);
    for (int64_t a : *order) {
      if (a < 0 || a >= static_cast<int64_t>(order->size()) || seen[static_cast<size_t>(a)]) return std::nullopt;
      seen[static_cast<size_t>(a)] = true;
    }
    return order;
  }

  bool visit(NodeId id) override {
    const std::optional<Order> outer = order_of({id, 0});
    if (!outer || !touchable(id)) return false;
    inner_.assign(outer->size(), 0);
    for (size_t k = 0; k < outer->size(); ++k) inner_[static_cast<size_t>((*outer)[k])] = static_cast<int64_t>(k);
    nodes_.clear();
    found_ = 0;
    const OutputId top = in(id, 0);
    if (kind_of(maker(top).op) == Kind::kNone || !fits(top, kMostNodes) || found_ == 0) return false;
    std::vector<NodeId> old;
    for (NodeId n : nodes_) turn(n, old);
    // From the leaves up, so that shapes follow.
    for (auto n = nodes_.rbegin(); n != nodes_.rend(); ++n) shapes_.visit(*n);
    bypass(id, top, kRule);
    sweep(std::move(old), kRule);
    return true;
  }

  // Whether `v` can be had in the other order; nodes to be turned are noted, users first.
  bool fits(OutputId v, size_t depth) {
    if (undone(v)) {
      ++found_;
      return true;
    }
    const Kind kind = kind_of(maker(v).op);
    if (kind == Kind::kNone || depth == 0 || nodes_.size() >= kMostNodes || !only_for(v, maker(v).op)) return false;
    nodes_.push_back(v.node);
    const size_t n = maker(v).inputs().size();
    const int64_t rank = static_cast<int64_t>(inner_.size());
    if (kind == Kind::kPad) {
      const std::optional<Order> pads = n >= 2 ? ints(in(v.node, 1)) : std::nullopt;
      return pads && pads->size() == 2 * inner_.size() && fits(in(v.node, 0), depth - 1);
    }
    if (kind == Kind::kConcat) {
      const std::optional<Order> axis = n >= 2 ? ints(in(v.node, n - 1)) : std::nullopt;
      if (!axis || axis->size() != 1 || (*axis)[0] < -rank || (*axis)[0] >= rank) return false;
      for (size_t k = 0; k + 1 < n; ++k) {
        if (!fits(in(v.node, k), depth - 1)) return false;
      }
      return true;
    }
    if (kind == Kind::kBias) {
      const bool first = maker(v).attrs.string_or("data_format", "NHWC") == "NCHW";
      return n == 2 && rank >= 2 && inner_[first ? 1 : inner_.size() - 1] == rank - 1 && fits(in(v.node, 0), depth - 1);
    }
    for (size_t k = 0; k < n; ++k) {
      const OutputId input = in(v.node, k);
      if (const TensorRef* c = constant(input)) {
        if (turned(c->shape()).unknown_rank || c->dtype() == DType::kString) return false;
      } else if (!fits(input, depth - 1)) {
        return false;
      }
    }
    return n > 0;
  }

  bool undone(OutputId v) {
    if (!plain(v, "Transpose")) return false;
    const std::optional<Order> order = order_of(v);
    return order && *order == inner_;
  }

  // A constant's shape in the other order; unknown when its elements would have to move.
  Shape turned(const Shape& s) const {
    if (s.dims.empty()) return s;
    const size_t rank = inner_.size();
    if (s.dims.size() > rank || std::count_if(s.dims.begin(), s.dims.end(), [](int64_t d) { return d != 1; }) > 1) return Shape::unknown();
    Shape out(std::vector<int64_t>(rank, 1));
    const size_t skip = rank - s.dims.size();
    for (size_t k = 0; k < s.dims.size(); ++k) out.dims[static_cast<size_t>(inner_[k + skip])] = s.dims[k];
    return out;
  }

  // Without memory for the new one the old one stays until run() has put everything back.
  static void replace(OutputId& old, OutputId by) {
    if (by.node != kNoNode) old = by;
  }

  void turn(NodeId id, std::vector<NodeId>& old) {
    const Kind kind = kind_of(node(id).op);
    std::vector<OutputId> inputs = node(id).inputs();
    const size_t values = kind == Kind::kElementwise ? inputs.size() : kind == Kind::kConcat ? inputs.size() - 1 : 1;
    for (size_t k = 0; k < values; ++k) {
      const TensorRef* c = constant(inputs[k]);
      if (c != nullptr && !c->shape().dims.empty()) {
        old.push_back(inputs[k].node);
        const Shape shape = turned(c->shape());
        const bool splat = c->kind() == TensorRef::Kind::kSplat && c->steps().empty();
        inputs[k] = add_constant(splat ? TensorRef::splat(c->dtype(), shape, c->splat_element()) : c->reshaped(shape),
                                 cat(node(inputs[k].node).name, "/turned"), kRule);
      } else if (c == nullptr && undone(inputs[k])) {
        old.push_back(inputs[k].node);
        inputs[k] = in(inputs[k].node, 0);
      }
    }
    const size_t rank = inner_.size();
    if (kind == Kind::kPad) {
      const Order pads = *ints(inputs[1]);
      Order other(pads.size());
      for (size_t k = 0; k < pads.size(); ++k) other[2 * static_cast<size_t>(inner_[k / 2]) + k % 2] = pads[k];
      old.push_back(inputs[1].node);
      replace(inputs[1], add_ints(other, node(id).attrs.type_or("Tpaddings", DType::kInt32), cat(node(id).name, "/paddings"), kRule,
                                  Shape{static_cast<int64_t>(rank), 2}));
    } else if (kind == Kind::kConcat) {
      int64_t axis = (*ints(inputs.back()))[0];
      axis = inner_[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis)];
      old.push_back(inputs.back().node);
      replace(inputs.back(), add_ints({axis}, node(id).attrs.type_or("Tidx", DType::kInt32), cat(node(id).name, "/axis"), kRule, Shape{}));
    } else if (kind == Kind::kBias) {
      g_.mutable_node(id).attrs.erase("data_format");
    }
    set_inputs(id, inputs);
  }

  Order inner_;                 // of the transposes that this one undoes
  std::vector<NodeId> nodes_;   // to be turned
  size_t found_ = 0;            // transposes
};

class CancelTransposes final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override { return run_rules<Transposes>(model, pc); }
};

constexpr std::string_view kAfter[] = {"simplify_movement"};

}  // namespace

extern const PassInfo cancel_transposes_info;
const PassInfo cancel_transposes_info{
    .name = "cancel_transposes",
    .summary = "Take out transposes on both sides of ops that work in any order of axes",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<CancelTransposes>(); },
};

}  // namespace whittle
