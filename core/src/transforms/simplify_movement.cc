// simplify_movement: ops that only move elements, where they move none or undo each other.
//
//   Reshape, Squeeze, ExpandDims      the shape that the value already had, here or before: no node
//   SparseReshape                     the same, for indices and shape of a sparse tensor
//   Reshape(Reshape(x), s)            Reshape(x, s)
//   Reshape(x, [Shape(x)[0], 784])    Reshape(x, [-1, 784])
//   Transpose(Transpose(x))           one, or none when they cancel; none for the order 0, 1, 2, …
//   Cast(Cast(x))                     one when the first loses nothing; none to the same dtype
//   Slice, StridedSlice of everything, Pad by 0, Tile by 1, BroadcastTo the same shape, Sum over no axis: none
//   ConcatV2(ConcatV2(a, b), c)       ConcatV2(a, b, c)
//   ConcatV2(Split(x)), Pack(Unpack(x)) in order, Split(x, 1): x
//   Unpack(Pack(a, b)), Pack(a, b)[1]: a, b
//   Shape(x), Shape(y)                one when the sizes are surely the same
//   Squeeze(Mean(x, keep_dims))       Mean(x)
//   SparseSegmentSum(GatherV2(t, Unique(i)), Unique(i):1, s)     SparseSegmentSum(t, i, s), with lookups=true
//
// Shapes    "surely" means from static sizes and symbols (shapes.h); what may depend on a feed stays.
// Declines  what rewriter.h does not touch; steps, masks and axes that are not constants. A rewrite that
//           needs a node more than it frees is not done.
// Fidelity  exact: the same elements at the same places. An invalid feed may fail at another node.
// Source    graph-transforms.md §14, 22 to 24, 29, 34, 35, 43, 44; Grappler's arithmetic optimizer.
#include <algorithm>
#include <map>

#include "rewriter.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr size_t kMostViews = 16;    // followed back from one
constexpr size_t kMostReshapes = 64; // that share one computed shape
constexpr size_t kMostInputs = 256;  // of a concatenation made of others

constexpr std::string_view kSameShape = "reshapes to the shape that is there";
constexpr std::string_view kReshapeChains = "reshapes of reshapes";
constexpr std::string_view kOpenReshapes = "sizes computed for a reshape";
constexpr std::string_view kTransposes = "transposes that cancel";
constexpr std::string_view kCasts = "casts that lose nothing";
constexpr std::string_view kWhole = "slices, pads and tiles of everything";
constexpr std::string_view kConcats = "concatenations of concatenations";
constexpr std::string_view kUndone = "splits that are joined again";
constexpr std::string_view kShapes = "shapes that are the same";
constexpr std::string_view kReductions = "squeezes after reductions";
constexpr std::string_view kLookups = "unique ids of sparse lookups";

bool is_view(std::string_view op) { return op == "Reshape" || op == "Squeeze" || op == "ExpandDims"; }

bool is_reduction(std::string_view op) {
  constexpr std::string_view kOps[] = {"Mean", "Sum", "Max", "Min", "Prod", "All", "Any"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

bool all_are(const std::vector<int64_t>& values, int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [wanted](int64_t v) { return v == wanted; });
}

// Every value of the narrower dtype is one of the wider.
bool holds_all(DType wide, DType narrow) {
  if (wide == narrow) return true;
  struct Row { DType type; int bits; bool is_signed; };   // floats: bits of whole numbers
  constexpr Row kInts[] = {{DType::kBool, 1, false}, {DType::kUint8, 8, false}, {DType::kInt8, 7, true}, {DType::kUint16, 16, false},
                           {DType::kInt16, 15, true}, {DType::kInt32, 31, true}, {DType::kInt64, 63, true}};
  constexpr Row kFloats[] = {{DType::kHalf, 11, true}, {DType::kFloat, 24, true}, {DType::kDouble, 53, true}};
  const auto find = [](const auto& rows, DType t) -> const Row* {
    for (const Row& r : rows) {
      if (r.type == t) return &r;
    }
    return nullptr;
  };
  const Row* from = find(kInts, narrow);
  if (const Row* to = find(kFloats, wide)) {
    if (from == nullptr) from = find(kFloats, narrow);
    return from != nullptr && from->bits <= to->bits;
  }
  const Row* to = find(kInts, wide);
  return from != nullptr && to != nullptr && wide != DType::kBool && from->bits <= to->bits && (to->is_signed || !from->is_signed);
}

class Movement final : public Rewriter {
 public:
  Movement(Model& model, const OwnedGraph& where, PassContext& pc)
      : Rewriter(model, where, pc), lookups_(pc.options.flag("lookups")) {}

 private:
  bool visit(NodeId id) override {
    const std::string& op = node(id).op;
    const size_t n = node(id).inputs().size();
    if (n == 0) return false;
    if (is_view(op)) return view(id);
    if (op == "Transpose" && n == 2) return transpose(id);
    if (op == "Cast") return cast(id);
    if (op == "ConcatV2") return concat(id);
    if (op == "Pack") return pack(id);
    if (op == "Split" || op == "SplitV") return n > 1 && node(id).attrs.int_or("num_split", 0) == 1 && bypass(id, in(id, op == "Split" ? 1 : 0), kUndone);
    if (op == "Unpack") return unpack(id);
    if (op == "Shape") return same_shape(id);
    if (n == 2 && is_reduction(op)) {
      const TensorRef* axes = constant(in(id, 1));
      return axes != nullptr && axes->elements() == 0 && bypass(id, in(id, 0), kWhole);
    }
    if (op == "StridedSlice") return strided_slice(id);
    if (op == "SparseReshape" && n == 3) return sparse_reshape(id);
    if (lookups_ && op.compare(0, 13, "SparseSegment") == 0) return sparse_lookup(id);
    return whole(id) && bypass(id, in(id, 0), kWhole);
  }

  bool view(NodeId id) {
    if (node(id).op == "Squeeze" && squeezed_reduction(id)) return true;
    // The value before this and other views, up to the first that may be more than a view.
    const Shape wanted = shape({id, 0});
    OutputId at = in(id, 0);
    for (size_t k = 0; k < kMostViews; ++k) {
      if (surely_equal(shape(at), wanted)) return bypass(id, at, kSameShape);
      if (!is_view(maker(at).op) || !plain(at, maker(at).op)) break;
      at = in(at.node, 0);
    }
    if (node(id).op != "Reshape" || node(id).inputs().size() != 2) return false;
    return open_reshape(id) || reshape_chain(id);
  }

  bool reshape_chain(NodeId id) {
    const OutputId before = in(id, 0);
    if (!is_view(maker(before).op) || !only_for(before, maker(before).op)) return false;
    g_.set_input(id, 0, in(before.node, 0));
    sweep({before.node}, kReshapeChains);
    return true;
  }

  // One size that is computed can be left to the op: the others are numbers above 0.
  bool open_reshape(NodeId id) {
    const OutputId target = in(id, 1);
    if (constant(target) != nullptr || !touchable(target.node) || has_effects(target.node)) return false;
    if (users(target.node) > kMostReshapes) return false;
    for (const Use& use : g_.uses(target.node)) {
      if (use.index != 1 || node(use.user).op != "Reshape") return false;
    }
    std::optional<Sizes> sizes = shapes_.sizes(target);
    if (!sizes || shape(target).rank() != 1) return false;
    int open = 0;
    for (int64_t& s : *sizes) {
      if (s == 0 || s > INT32_MAX) return false;
      if (s > 0) continue;
      s = -1;
      ++open;
    }
    if (open > 1) return false;
    const DType dtype = node(id).attrs.type_or("Tshape", DType::kInt32);
    const OutputId made = add_ints(*sizes, dtype, cat(node(id).name, "/shape"), kOpenReshapes);
    if (made.node == kNoNode) return false;
    g_.set_input(id, 1, made);
    sweep({target.node}, kOpenReshapes);
    return true;
  }

  // Mean, Max, … whose axes the Squeeze takes out again.
  bool squeezed_reduction(NodeId id) {
    const OutputId before = in(id, 0);
    const std::string& op = maker(before).op;
    if (!touchable(id) || !is_reduction(op) || !only_for(before, op)) return false;
    if (!maker(before).attrs.bool_or("keep_dims", false) || maker(before).inputs().size() != 2) return false;
    const int rank = shape(before).rank();
    std::optional<std::vector<int64_t>> axes = ints(in(before.node, 1));
    const AttrValue* dims = node(id).attrs.find("squeeze_dims");
    if (!axes || dims == nullptr || rank < 0) return false;
    std::vector<int64_t> gone = dims->list().ints;
    for (std::vector<int64_t>* list : {&gone, &*axes}) {
      for (int64_t& a : *list) a += a < 0 ? rank : 0;
      std::sort(list->begin(), list->end());
    }
    if (gone.empty() || gone != *axes) return false;
    g_.mutable_node(before.node).attrs.set("keep_dims", AttrValue::boolean(false));
    shapes_.set(before, shape({id, 0}));
    return bypass(id, before, kReductions);
  }

  bool transpose(NodeId id) {
    const std::optional<std::vector<int64_t>> order = ints(in(id, 1));
    if (!order) return false;
    const auto identity = [](const std::vector<int64_t>& p) {
      for (size_t k = 0; k < p.size(); ++k) {
        if (p[k] != static_cast<int64_t>(k)) return false;
      }
      return true;
    };
    if (identity(*order)) return bypass(id, in(id, 0), kTransposes);
    const OutputId before = in(id, 0);
    if (!plain(before, "Transpose") || maker(before).inputs().size() != 2) return false;
    const std::optional<std::vector<int64_t>> first = ints(in(before.node, 1));
    if (!first || first->size() != order->size()) return false;
    std::vector<int64_t> both;
    for (int64_t a : *order) {
      if (a < 0 || a >= static_cast<int64_t>(first->size())) return false;
      both.push_back((*first)[static_cast<size_t>(a)]);
    }
    if (identity(both)) return bypass(id, in(before.node, 0), kTransposes);
    if (!only_for(before, "Transpose")) return false;
    const OutputId old = in(id, 1);
    const OutputId made = add_ints(both, node(id).attrs.type_or("Tperm", DType::kInt32), cat(node(id).name, "/perm"), kTransposes);
    if (made.node == kNoNode) return false;
    set_inputs(id, {in(before.node, 0), made});
    sweep({before.node, old.node}, kTransposes);
    return true;
  }

  bool cast(NodeId id) {
    const DType from = node(id).attrs.type_or("SrcT", DType::kInvalid), to = node(id).attrs.type_or("DstT", DType::kInvalid);
    if (from == DType::kInvalid || to == DType::kInvalid || node(id).attrs.bool_or("Truncate", false)) return false;
    if (from == to) return bypass(id, in(id, 0), kCasts);
    const OutputId before = in(id, 0);
    if (!plain(before, "Cast") || maker(before).attrs.bool_or("Truncate", false)) return false;
    // Codes of weights stay the narrow constants they are: only values that are computed.
    const DType first = maker(before).attrs.type_or("SrcT", DType::kInvalid);
    // Floats that overflow an integer come out differently from each width.
    if (is_floating(first) || (is_floating(from) && !is_floating(to) && !holds_all(to, first))) return false;
    if (!holds_all(from, first) || constant(in(before.node, 0)) != nullptr) return false;
    if (first == to) return bypass(id, in(before.node, 0), kCasts);
    if (!only_for(before, "Cast")) return false;
    g_.set_input(id, 0, in(before.node, 0));
    g_.mutable_node(id).attrs.set("SrcT", AttrValue::type(first));
    sweep({before.node}, kCasts);
    return true;
  }

  // One axis, counted from the front.
  std::optional<int64_t> axis_of(OutputId v, int rank) {
    const std::optional<std::vector<int64_t>> a = ints(v);
    if (!a || a->size() != 1) return std::nullopt;
    if ((*a)[0] >= 0) return (*a)[0];
    if (rank < 0) return std::nullopt;
    return (*a)[0] + rank;
  }

  bool concat(NodeId id) {
    const size_t count = node(id).inputs().size() - 1;
    if (count == 1) return bypass(id, in(id, 0), kConcats);
    const std::optional<int64_t> axis = axis_of(in(id, count), shape({id, 0}).rank());
    if (!axis || count == 0) return false;
    if (is_all_of(id, count, "Split") || is_all_of(id, count, "SplitV")) {
      const NodeId split = in(id, 0).node;
      const bool plain = node(split).op == "Split";
      const OutputId whole = in(split, plain ? 1 : 0);
      const std::optional<int64_t> at = axis_of(in(split, plain ? 0 : 2), shape(whole).rank());
      if (at == axis) return bypass(id, whole, kUndone);
    }
    std::vector<OutputId> values;
    std::vector<NodeId> gone;
    for (size_t k = 0; k < count; ++k) {
      const OutputId v = in(id, k);
      const size_t inner = maker(v).inputs().size();
      if (only_for(v, "ConcatV2") && inner > 1 && count + values.size() + inner <= kMostInputs &&
          axis_of(in(v.node, inner - 1), shape(v).rank()) == axis) {
        values.insert(values.end(), maker(v).inputs().begin(), maker(v).inputs().end() - 1);
        gone.push_back(v.node);
      } else {
        values.push_back(v);
      }
    }
    if (gone.empty()) return false;
    const auto total = static_cast<int64_t>(values.size());
    values.push_back(in(id, count));
    set_inputs(id, values);
    g_.mutable_node(id).attrs.set("N", AttrValue::integer(total));
    sweep(std::move(gone), kConcats);
    return true;
  }

  // Whether inputs 0, 1, … are all outputs 0, 1, … of one node that only makes such pieces.
  bool is_all_of(NodeId id, size_t count, std::string_view op) const {
    const NodeId pieces = in(id, 0).node;
    if (!plain(in(id, 0), op)) return false;
    const size_t made = op == "Unpack" ? 1 : op == "Split" ? 2 : 3;
    if (node(pieces).inputs().size() != made) return false;
    if (node(pieces).attrs.int_or(op == "Unpack" ? "num" : "num_split", 0) != static_cast<int64_t>(count)) return false;
    for (size_t k = 0; k < count; ++k) {
      if (in(id, k) != OutputId{pieces, static_cast<int32_t>(k)}) return false;
    }
    return true;
  }

  bool pack(NodeId id) {
    if (!is_all_of(id, node(id).inputs().size(), "Unpack")) return false;
    const NodeId pieces = in(id, 0).node;
    if (node(id).attrs.int_or("axis", 0) != node(pieces).attrs.int_or("axis", 0)) return false;
    return bypass(id, in(pieces, 0), kUndone);
  }

  bool unpack(NodeId id) {
    const OutputId joined = in(id, 0);
    if (!touchable(id) || !plain(joined, "Pack") || maker(joined).attrs.int_or("axis", 0) != node(id).attrs.int_or("axis", 0)) return false;
    const std::vector<OutputId> parts = maker(joined).inputs();
    if (node(id).attrs.int_or("num", -1) != static_cast<int64_t>(parts.size())) return false;
    for (const Use& use : g_.uses(id)) {
      if (use.index == kControlUse) return false;
    }
    for (size_t k = 0; k < parts.size(); ++k) g_.replace_uses({id, static_cast<int32_t>(k)}, parts[k]);
    sweep({id}, kUndone);
    return true;
  }

  bool strided_slice(NodeId id) {
    if (node(id).inputs().size() != 4) return false;
    const auto mask = [&](std::string_view name) { return node(id).attrs.int_or(name, 0); };
    const std::optional<std::vector<int64_t>> begin = ints(in(id, 1)), end = ints(in(id, 2)), stride = ints(in(id, 3));
    if (!begin || !end || !stride || !all_are(*stride, 1) || mask("new_axis_mask") != 0 || mask("ellipsis_mask") != 0) return false;
    const OutputId x = in(id, 0);
    if (mask("shrink_axis_mask") == 1 && begin->size() == 1 && plain(x, "Pack") && maker(x).attrs.int_or("axis", 0) == 0) {
      const auto count = static_cast<int64_t>(maker(x).inputs().size());
      const int64_t k = (*begin)[0] < 0 ? (*begin)[0] + count : (*begin)[0];
      return k >= 0 && k < count && bypass(id, in(x.node, static_cast<size_t>(k)), kUndone);
    }
    if (mask("shrink_axis_mask") != 0 || end->size() != begin->size() || begin->size() > 62) return false;
    const Shape& s = shape(x);
    for (size_t k = 0; k < begin->size(); ++k) {
      if (((mask("begin_mask") >> k) & 1) == 0 && (*begin)[k] != 0) return false;
      if (((mask("end_mask") >> k) & 1) != 0) continue;
      if (k >= s.dims.size() || s.dims[k] < 0 || (*end)[k] < s.dims[k]) return false;
    }
    return bypass(id, x, kWhole);
  }

  // Ops whose first input comes out as it went in.
  bool whole(NodeId id) {
    const std::string& op = node(id).op;
    const size_t n = node(id).inputs().size();
    if (op == "EnsureShape" || op == "BroadcastTo") {
      if (op == "EnsureShape") {
        const AttrValue* wanted = node(id).attrs.find("shape");
        return wanted != nullptr && !wanted->shape().unknown_rank && shape(in(id, 0)).fully_defined() && wanted->shape() == shape(in(id, 0));
      }
      const std::optional<Sizes> to = n == 2 && !has_effects(in(id, 1).node) ? shapes_.sizes(in(id, 1)) : std::nullopt;
      return to && shape(in(id, 1)).rank() == 1 && !shape(in(id, 0)).unknown_rank && *to == shape(in(id, 0)).dims;
    }
    if (op == "Pad" || op == "PadV2" || op == "MirrorPad") {
      const std::optional<std::vector<int64_t>> pads = n >= 2 ? ints(in(id, 1)) : std::nullopt;
      return pads && all_are(*pads, 0);
    }
    if (op == "Tile") {
      const std::optional<Sizes> times = n == 2 && !has_effects(in(id, 1).node) ? shapes_.sizes(in(id, 1)) : std::nullopt;
      return times && all_are(*times, 1);
    }
    if (op != "Slice" || n != 3) return false;
    const std::optional<std::vector<int64_t>> begin = ints(in(id, 1)), size = ints(in(id, 2));
    const Shape& s = shape(in(id, 0));
    if (!begin || !size || !all_are(*begin, 0)) return false;
    for (size_t k = 0; k < size->size(); ++k) {
      if ((*size)[k] != -1 && (k >= s.dims.size() || (*size)[k] != s.dims[k])) return false;
    }
    return true;
  }

  bool same_shape(NodeId id) {
    const Shape& s = shape(in(id, 0));
    if (!surely_equal(s, s) || has_effects(id)) return false;
    std::vector<int64_t> key = s.dims;
    key.push_back(static_cast<int64_t>(node(id).attrs.type_or("out_type", DType::kInt32)));
    const auto [it, fresh] = shape_nodes_.emplace(std::move(key), id);
    if (fresh || it->second == id) return false;
    if (!g_.alive(it->second)) {
      it->second = id;
      return false;
    }
    return bypass(id, {it->second, 0}, kShapes);
  }

  // To the dense shape that the sparse tensor has.
  bool sparse_reshape(NodeId id) {
    const std::optional<Sizes> from = shapes_.sizes(in(id, 1)), to = shapes_.sizes(in(id, 2));
    if (!touchable(id) || !from || from != to || has_effects(in(id, 2).node)) return false;
    for (int64_t s : *from) {
      if (s == -1 || s == kAnyInt) return false;
    }
    g_.replace_uses({id, 1}, in(id, 1));
    return bypass(id, in(id, 0), kSameShape);
  }

  bool sparse_lookup(NodeId id) {
    constexpr std::string_view kOps[] = {"SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"};
    if (std::find(std::begin(kOps), std::end(kOps), node(id).op) == std::end(kOps) || node(id).inputs().size() != 3) return false;
    const OutputId rows = in(id, 0), ids = in(id, 1);
    if (!plain(ids, "Unique") || ids.slot != 1 || !only_for(rows, "GatherV2")) return false;
    const Node& gather = maker(rows);
    if (gather.inputs().size() != 3 || gather.inputs()[1] != OutputId{ids.node, 0} || gather.attrs.int_or("batch_dims", 0) != 0) return false;
    if (ints(gather.inputs()[2]) != std::vector<int64_t>{0}) return false;
    const OutputId all = in(ids.node, 0);
    const DType dtype = maker(ids).attrs.type_or("T", DType::kInvalid);
    if (dtype != DType::kInt32 && dtype != DType::kInt64) return false;
    set_inputs(id, {gather.inputs()[0], all, in(id, 2)});
    g_.mutable_node(id).attrs.set("Tidx", AttrValue::type(dtype));
    sweep({rows.node, ids.node}, kLookups);
    return true;
  }

  bool lookups_;
  std::map<std::vector<int64_t>, NodeId> shape_nodes_;
};

class SimplifyMovement final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override { return run_rules<Movement>(model, pc); }
};

constexpr OptionSpec kOptions[] = {
    {"lookups", OptionType::kBool, "false", "also look ids up one by one instead of each unique one once: fewer nodes, but tables that are to become codes must be decoded as a whole"},
};
constexpr std::string_view kAfter[] = {"fold_constants"};

}  // namespace

extern const PassInfo simplify_movement_info;
const PassInfo simplify_movement_info{
    .name = "simplify_movement",
    .summary = "Take out reshapes, transposes, slices and the like that move nothing or cancel",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<SimplifyMovement>(); },
};

}  // namespace whittle
