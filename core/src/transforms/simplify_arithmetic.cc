// simplify_arithmetic: arithmetic that changes nothing, or that two nodes do where one suffices.
//
//   x + 0, x - 0, x * 1, x / 1, x ^ 1, BiasAdd(x, 0), x && true, x || false     x
//   -(-x), !!x, ~~x; Relu(Relu(x)), Abs(Abs(x)), …                              x; Relu(x), …
//   a + (-b), a + (0 - b)     a - b            a - (-b)                         a + b
//   (x + c1) + c2             x + (c1 + c2)    (x * c1) * c2, (x / c1) * c2     x * c
//   (a - b)²                  SquaredDifference(a, b)
//   (a + b) + c               AddN(a, b, c)    where all surely have the same shape
//   MatMul(Transpose(x), y)   MatMul(x, y), transpose_a turned
//   Conv2D(Pad(x, p), VALID)  Conv2D(x, SAME)  where SAME pads just as p does
//
// Shapes    a constant goes only when it surely does not make the value larger: a scalar, or sizes 1 or
//           those of x. Constants are added up only where the sum is no larger than either.
// Declines  what rewriter.h does not touch. Sums whose constants cancel ((x + 2^23) - 2^23 rounds), products
//           that leave 1e-30 … 1e30.
// Fidelity  rounding: sums of constants round once, x + 0 keeps -0, a transposed product may add up in
//           another order.
// Source    graph-transforms.md §14, 21, 27, 32, 34, 36, 38, 39, 41, 51; Grappler's constant folding.
#include <algorithm>
#include <cmath>

#include "rewriter.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kMostTerms = 256;   // of one AddN

constexpr std::string_view kNeutral = "arithmetic with 0 or 1";
constexpr std::string_view kTwice = "operations done twice";
constexpr std::string_view kSigns = "negations before sums";
constexpr std::string_view kConstants = "constants added or multiplied in turn";
constexpr std::string_view kSquares = "squares of differences";
constexpr std::string_view kSums = "sums of sums";
constexpr std::string_view kProducts = "transposes before products";
constexpr std::string_view kPads = "pads before convolutions";

bool is_add(std::string_view op) { return op == "Add" || op == "AddV2"; }
bool is_div(std::string_view op) { return op == "RealDiv" || op == "Div"; }

template <size_t N>
bool one_of(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

// Elements of `c` as if it had been broadcast to `shape`, which has at least its rank; sizes fit.
std::vector<double> spread(const Floats& c, const Shape& shape) {
  const size_t rank = shape.dims.size(), skip = rank - c.shape.dims.size();
  std::vector<size_t> at(rank, 0), step(rank, 0);
  size_t size = 1;
  for (size_t k = rank; k-- > skip;) {
    step[k] = c.shape.dims[k - skip] == 1 ? 0 : size;
    size *= static_cast<size_t>(c.shape.dims[k - skip]);
  }
  std::vector<double> out;
  size_t from = 0, k = rank;
  do {
    out.push_back(c.values[from]);
    for (k = rank; k-- > 0;) {
      from += step[k];
      if (++at[k] < static_cast<size_t>(shape.dims[k])) break;
      from -= step[k] * at[k];
      at[k] = 0;
    }
  } while (k < rank);
  return out;
}

// The shape of one of both, when the other broadcasts to it.
const Shape* larger(const Shape& a, const Shape& b) {
  const auto fits = [](const Shape& small, const Shape& big) {
    if (small.dims.size() > big.dims.size()) return false;
    for (size_t k = 1; k <= small.dims.size(); ++k) {
      const int64_t s = small.dims[small.dims.size() - k];
      if (s != 1 && s != big.dims[big.dims.size() - k]) return false;
    }
    return true;
  };
  return fits(b, a) ? &a : fits(a, b) ? &b : nullptr;
}

class Arithmetic final : public Rewriter {
 public:
  using Rewriter::Rewriter;

 private:
  bool visit(NodeId id) override {
    const size_t n = node(id).inputs().size();
    if (n == 0) return false;
    return (n == 2 && neutral(id)) || twice(id) || signs(id) || (n == 2 && constants(id)) || square(id) || sum(id) || product(id) || padded(id);
  }

  // Whether a constant at `c` leaves the shape of x as it is.
  bool keeps_shape(OutputId x, OutputId c) const {
    const TensorRef* ref = constant(c);
    if (ref == nullptr) return false;
    const Shape& cs = ref->shape();
    const Shape& xs = shape(x);
    if (cs.dims.empty()) return true;
    if (xs.unknown_rank || cs.dims.size() > xs.dims.size()) return false;
    for (size_t k = 1; k <= cs.dims.size(); ++k) {
      const int64_t d = cs.dims[cs.dims.size() - k];
      if (d != 1 && d != xs.dims[xs.dims.size() - k]) return false;
    }
    return true;
  }

  bool neutral(NodeId id) {
    struct Row { std::string_view op; double value; bool left; };   // left: the constant may be the first input
    constexpr Row kRows[] = {
        {"Add", 0, true},     {"AddV2", 0, true},  {"Sub", 0, false},       {"BiasAdd", 0, false}, {"Mul", 1, true},
        {"RealDiv", 1, false}, {"Div", 1, false},   {"Pow", 1, false},       {"LogicalAnd", 1, true}, {"LogicalOr", 0, true},
    };
    for (const Row& row : kRows) {
      if (node(id).op != row.op) continue;
      for (size_t k = row.left ? 0 : 1; k < 2; ++k) {
        const OutputId c = in(id, k), x = in(id, 1 - k);
        if (constant(c) == nullptr || (row.op != "BiasAdd" && !keeps_shape(x, c)) || number(c) != row.value) continue;
        return bypass(id, x, kNeutral);
      }
    }
    return false;
  }

  bool twice(NodeId id) {
    constexpr std::string_view kBack[] = {"Neg", "LogicalNot", "Invert"};
    constexpr std::string_view kStill[] = {"Relu", "Relu6", "Abs", "Floor", "Ceil", "Rint", "Round", "Sign"};
    const std::string& op = node(id).op;
    const bool back = one_of(op, kBack);
    if ((!back && !one_of(op, kStill)) || node(id).inputs().size() != 1) return false;
    const OutputId before = in(id, 0);
    if (is_fed(before.node)) return false;
    if (op == "Relu" && maker(before).op == "Relu6") return bypass(id, before, kTwice);
    if (op == "Relu6" && only_for(before, "Relu")) {
      g_.set_input(id, 0, in(before.node, 0));
      sweep({before.node}, kTwice);
      return true;
    }
    if (maker(before).op != op) return false;
    if (!back) return bypass(id, before, kTwice);
    return plain(before, op) && bypass(id, in(before.node, 0), kTwice);
  }

  // The b of -b or 0 - b, when nothing else reads that.
  OutputId negated(OutputId v) {
    if (only_for(v, "Neg")) return in(v.node, 0);
    if (only_for(v, "Sub") && keeps_shape(in(v.node, 1), in(v.node, 0)) && number(in(v.node, 0)) == 0.0) return in(v.node, 1);
    return {};
  }

  bool signs(NodeId id) {
    const std::string op = node(id).op;
    if ((!is_add(op) && op != "Sub") || node(id).inputs().size() != 2) return false;
    OutputId a = in(id, 0), minus = in(id, 1);
    OutputId b = negated(minus);
    if (b.node == kNoNode && is_add(op)) {
      std::swap(a, minus);
      b = negated(minus);
    }
    if (b.node == kNoNode || a.node == minus.node) return false;
    g_.mutable_node(id).op = is_add(op) ? "Sub" : "Add";
    set_inputs(id, {a, b});
    sweep({minus.node}, kSigns);
    return true;
  }

  // x and a constant: sign * x + c, or x * c.
  struct Step {
    bool found = false, product = false;
    int const_index = 0;
    double sign = 1;
    Floats c;
  };
  Step step_of(NodeId id) {
    Step s;
    const Node& n = node(id);
    if (n.inputs().size() != 2 || n.attrs.type_or("T", DType::kInvalid) != DType::kFloat) return s;
    const bool sum = is_add(n.op) || n.op == "Sub" || (n.op == "BiasAdd" && n.attrs.string_or("data_format", "NHWC") == "NHWC");
    s.product = n.op == "Mul" || is_div(n.op);
    if (!sum && !s.product) return s;
    const bool first = constant(in(id, 0)) != nullptr;
    if (first == (constant(in(id, 1)) != nullptr) || (first && is_div(n.op))) return s;
    s.const_index = first ? 0 : 1;
    Result<Floats> c = small_floats(g_, in(id, static_cast<size_t>(s.const_index)), pc_);
    if (!c.ok() || !c.value().found || c.value().values.empty()) return s;
    s.c = std::move(c).value();
    s.found = true;
    if (is_div(n.op)) {
      for (double& v : s.c.values) v = 1 / v;
    }
    if (n.op == "Sub" && first) s.sign = -1;
    if (n.op == "Sub" && !first) {
      for (double& v : s.c.values) v = -v;
    }
    return s;
  }

  bool constants(NodeId id) {
    const Step outer = step_of(id);
    if (!outer.found) return false;
    const OutputId before = in(id, static_cast<size_t>(1 - outer.const_index));
    if (!only_for(before, maker(before).op)) return false;
    const Step inner = step_of(before.node);
    if (!inner.found || inner.product != outer.product) return false;
    const Shape* shape = larger(inner.c.shape, outer.c.shape);
    if (shape == nullptr) return false;
    std::vector<double> values = spread(inner.c, *shape);
    const std::vector<double> others = spread(outer.c, *shape);
    const auto in_range = [](double v) { return std::fabs(v) >= 1e-30 && std::fabs(v) <= 1e30; };
    for (size_t k = 0; k < values.size(); ++k) {
      double& v = values[k];
      const double a = outer.sign * v, b = others[k];
      v = outer.product ? v * b : a + b;
      const bool fine = outer.product ? in_range(a) && in_range(b) && in_range(v)
                                      : std::fabs(v) <= 1e30 && std::fabs(v) >= 0.5 * std::max(std::fabs(a), std::fabs(b));
      if (!fine) return false;
    }
    const double sign = inner.sign * outer.sign;
    const std::string& was = node(id).op;
    // BiasAdd stays one while its constant is a vector.
    const bool bias = was == "BiasAdd" && sign > 0 && shape->rank() == 1 && !inner.product && *shape == outer.c.shape;
    Result<TensorRef> made = float_tensor(*shape, values);
    if (!made.ok()) return false;
    const OutputId x = in(before.node, static_cast<size_t>(1 - inner.const_index));
    const OutputId old = in(id, static_cast<size_t>(outer.const_index)), older = in(before.node, static_cast<size_t>(inner.const_index));
    const OutputId c = add_constant(made.value(), cat(node(id).name, "/sum"), kConstants);
    if (!bias) {
      if (outer.product || sign < 0 || !is_add(was)) g_.mutable_node(id).op = outer.product ? "Mul" : sign < 0 ? "Sub" : "Add";
      g_.mutable_node(id).attrs.erase("data_format");
    }
    set_inputs(id, sign < 0 ? std::vector<OutputId>{c, x} : std::vector<OutputId>{x, c});
    sweep({before.node, old.node, older.node}, kConstants);
    return true;
  }

  bool square(NodeId id) {
    const std::string& op = node(id).op;
    const OutputId d = in(id, 0);
    const bool twice_read = op == "Mul" && node(id).inputs().size() == 2 && in(id, 1) == d && users(d.node) == 2;
    if (maker(d).op != "Sub" || !touchable(d.node) || !(twice_read || (op == "Square" && users(d.node) == 1))) return false;
    const DType dtype = node(id).attrs.type_or("T", DType::kInvalid);
    if (dtype != DType::kFloat && dtype != DType::kDouble) return false;
    const std::vector<OutputId> parts = maker(d).inputs();
    if (parts.size() != 2) return false;
    g_.mutable_node(id).op = "SquaredDifference";
    set_inputs(id, parts);
    sweep({d.node}, kSquares);
    return true;
  }

  bool is_sum(OutputId v) const { return is_add(maker(v).op) || maker(v).op == "AddN"; }

  bool sum(NodeId id) {
    const OutputId self{id, 0};
    if (!is_sum(self)) return false;
    const Shape all = shape(self);
    const DType dtype = node(id).attrs.type_or("T", DType::kInvalid);
    if (!surely_equal(all, all) || (dtype != DType::kFloat && dtype != DType::kDouble)) return false;
    std::vector<OutputId> terms, gone;
    for (OutputId v : node(id).inputs()) {
      if (!surely_equal(shape(v), all)) return false;
      bool inside = is_sum(v) && only_for(v, maker(v).op) && terms.size() + maker(v).inputs().size() < kMostTerms;
      for (size_t k = 0; inside && k < maker(v).inputs().size(); ++k) inside = surely_equal(shape(in(v.node, k)), all);
      if (!inside) {
        terms.push_back(v);
        continue;
      }
      terms.insert(terms.end(), maker(v).inputs().begin(), maker(v).inputs().end());
      gone.push_back(v);
    }
    if (gone.empty()) return false;
    const auto count = static_cast<int64_t>(terms.size());
    set_inputs(id, terms);
    g_.mutable_node(id).op = "AddN";
    g_.mutable_node(id).attrs.set("N", AttrValue::integer(count));
    std::vector<NodeId> ids;
    for (OutputId v : gone) ids.push_back(v.node);
    sweep(std::move(ids), kSums);
    return true;
  }

  bool product(NodeId id) {
    const bool plain_product = node(id).op == "MatMul";
    if ((!plain_product && node(id).op.compare(0, 11, "BatchMatMul") != 0) || node(id).inputs().size() != 2) return false;
    const DType dtype = node(id).attrs.type_or("T", DType::kInvalid);
    if (dtype != DType::kFloat && dtype != DType::kDouble) return false;
    bool changed = false;
    for (size_t side = 0; side < 2; ++side) {
      const OutputId t = in(id, side);
      if (!only_for(t, "Transpose") || maker(t).inputs().size() != 2) continue;
      const std::optional<std::vector<int64_t>> order = ints(in(t.node, 1));
      if (!order || order->size() < 2 || (plain_product && order->size() != 2)) continue;
      const size_t rank = order->size();
      bool swaps = true;   // the last two axes, nothing else
      for (size_t k = 0; k < rank; ++k) {
        const size_t wanted = k + 2 < rank ? k : k + 2 == rank ? k + 1 : k - 1;
        swaps = swaps && (*order)[k] == static_cast<int64_t>(wanted);
      }
      if (!swaps) continue;
      const std::string_view name = plain_product ? (side == 0 ? "transpose_a" : "transpose_b") : (side == 0 ? "adj_x" : "adj_y");
      g_.mutable_node(id).attrs.set(name, AttrValue::boolean(!node(id).attrs.bool_or(name, false)));
      g_.set_input(id, static_cast<int>(side), in(t.node, 0));
      sweep({t.node}, kProducts);
      changed = true;
    }
    return changed;
  }

  // Conv2D only: other kernels, and older TensorFlows, do not know explicit paddings.
  bool padded(NodeId id) {
    const std::string& op = node(id).op;
    if ((op != "Conv2D" && op != "DepthwiseConv2dNative") || node(id).inputs().size() != 2 || node(id).attrs.string_or("padding", "") != "VALID") return false;
    const OutputId pad = in(id, 0);
    if (!only_for(pad, "Pad") || maker(pad).inputs().size() != 2) return false;
    const OutputId x = in(pad.node, 0);
    const std::optional<std::vector<int64_t>> pads = ints(in(pad.node, 1));
    const Shape& xs = shape(x);
    const Shape& ws = shape(in(id, 1));
    const auto list = [&](std::string_view name) {
      const AttrValue* v = node(id).attrs.find(name);
      return v == nullptr ? std::vector<int64_t>{1, 1, 1, 1} : v->list().ints;
    };
    std::vector<int64_t> strides = list("strides"), dilations = list("dilations");
    if (!pads || pads->size() != 8 || xs.rank() != 4 || ws.rank() != 4 || strides.size() != 4) return false;
    if (dilations.empty()) dilations = {1, 1, 1, 1};
    if (dilations.size() != 4 || node(id).attrs.string_or("data_format", "NHWC") != "NHWC") return false;
    for (size_t axis = 0; axis < 4; ++axis) {
      const int64_t before = (*pads)[2 * axis], after = (*pads)[2 * axis + 1];
      if (axis == 0 || axis == 3) {
        if (before != 0 || after != 0) return false;
        continue;
      }
      const int64_t size = xs.dims[axis], window = ws.dims[axis - 1], stride = strides[axis];
      if (window <= 0 || window > 4096 || stride <= 0 || stride > 4096 || dilations[axis] != 1 || size > INT32_MAX) return false;
      // What SAME adds; with step 1 it does not depend on the size.
      if (size < 0 && stride != 1) return false;
      const int64_t total = stride == 1 ? window - 1 : std::max<int64_t>(0, ((size + stride - 1) / stride - 1) * stride + window - size);
      if (before != total / 2 || after != total - total / 2) return false;
    }
    g_.mutable_node(id).attrs.set("padding", AttrValue::string("SAME"));
    g_.set_input(id, 0, x);
    sweep({pad.node}, kPads);
    return true;
  }
};

class SimplifyArithmetic final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    constexpr std::string_view kOps[] = {"Add", "AddV2", "Sub", "BiasAdd", "Mul", "RealDiv", "Div", "Pow"};
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    for (const OwnedGraph& where : graphs) WHITTLE_CHECK(want_constants(*where.graph, kOps, pc));
    return run_rules<Arithmetic>(model, pc);
  }
};

constexpr std::string_view kAfter[] = {"fold_constants", "fold_batch_norms"};

}  // namespace

extern const PassInfo simplify_arithmetic_info;
const PassInfo simplify_arithmetic_info{
    .name = "simplify_arithmetic",
    .summary = "Take out arithmetic that changes nothing and join what one node can do",
    .fidelity = Fidelity::kRounding,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<SimplifyArithmetic>(); },
};

}  // namespace whittle
