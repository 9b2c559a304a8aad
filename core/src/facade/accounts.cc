#include "accounts.h"

#include <algorithm>

#include "whittle/text.h"

namespace whittle {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

std::string checkpoint_cause(const std::string& key) {
  if (key == "_CHECKPOINTABLE_OBJECT_GRAPH") return "object graph";
  constexpr std::string_view kOptimizers[] = {"Adam", "Momentum", "RMSProp", "Adagrad", "Ftrl", "Adadelta", "Nadam", "SGD"};
  for (std::string_view optimizer : kOptimizers) {
    if (has(key, cat("/", optimizer)) || starts_with(key, optimizer)) return cat("optimizer slots (", optimizer, ")");
  }
  if (has(key, ".OPTIMIZER_SLOT") || starts_with(key, "optimizer/") || has(key, "/optimizer/") || has(key, "beta1_power") || has(key, "beta2_power")) {
    return "optimizer slots";
  }
  if (has(key, "ExponentialMovingAverage")) return "moving averages of training";
  return "variables that no signature reads";
}

void book_remainder(Model& model, const std::vector<FileEntry>& files, const std::string& root) {
  MetaGraph& meta = model.meta;
  const Remainder& r = meta.remainder;
  model.book("object graph", static_cast<int64_t>(r.object_graph_bytes), 0);
  model.book("debug info", static_cast<int64_t>(r.debug_info_bytes), 0);
  model.book("op list of the producer", static_cast<int64_t>(r.op_list_bytes), 0);
  if (meta.checkpoint != nullptr) {
    std::vector<std::string> used = meta.used_keys;
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    for (const std::string& key : meta.checkpoint->keys()) {
      if (std::binary_search(used.begin(), used.end(), key)) continue;
      model.book(checkpoint_cause(key), static_cast<int64_t>(meta.checkpoint->entry_bytes(key)), 0);
    }
  }
  if (model.source != Model::Source::kSavedModel) return;  // a graph is its only file
  for (const FileEntry& f : files) {
    if (!starts_with(f.path, root)) continue;
    const std::string_view path = std::string_view(f.path).substr(root.size());
    if (starts_with(path, "assets/") || starts_with(path, "assets.extra/") || path == "saved_model.pb" ||
        path == "saved_model.pbtxt" || starts_with(path, "variables/variables.data-")) {
      continue;
    }
    model.book(path == "variables/variables.index" ? "checkpoint index" : "files that loaders do not need",
               static_cast<int64_t>(f.size), 0);
  }
}

std::vector<Saving> settle(std::vector<Saving> savings, int64_t difference, int64_t nodes) {
  for (const Saving& s : savings) {
    difference -= s.bytes;
    nodes -= s.nodes;
  }
  if (difference != 0 || nodes != 0) savings.push_back({"names, framing and the rest", difference, nodes});
  std::stable_sort(savings.begin(), savings.end(), [](const Saving& a, const Saving& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.nodes > b.nodes;
  });
  return savings;
}

}  // namespace whittle
