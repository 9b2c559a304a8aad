#include "support/run_pass.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "whittle/kernel.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {

Result<const ScanResult*> MemoryScans::scan(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                            std::string_view) {
  WHITTLE_ASSIGN(ScanResult r, scan_in_memory(ref, channels, inner, ctx_));
  bytes_scanned += ref.byte_size();
  results_.push_back(std::move(r));
  return &results_.back();
}

namespace {

Status node_scope(Pass& pass, const PassInfo& info, Model& model, PassContext& pc, uint64_t* patches) {
  for (int round = 0; round < 100; ++round) {
    bool changed = false;
    std::vector<std::string> graphs = model.meta.library.names();
    graphs.insert(graphs.begin(), "");
    for (const std::string& name : graphs) {
      const auto graph = [&]() -> const Graph& {
        return name.empty() ? model.meta.graph : model.meta.library.find_decoded(name)->body;
      };
      WHITTLE_ASSIGN(const std::vector<NodeId> order, graph().topological_order());
      for (NodeId id : order) {
        const Graph& g = graph();
        if (!g.alive(id)) continue;
        if (!info.trigger_ops.empty() && std::find(info.trigger_ops.begin(), info.trigger_ops.end(), g.node(id).op) == info.trigger_ops.end()) continue;
        WHITTLE_ASSIGN(std::optional<Patch> patch, pass.visit(model, g, GraphId{name}, id, pc));
        if (!patch || patch->empty()) continue;
        WHITTLE_CHECK(patch->apply(model));
        ++*patches;
        changed = true;
      }
    }
    if (!changed) return {};
  }
  return internal_error("the transform does not come to an end");
}

}  // namespace

Ran run_pass(std::string_view name, const TextModel& before, const PassArgs& args) {
  Ran ran;
  ran.after.files = before.files;
  const PassInfo* info = find_pass(name);
  if (info == nullptr) {
    ADD_FAILURE() << "there is no transform " << std::string(name);
    return ran;
  }
  const uint64_t read = before.files->bytes_read();
  uint64_t scanned = 0;
  const Status status = before.files->run([&](Context& ctx) -> Status {
    WHITTLE_ASSIGN(const Options options, Options::make(info->name, info->options, args));
    ctx.clear_warnings();
    MemoryScans scans(ctx);
    PassContext pc{ctx, scans, options};
    ran.after.model = before.model;
    ran.patches = 0;
    const std::unique_ptr<Pass> pass = info->make();
    WHITTLE_CHECK(pass->begin(ran.after.model, pc));
    if (info->scope == Scope::kModel) WHITTLE_CHECK(pass->run(ran.after.model, pc));
    else WHITTLE_CHECK(node_scope(*pass, *info, ran.after.model, pc, &ran.patches));
    scanned = scans.bytes_scanned;
    return {};
  });
  ran.ok = status.ok();
  if (!status.ok()) {
    ran.error = status.error().to_string();
    return ran;
  }
  ran.bytes_read = before.files->bytes_read() - read;
  ran.bytes_scanned = scanned;
  ran.warnings = before.files->ctx().warnings();
  const Status checked = ran.after.model.meta.graph.check();
  if (!checked.ok()) ADD_FAILURE() << checked.error().to_string();
  for (const std::string& f : ran.after.model.meta.library.names()) {
    const Function* decoded = ran.after.model.meta.library.find_decoded(f);
    const Status body = decoded == nullptr ? Status() : decoded->body.check();
    if (!body.ok()) ADD_FAILURE() << f << ": " << body.error().to_string();
  }
  ran.text = print_model(ran.after);
  return ran;
}

Ran run_pass(std::string_view name, std::string_view text, const PassArgs& args) {
  return run_pass(name, parse_model(text), args);
}

std::map<std::string, Tensor> evaluate(const TextModel& m, const std::map<std::string, Tensor>& feeds) {
  const Graph& g = m.model.meta.graph;
  std::map<OutputId, Tensor> values;
  std::map<std::string, Tensor> out;
  Result<std::vector<NodeId>> order = g.topological_order();
  if (!order.ok()) {
    ADD_FAILURE() << order.error().to_string();
    return out;
  }
  std::vector<NodeId> roots;
  for (const Signature& s : m.model.meta.signatures) {
    for (const auto& [key, info] : s.outputs) roots.push_back(info.tensors[0].node);
  }
  const std::vector<bool> needed = reachable_from(g, roots);
  for (NodeId id : order.value()) {
    const Node& n = g.node(id);
    if (!needed[index_of(id)]) continue;
    if (auto fed = feeds.find(n.name); fed != feeds.end()) {
      values[{id, 0}] = fed->second;
      continue;
    }
    if (n.op == "Const") {
      values[{id, 0}] = value_of(m, n.name);
      continue;
    }
    std::vector<Tensor> in;
    for (OutputId v : n.inputs()) in.push_back(values[v]);
    Result<std::vector<Tensor>> r = m.files->run([&](Context& ctx) { return evaluate_node(n, in, ctx); });
    if (!r.ok()) {
      ADD_FAILURE() << r.error().to_string();
      return out;
    }
    for (size_t k = 0; k < r.value().size(); ++k) values[{id, static_cast<int32_t>(k)}] = r.value()[k];
  }
  for (const Signature& s : m.model.meta.signatures) {
    for (const auto& [key, info] : s.outputs) out[key] = values[info.tensors[0]];
  }
  return out;
}

std::map<std::string, Tensor> make_feeds(const TextModel& m, uint64_t seed) {
  std::map<std::string, Tensor> out;
  const Graph& g = m.model.meta.graph;
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (NodeId id : g.ids()) {
    const Node& n = g.node(id);
    if (n.op != "Placeholder" && n.op != "PlaceholderWithDefault") continue;
    const AttrValue* s = n.attrs.find("shape");
    Shape shape = s == nullptr || s->shape().unknown_rank ? Shape{2} : s->shape();
    for (int64_t& d : shape.dims) d = d < 0 ? 2 : d;
    Result<Tensor> made = Tensor::make(n.attrs.type_or("dtype", DType::kFloat), shape);
    if (!made.ok()) continue;
    Tensor t = std::move(made).value();
    for (size_t k = 0; k < t.elements(); ++k) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const double v = static_cast<double>(state >> 40) / static_cast<double>(1 << 23) - 1.0;
      if (t.dtype() == DType::kFloat) t.mutable_values<float>()[k] = static_cast<float>(v);
      if (t.dtype() == DType::kInt32) t.mutable_values<int32_t>()[k] = static_cast<int32_t>(v * 2);
    }
    out[n.name] = std::move(t);
  }
  return out;
}

double difference(const TextModel& a, const TextModel& b) {
  const std::map<std::string, Tensor> feeds = make_feeds(a);
  const std::map<std::string, Tensor> x = evaluate(a, feeds), y = evaluate(b, feeds);
  if (x.empty() || x.size() != y.size()) return -1;
  double worst = 0;
  for (const auto& [key, t] : x) {
    const auto other = y.find(key);
    if (other == y.end() || other->second.shape() != t.shape() || other->second.dtype() != t.dtype()) return -1;
    if (t.dtype() != DType::kFloat) {
      if (!t.identical(other->second)) return -1;
      continue;
    }
    double largest = 0, apart = 0;
    for (size_t k = 0; k < t.elements(); ++k) {
      const double u = t.values<float>()[k], v = other->second.values<float>()[k];
      largest = std::max(largest, std::fabs(u));
      apart = std::max(apart, std::fabs(u - v));
      if (std::isnan(u) != std::isnan(v)) return -1;
    }
    worst = std::max(worst, largest == 0 ? apart : apart / largest);
  }
  return worst;
}

}  // namespace whittle
