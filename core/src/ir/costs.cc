#include "whittle/costs.h"

namespace whittle {
namespace {

uint64_t tensor_bytes(const TensorRef& t) {
  if (t.empty()) return 0;
  const uint64_t header = 8 + 4 * t.shape().dims.size();
  if (t.kind() == TensorRef::Kind::kSplat) return header + t.splat_element().size() + t.splat_text().size();
  return header + t.byte_size();
}

uint64_t value_bytes(const AttrValue& v) {
  switch (v.kind()) {
    case AttrValue::Kind::kNone: return 0;
    case AttrValue::Kind::kInt:
    case AttrValue::Kind::kBool:
    case AttrValue::Kind::kType: return 2;
    case AttrValue::Kind::kFloat: return 5;
    case AttrValue::Kind::kString:
    case AttrValue::Kind::kPlaceholder:
    case AttrValue::Kind::kRaw: return 2 + v.s().size();
    case AttrValue::Kind::kShape: return 2 + 4 * v.shape().dims.size();
    case AttrValue::Kind::kTensor: return 4 + tensor_bytes(v.tensor());
    case AttrValue::Kind::kFunc: {
      uint64_t n = 4 + v.func().name.size();
      for (const Attr& a : v.func().attrs) n += serialized_attr_bytes(a);
      return n;
    }
    case AttrValue::Kind::kList: {
      const AttrList& l = v.list();
      uint64_t n = 4 + l.ints.size() + 4 * l.floats.size() + l.bools.size() + l.types.size();
      for (const std::string& s : l.strings) n += 2 + s.size();
      for (const Shape& s : l.shapes) n += 2 + 4 * s.dims.size();
      for (const TensorRef& t : l.tensors) n += 2 + tensor_bytes(t);
      for (const FuncRef& f : l.funcs) n += 4 + f.name.size();
      return n;
    }
  }
  return 0;
}

}  // namespace

uint64_t serialized_attr_bytes(const Attr& attr) {
  return 6 + attr.name.size() + value_bytes(attr.value);
}

uint64_t serialized_node_bytes(const Graph& g, NodeId id) {
  const Node& node = g.node(id);
  uint64_t n = 8 + node.name.size() + node.op.size() + node.device.size() + node.unknown.size();
  for (OutputId input : node.inputs()) n += 2 + g.node(input.node).name.size() + (input.slot == 0 ? 0 : 2);
  for (NodeId c : node.controls()) n += 3 + g.node(c).name.size();
  for (const Attr& a : node.attrs) n += serialized_attr_bytes(a);
  return n;
}

}  // namespace whittle
