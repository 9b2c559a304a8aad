#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/graph_text.h"
#include "whittle/math.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kShownElements = 64;

std::string dims_text(const Shape& s) { return s.unknown_rank ? std::string() : s.to_string(); }

std::string in_quotes(std::string_view s) { return cat("\"", printable(s), "\""); }

std::string element_text(const Tensor& t, size_t k) {
  switch (t.dtype()) {
    case DType::kFloat: return cat(t.values<float>()[k]);
    case DType::kDouble: return cat(t.values<double>()[k]);
    case DType::kHalf: return cat(half_to_float(t.values<uint16_t>()[k]));
    case DType::kBfloat16: return cat(bfloat16_to_float(t.values<uint16_t>()[k]));
    case DType::kInt64: return cat(t.values<int64_t>()[k]);
    case DType::kInt32: case DType::kQint32: return cat(t.values<int32_t>()[k]);
    case DType::kInt16: return cat(t.values<int16_t>()[k]);
    case DType::kInt8: case DType::kQint8: return cat(int{t.values<int8_t>()[k]});
    case DType::kUint8: case DType::kQuint8: return cat(int{t.values<uint8_t>()[k]});
    case DType::kUint16: return cat(t.values<uint16_t>()[k]);
    case DType::kUint32: return cat(t.values<uint32_t>()[k]);
    case DType::kUint64: return cat(t.values<uint64_t>()[k]);
    case DType::kBool: return t.bytes()[k] != 0 ? "true" : "false";
    default: return "?";
  }
}

std::string values_text(const Tensor& t) {
  std::vector<std::string> out;
  if (t.is_string()) {
    for (const std::string& s : t.strings()) out.push_back(in_quotes(s));
    return join(out, ", ");
  }
  if (t.elements() > kShownElements) {
    uint64_t h = 1469598103934665603u;
    for (uint8_t b : t.bytes()) h = (h ^ b) * 1099511628211u;
    return cat("hash ", h);
  }
  for (size_t k = 0; k < t.elements(); ++k) out.push_back(element_text(t, k));
  const bool same = std::all_of(out.begin(), out.end(), [&](const std::string& s) { return s == out[0]; });
  if (same && !out.empty()) return out[0];
  return join(out, ", ");
}

std::string attr_text(const AttrValue& v) {
  std::vector<std::string> items;
  switch (v.kind()) {
    case AttrValue::Kind::kString: return in_quotes(v.s());
    case AttrValue::Kind::kInt: return cat(v.i());
    case AttrValue::Kind::kFloat: return cat(v.f());
    case AttrValue::Kind::kBool: return cat(v.b());
    case AttrValue::Kind::kType: return dtype_name(v.type());
    case AttrValue::Kind::kShape: return v.shape().unknown_rank ? "shape?" : cat("shape", v.shape().to_string());
    case AttrValue::Kind::kFunc: return cat("@", v.func().name);
    case AttrValue::Kind::kTensor: return "tensor";
    case AttrValue::Kind::kPlaceholder: return cat("$", v.s());
    case AttrValue::Kind::kRaw: return "raw";
    case AttrValue::Kind::kNone: return "none";
    case AttrValue::Kind::kList: break;
  }
  const AttrList& l = v.list();
  for (const std::string& s : l.strings) items.push_back(in_quotes(s));
  for (int64_t i : l.ints) items.push_back(cat(i));
  for (float f : l.floats) items.push_back(cat(f));
  for (bool b : l.bools) items.push_back(cat(b));
  for (DType t : l.types) items.push_back(dtype_name(t));
  for (const Shape& s : l.shapes) items.push_back(s.unknown_rank ? "shape?" : cat("shape", s.to_string()));
  for (const FuncRef& f : l.funcs) items.push_back(cat("@", f.name));
  return cat("[", join(items, ", "), "]");
}

bool inferred(const OpSpec& spec, std::string_view attr) {
  for (const auto* args : {&spec.inputs, &spec.outputs}) {
    for (const ArgSpec& a : *args) {
      if (a.type_attr == attr || a.number_attr == attr || a.type_list_attr == attr) return true;
    }
  }
  return false;
}

class Printer {
 public:
  Printer(const Model& model, MemoryFiles& files) : model_(model), files_(files) {}

  std::string run() {
    const MetaGraph& meta = model_.meta;
    body(meta.graph, "");
    for (const Signature& s : meta.signatures) {
      std::vector<std::string> in, out;
      bool plain = true;
      std::set<std::string> placeholders, fed;
      for (NodeId id : meta.graph.ids()) {
        const Node& n = meta.graph.node(id);
        if (n.op == "Placeholder" || n.op == "PlaceholderWithDefault") placeholders.insert(n.name);
      }
      for (const auto& [key, info] : s.inputs) {
        for (OutputId v : info.tensors) {
          in.push_back(named(meta.graph, key, v));
          fed.insert(key);
          plain = plain && named(meta.graph, key, v) == key;
        }
      }
      for (const auto& [key, info] : s.outputs) {
        for (OutputId v : info.tensors) out.push_back(named(meta.graph, key, v));
      }
      if (!plain || fed != placeholders) line("", cat("input ", join(in, ", ")));
      if (!out.empty()) line("", cat("return ", join(out, ", ")));
    }
    std::vector<std::string> init;
    for (NodeId id : meta.init) init.push_back(meta.graph.node(id).name);
    if (!init.empty()) line("", cat("init ", join(init, ", ")));
    for (const Asset& a : meta.assets) line("", cat("asset ", value(meta.graph, a.tensor), ": ", a.filename));
    for (const std::string& name : meta.library.names()) {
      const Function* f = meta.library.find_decoded(name);
      if (f == nullptr) continue;
      std::vector<std::string> args, rets, values;
      for (const FunctionArg& a : f->args) args.push_back(cat(a.name, ": ", dtype_name(a.dtype)));
      for (const FunctionArg& r : f->rets) rets.push_back(cat(r.name, ": ", dtype_name(r.dtype)));
      line("", cat("function ", name, "(", join(args, ", "), ") -> (", join(rets, ", "), ") {"));
      body(f->body, "  ");
      std::map<int64_t, std::string> by_index;
      for (NodeId id : f->body.ids()) {
        const Node& n = f->body.node(id);
        if (n.op == "_Retval") by_index[n.attrs.int_or("index", 0)] = value(f->body, n.inputs()[0]);
      }
      for (const auto& [k, v] : by_index) values.push_back(v);
      line("  ", cat("return ", join(values, ", ")));
      line("", "}");
    }
    return out_;
  }

 private:
  void line(std::string_view indent, std::string_view text) { out_ += cat(indent, text, "\n"); }

  std::string value(const Graph& g, OutputId v) const {
    return v.slot == 0 ? g.node(v.node).name : cat(g.node(v.node).name, ":", v.slot);
  }
  std::string named(const Graph& g, const std::string& key, OutputId v) const {
    const std::string text = value(g, v);
    return key == text ? key : cat(key, "=", text);
  }

  void body(const Graph& g, std::string_view indent) {
    std::map<uint32_t, size_t> waiting;
    std::set<std::string> ready;
    const auto back_edge = [&](NodeId from, NodeId to) {
      return g.node(from).op == "NextIteration" && g.node(to).op == "Merge";
    };
    for (NodeId id : g.ids()) {
      size_t count = g.node(id).controls().size();
      for (OutputId v : g.node(id).inputs()) count += back_edge(v.node, id) ? 0 : 1;
      waiting[index_of(id)] = count;
      if (count == 0) ready.insert(g.node(id).name);
    }
    while (!ready.empty()) {
      const NodeId id = g.find(*ready.begin());
      ready.erase(ready.begin());
      if (g.node(id).op != "_Arg" && g.node(id).op != "_Retval") line(indent, node_text(g, id));
      for (const Use& use : g.uses(id)) {
        if (use.index != kControlUse && back_edge(id, use.user)) continue;
        if (--waiting[index_of(use.user)] == 0) ready.insert(g.node(use.user).name);
      }
    }
  }

  std::string node_text(const Graph& g, NodeId id) {
    const Node& n = g.node(id);
    const OpSpec* spec = model_.meta.registry->find(n.op);
    std::vector<std::string> results, args, attrs;
    const int outputs = std::max(1, output_count(model_.meta, n));
    for (int k = 0; k < outputs; ++k) {
      const DType t = base_dtype(value_dtype(model_.meta, g, {id, k}));
      std::string r = k == 0 ? n.name : cat(n.name, ":", k);
      if (t != DType::kInvalid) r += cat(": ", dtype_name(t));
      if (n.op == "Placeholder" || n.op == "PlaceholderWithDefault") {
        if (const AttrValue* s = n.attrs.find("shape")) r += dims_text(s->shape());
      }
      if (const AttrValue* v = n.attrs.find("value"); n.op == "Const" && v != nullptr) r += dims_text(v->tensor().shape());
      results.push_back(std::move(r));
    }
    if (const AttrValue* v = n.attrs.find("value"); n.op == "Const" && v != nullptr) {
      const TensorRef ref = v->tensor();
      Result<Tensor> t = files_.run([&](Context& ctx) { return load(ref, ctx); });
      if (t.ok()) args.push_back(values_text(t.value()));
      else args.push_back(t.error().to_string());
    }
    for (OutputId v : n.inputs()) args.push_back(value(g, v));
    std::vector<std::string> controls;
    for (NodeId c : n.controls()) controls.push_back(cat("^", g.node(c).name));
    std::sort(controls.begin(), controls.end());
    args.insert(args.end(), controls.begin(), controls.end());
    for (const Attr& a : n.attrs) {
      if (n.op == "Const" && (a.name == "value" || a.name == "dtype")) continue;
      if ((n.op == "Placeholder" || n.op == "PlaceholderWithDefault") && a.name == "shape") continue;
      if (spec != nullptr && (inferred(*spec, a.name) || is_default_attr(*spec, a.name, a.value))) continue;
      attrs.push_back(cat(a.name, " = ", attr_text(a.value)));
    }
    if (!n.device.empty()) attrs.push_back(cat("device = ", in_quotes(n.device)));
    std::string out = cat(join(results, ", "), " = ", n.op, "(", join(args, ", "), ")");
    if (!attrs.empty()) out += cat(" {", join(attrs, ", "), "}");
    return out;
  }

  const Model& model_;
  MemoryFiles& files_;
  std::string out_;
};

const Graph* graph_named(const Model& model, std::string_view function) {
  if (function.empty()) return &model.meta.graph;
  const Function* f = model.meta.library.find_decoded(function);
  return f == nullptr ? nullptr : &f->body;
}

}  // namespace

std::string print_model(const Model& model, MemoryFiles& files) { return Printer(model, files).run(); }

const Node& node_named(const Model& model, std::string_view name, std::string_view function) {
  static const Node kMissing;
  const Graph* g = graph_named(model, function);
  const NodeId id = g == nullptr ? kNoNode : g->find(name);
  if (id == kNoNode) {
    ADD_FAILURE() << "there is no node " << std::string(name);
    return kMissing;
  }
  return g->node(id);
}

Tensor value_of(const TextModel& m, std::string_view name, std::string_view function) {
  const Node& n = node_named(m.model, name, function);
  const AttrValue* v = n.attrs.find("value");
  if (n.op != "Const" || v == nullptr) {
    ADD_FAILURE() << std::string(name) << " is no Const but " << n.op;
    return Tensor();
  }
  Result<Tensor> t = m.files->run([&](Context& ctx) { return load(v->tensor(), ctx); });
  if (!t.ok()) {
    ADD_FAILURE() << std::string(name) << ": " << t.error().to_string();
    return Tensor();
  }
  return std::move(t).value();
}

std::vector<float> floats_of(const TextModel& m, std::string_view name) {
  const Tensor t = value_of(m, name);
  if (t.dtype() != DType::kFloat) return {};
  return {t.values<float>().begin(), t.values<float>().end()};
}

}  // namespace whittle
