#include "whittle/pipeline.h"

#include <algorithm>
#include <set>

#include "explain.h"
#include "whittle/costs.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// What a SavedModel goes through before any transform of the recipe.
constexpr std::string_view kNormalize[] = {"bind_variables", "prune_unused", "inline_functions",
                                           "prune_unused", "freeze_variables", "prune_unused"};

// Passes that ask for no bytes and whose failure ends the run: no savepoint is made before them. The
// graph is at its largest when they run.
bool needs_savepoint(std::string_view pass) {
  return pass != "inline_functions" && pass != "prune_unused" && pass != "clean_attributes";
}

// Names of savings for passes that do not book their own.
std::string cause_of(std::string_view pass) {
  if (pass == "fold_constants") return "constants folded";
  if (pass == "fold_batch_norms" || pass == "fold_old_batch_norms") return "batch norms folded into weights";
  if (pass == "merge_duplicate_nodes") return "duplicate nodes and constants";
  if (pass == "prune_branches") return "branches that are never taken";
  return cat("transform ", pass);
}

std::set<std::string> functions_in_use(const MetaGraph& meta) {
  std::set<std::string> seen;
  if (meta.library.empty()) return seen;
  std::vector<std::string> pending;
  const auto collect = [&](const Graph& g) {
    for (NodeId id : g.ids()) {
      for (std::string& name : called_functions(meta, g.node(id))) pending.push_back(std::move(name));
    }
  };
  collect(meta.graph);
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    if (!seen.insert(name).second) continue;
    if (const Function* f = meta.library.find_decoded(name)) collect(f->body);
  }
  return seen;
}

template <class Visit>
void for_each_graph(const Model& model, Visit visit) {
  visit(model.meta.graph);
  for (const std::string& name : functions_in_use(model.meta)) {
    if (const Function* f = model.meta.library.find_decoded(name)) visit(f->body);
  }
}

}  // namespace

namespace {

// Bytes and nodes in one walk.
std::pair<uint64_t, uint64_t> count(const Model& model) {
  uint64_t bytes = 0, nodes = 0;
  for_each_graph(model, [&](const Graph& g) {
    for (NodeId id : g.ids()) bytes += serialized_node_bytes(g, id);
    nodes += g.size();
  });
  return {bytes, nodes};
}

}  // namespace

uint64_t model_bytes(const Model& model) { return count(model).first; }

uint64_t model_nodes(const Model& model) { return count(model).second; }

Pipeline::Pipeline(Model model, const Recipe& recipe, PipelineOptions options)
    : model_(std::move(model)), explain_(std::move(options.explain)) {
  // The classic language on a bare GraphDef does what it names and nothing else.
  const bool as_named = model_.source == Model::Source::kGraphDef && recipe.preset.empty();
  if (!as_named) {
    for (std::string_view name : kNormalize) steps_.push_back({std::string(name), {}});
  }
  structural_ = steps_.size();
  for (const TransformSpec& spec : recipe.transforms) {
    if (options.stop_after && steps_.size() - structural_ >= *options.stop_after) break;
    steps_.push_back(spec);
    if (options.keep_devices && spec.name == "clean_attributes") steps_.back().args.push_back({"keep_devices", "true"});
  }
  if (!as_named && (recipe.preset.empty() || options.stop_after)) {
    // What transforms left without a user is dead weight in any container.
    steps_.push_back({"prune_unused", {}});
  }
}

double Pipeline::progress() const {
  return steps_.empty() ? 1.0 : static_cast<double>(next_) / static_cast<double>(steps_.size());
}

std::string_view Pipeline::current() const {
  return next_ < steps_.size() ? std::string_view(steps_[next_].name) : std::string_view("done");
}

Result<bool> Pipeline::step(Context& ctx, ScanStore& scans) {
  if (next_ >= steps_.size()) return false;
  WHITTLE_CHECK(ctx.check_cancelled());
  const TransformSpec& spec = steps_[next_];
  const PassInfo* info = find_pass(spec.name);
  if (info == nullptr) return internal_error(cat("transform ", spec.name, " is missing"));
  WHITTLE_ASSIGN(const bool ignore, ignores_errors(spec));

  // Savepoint: tensors are shared, so this copies names and edges only.
  std::optional<Model> before;
  if (needs_savepoint(spec.name) || ignore || !explain_.empty()) before = model_;
  PassRun run;
  run.name = spec.name;
  if (next_ == 0) counted_ = count(model_);
  const auto [bytes_before, nodes_before] = counted_;
  int64_t booked = 0;
  for (const Saving& s : model_.savings) booked -= s.bytes;

  Status status = run_pass(*info, spec, ctx, scans, run);
  if (!status.ok()) {
    const Code code = status.error().code;
    if (before) model_ = std::move(*before);
    else if (code == Code::kNeedBytes) return internal_error(cat("transform ", spec.name, " asks for bytes"));
    if (code == Code::kNeedBytes || code == Code::kCancelled || !ignore) {
      return code == Code::kNeedBytes ? status.take_error() : status.take_error().in(cat("transform ", spec.name));
    }
    run.rolled_back = true;
    run.why = status.error().to_string();
    ctx.warn(cat(spec.name, ": ignoring error ", run.why));
  }
  counted_ = count(model_);
  const int64_t freed = static_cast<int64_t>(bytes_before) - static_cast<int64_t>(counted_.first);
  const int64_t gone = static_cast<int64_t>(nodes_before) - static_cast<int64_t>(counted_.second);
  const bool may_grow = next_ < structural_ || info->scope == Scope::kModel;
  const bool named = spec.name.compare(0, 5, "fold_") == 0 || spec.name.compare(0, 6, "merge_") == 0;
  if (before && freed < 0 && (!may_grow || named)) {
    model_ = std::move(*before);
    counted_ = {bytes_before, nodes_before};
    run.rolled_back = true;
    run.why = cat("it made the model ", -freed, " bytes larger");
    ctx.warn(cat(spec.name, " is undone: ", run.why));
  } else {
    run.bytes_removed = freed;
    run.nodes_removed = gone;
    for (const Saving& s : model_.savings) booked += s.bytes;
    // Inlining the branch that is taken may grow a model: booked, but not undone.
    if ((named || spec.name == "prune_branches") && (freed - booked != 0 || gone != 0)) model_.book(cause_of(spec.name), freed - booked, gone);
  }
#ifndef NDEBUG
  WHITTLE_CHECK_IN(model_.meta.graph.check(), cat("transform ", spec.name));
#endif
  for (const std::string& name : run.rolled_back ? std::vector<std::string>() : explain_) {
    std::string what = describe_change(*before, model_, name);
    if (!what.empty()) explained_.push_back({name, spec.name, std::move(what)});
  }
  runs_.push_back(std::move(run));
  ++next_;
  return next_ < steps_.size();
}

Status Pipeline::run_pass(const PassInfo& info, const TransformSpec& spec, Context& ctx,
                          ScanStore& scans, PassRun& run) {
  std::vector<std::pair<std::string, std::string>> args;
  for (const auto& a : spec.args) {
    if (a.first != "ignore_errors") args.push_back(a);
  }
  WHITTLE_ASSIGN(const Options options, Options::make(info.name, info.options, args));
  PassContext pc{ctx, scans, options};
  const std::unique_ptr<Pass> pass = info.make();
  WHITTLE_CHECK(pass->begin(model_, pc));
  if (info.scope == Scope::kModel) {
    run.patches = 1;
    return pass->run(model_, pc);
  }
  // Node scope: until a whole round changes nothing. Every patch removes work, so rounds are few;
  // the bound only catches two rules that undo each other.
  constexpr int kMaxRounds = 100;
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    std::vector<std::string> graphs{""};
    for (const std::string& name : functions_in_use(model_.meta)) graphs.push_back(name);
    for (const std::string& name : graphs) {
      const Function* f = name.empty() ? nullptr : model_.meta.library.find_decoded(name);
      if (!name.empty() && f == nullptr) continue;
      WHITTLE_ASSIGN(const std::vector<NodeId> order, (f == nullptr ? model_.meta.graph : f->body).topological_order());
      for (NodeId id : order) {
        WHITTLE_CHECK(ctx.check_cancelled());
        const Function* now = name.empty() ? nullptr : model_.meta.library.find_decoded(name);
        const Graph& g = now == nullptr ? model_.meta.graph : now->body;
        if (!g.alive(id)) continue;
        if (!info.trigger_ops.empty() &&
            std::find(info.trigger_ops.begin(), info.trigger_ops.end(), g.node(id).op) == info.trigger_ops.end()) {
          continue;
        }
        WHITTLE_ASSIGN_IN(std::optional<Patch> patch, pass->visit(model_, g, GraphId{name}, id, pc),
                          cat("node ", printable(g.node(id).name)));
        if (!patch || patch->empty()) continue;
        WHITTLE_CHECK(patch->apply(model_));
        ++run.patches;
        changed = true;
      }
    }
    if (!changed) return {};
  }
  return internal_error("the transform does not come to an end");
}

}  // namespace whittle
