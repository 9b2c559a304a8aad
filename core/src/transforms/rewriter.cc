#include "rewriter.h"

#include <algorithm>

#include "calls.h"
#include "whittle/costs.h"
#include "whittle/quant.h"

namespace whittle {
namespace {

constexpr int kMaxSweeps = 32;          // each takes nodes away; real models need three
constexpr uint64_t kMostInts = 8192;    // bytes of axes, permutations and sizes

// Stateful by the registry, but nothing is lost when they do not run.
bool only_reads(std::string_view op) {
  constexpr std::string_view kOps[] = {"Placeholder", "Const", "HashTable", "HashTableV2", "LookupTableFind",
                                       "LookupTableFindV2", "LookupTableSize", "LookupTableSizeV2", "VarHandleOp", "ReadVariableOp"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

// The value all elements have, exactly.
template <class T>
std::optional<double> one_value(const Tensor& t) {
  const std::span<const T> values = t.values<T>();
  for (const T& v : values) {
    if (!(v == values[0])) return std::nullopt;
  }
  if (values.empty()) return std::nullopt;
  const double d = static_cast<double>(values[0]);
  return d >= -9e15 && d <= 9e15 ? std::optional<double>(d) : std::nullopt;
}

}  // namespace

Rewriter::Rewriter(Model& model, const OwnedGraph& where, PassContext& pc)
    : model_(model), meta_(model.meta), g_(*where.graph), pc_(pc),
      shapes_(model.meta, *where.graph, [this](OutputId v) { return ints(v); }, true), owner_(where.owner) {}

Status Rewriter::run() {
  pinned_ = pinned_nodes(meta_, g_, owner_);
  fed_ = fed_nodes(meta_, g_, owner_);
  for (int k = 0; k < kMaxSweeps; ++k) {
    WHITTLE_ASSIGN(const std::vector<NodeId> order, g_.topological_order());
    if (k == 0) mark(order);
    bool changed = false;
    for (NodeId id : order) {
      WHITTLE_CHECK(pc_.ctx.check_cancelled());
      if (!g_.alive(id)) continue;
      // What is fed in the place of a node may have any shape, unless that is a placeholder.
      if (!is_fed(id) || g_.node(id).op.compare(0, 11, "Placeholder") == 0) shapes_.visit(id);
      if (steady(id) && !is_fed(id) && visit(id)) changed = true;
    }
    if (!missing_.ok() || !changed) return std::move(missing_);
  }
  return {};
}

void Rewriter::mark(const std::vector<NodeId>& order) {
  const bool framed = has_v1_control_flow(g_);
  unsteady_.assign(g_.capacity(), false);
  effect_.assign(g_.capacity(), false);
  for (NodeId id : order) {
    const Node& n = g_.node(id);
    bool unsteady = framed && is_v1_control_flow(n.op);
    bool effect = !only_reads(n.op) && is_stateful(meta_, n);
    const auto merge = [&](NodeId before) {
      unsteady = unsteady || unsteady_[index_of(before)];
      effect = effect || effect_[index_of(before)];
    };
    for (OutputId v : n.inputs()) merge(v.node);
    for (NodeId c : n.controls()) merge(c);
    unsteady_[index_of(id)] = unsteady;
    effect_[index_of(id)] = effect;
  }
}

bool Rewriter::plain(OutputId v, std::string_view op) const {
  return maker(v).op == op && !is_fed(v.node) && maker(v).controls().empty();
}

bool Rewriter::touchable(NodeId id) const {
  const bool pinned = index_of(id) < pinned_.size() && pinned_[index_of(id)];
  return !pinned && steady(id) && g_.node(id).controls().empty();
}

bool Rewriter::only_for(OutputId v, std::string_view op) const {
  return maker(v).op == op && touchable(v.node) && g_.uses(v.node).size() == 1;
}

const TensorRef* Rewriter::constant(OutputId v) const {
  const Node& n = g_.node(v.node);
  if (n.op != "Const" || is_fed(v.node) || !n.controls().empty()) return nullptr;
  const AttrValue* value = n.attrs.find("value");
  return value == nullptr || value->tensor().empty() ? nullptr : &value->tensor();
}

std::optional<Tensor> Rewriter::loaded(OutputId v, uint64_t most) {
  const TensorRef* ref = constant(v);
  if (ref == nullptr || ref->byte_size() > most) return std::nullopt;
  Result<Tensor> t = load(*ref, pc_.ctx);
  if (t.ok()) return std::move(t).value();
  if (t.error().code == Code::kNeedBytes) missing_ = t.take_error();
  return std::nullopt;
}

std::optional<std::vector<int64_t>> Rewriter::ints(OutputId v) {
  const TensorRef* ref = constant(v);
  if (ref == nullptr || (ref->dtype() != DType::kInt32 && ref->dtype() != DType::kInt64)) return std::nullopt;
  const std::optional<Tensor> t = loaded(v, kMostInts);
  if (!t) return std::nullopt;
  Result<std::vector<int64_t>> values = as_int64s(*t);
  if (!values.ok()) return std::nullopt;
  return std::move(values).value();
}

std::optional<double> Rewriter::number(OutputId v) {
  const std::optional<Tensor> t = loaded(v, kSmallBytes);
  if (!t) return std::nullopt;
  switch (t->dtype()) {
    case DType::kFloat: return one_value<float>(*t);
    case DType::kDouble: return one_value<double>(*t);
    case DType::kInt32: return one_value<int32_t>(*t);
    case DType::kInt64: return one_value<int64_t>(*t);
    case DType::kInt8: return one_value<int8_t>(*t);
    case DType::kBool:
    case DType::kUint8: return one_value<uint8_t>(*t);
    default: return std::nullopt;
  }
}

bool Rewriter::reads_reference(OutputId v) const {
  const std::string& op = maker(v).op;
  return op == "Variable" || op == "VariableV2" || is_ref(value_dtype(meta_, g_, v));
}

bool Rewriter::bypass(NodeId id, OutputId by, std::string_view rule) {
  if (!touchable(id) || reads_reference(by)) return false;
  g_.replace_uses({id, 0}, by);
  g_.replace_control_uses(id, by.node);
  sweep({id}, rule);
  return true;
}

void Rewriter::sweep(std::vector<NodeId> ids, std::string_view rule) {
  const Swept swept = sweep_unused(meta_, g_, pinned_, std::move(ids));
  model_.book(std::string(rule), swept.bytes, swept.nodes);
}

void Rewriter::set_inputs(NodeId id, const std::vector<OutputId>& inputs) {
  g_.clear_inputs(id);
  for (OutputId v : inputs) g_.add_input(id, v);
}

OutputId Rewriter::add_constant(const TensorRef& value, std::string_view name, std::string_view rule) {
  const NodeId made = g_.add(g_.unique_name(name), "Const", {}, const_attrs_of(value));
  shapes_.visit(made);
  model_.book(std::string(rule), -static_cast<int64_t>(serialized_node_bytes(g_, made)), -1);
  return {made, 0};
}

OutputId Rewriter::add_ints(const std::vector<int64_t>& values, DType dtype, std::string_view name, std::string_view rule, Shape shape) {
  if (shape.unknown_rank) shape = Shape{static_cast<int64_t>(values.size())};
  std::vector<int32_t> narrow(values.begin(), values.end());
  Result<Tensor> t = dtype == DType::kInt64 ? Tensor::of<int64_t>(dtype, shape, values) : Tensor::of<int32_t>(dtype, shape, narrow);
  if (t.ok()) return add_constant(TensorRef::owned(std::move(t).value()), name, rule);
  missing_ = t.take_error();
  return {};
}

}  // namespace whittle
