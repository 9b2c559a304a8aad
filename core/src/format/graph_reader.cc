// The parts of a MetaGraphDef that make up its graph.
#include "meta_reader.h"
#include "node_reader.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

// SavedModel text fields end in reports and on terminals.
Status check_utf8(std::string_view text, std::string_view what) {
  if (is_valid_utf8(text)) return {};
  return corrupt(cat(what, " is not UTF-8"));
}

Status read_versions(std::string_view bytes, Versions* versions) {
  return for_each_field(bytes, [&](const WireField& field) -> Status {
    if (field.is(1, WireType::kVarint)) versions->producer = field.i32();
    if (field.is(2, WireType::kVarint)) versions->min_consumer = field.i32();
    if (field.is(3, WireType::kVarint)) versions->bad_consumers.push_back(field.i32());
    if (field.is(3, WireType::kBytes)) {
      std::span<const uint8_t> packed = field.bytes;
      uint64_t value = 0;
      for (size_t size; (size = decode_varint(packed, &value)) != 0;
           packed = packed.subspan(size)) {
        versions->bad_consumers.push_back(static_cast<int32_t>(value));
      }
      if (!packed.empty()) return corrupt("the versions of the graph are broken");
    }
    return {};
  });
}

}  // namespace

Result<MetaViews> split_meta_graph(std::string_view meta_graph) {
  MetaViews views;
  WHITTLE_CHECK(for_each_field(meta_graph, [&](const WireField& field) -> Status {
    if (field.type != WireType::kBytes) return {};
    switch (field.number) {
      case 1: views.meta_info = field.text(); break;
      case 2: views.graph_defs.push_back(field.text()); break;
      case 3:
        views.saver = field.text();
        views.has_saver = true;
        break;
      case 4: views.collections.push_back(field.text()); break;
      case 5: views.signatures.push_back(field.text()); break;
      case 6: views.assets.push_back(field.text()); break;
      case 7:
        views.object_graph = field.text();
        views.has_object_graph = true;
        break;
      default: break;
    }
    return {};
  }));
  return views;
}

Status read_graph(const std::vector<std::string_view>& graph_defs, std::string_view op_list,
                  std::shared_ptr<const Source> source, MetaGraph* meta, Context& ctx) {
  std::vector<std::string_view> nodes, libraries;
  Versions& versions = meta->versions;
  for (std::string_view graph_def : graph_defs) {
    WHITTLE_CHECK(for_each_field(graph_def, [&](const WireField& field) -> Status {
      if (field.is(1, WireType::kBytes)) nodes.push_back(field.text());
      if (field.is(2, WireType::kBytes)) libraries.push_back(field.text());
      if (field.is(3, WireType::kVarint)) versions.producer = field.i32();
      if (field.is(4, WireType::kBytes)) return read_versions(field.text(), &versions);
      return {};
    }));
  }
  auto registry = std::make_shared<OpRegistry>();
  WHITTLE_CHECK(read_op_list(op_list, source->values, registry.get()));
  WHITTLE_CHECK(read_library(libraries, source, registry, &meta->library, ctx));
  meta->registry = registry;
  WHITTLE_ASSIGN(meta->graph, read_nodes(nodes, source->values, ctx));
  return check_graph(meta->graph, *registry, ctx);
}

Status read_meta_info(std::string_view bytes, MetaGraph* meta, std::string_view* op_list) {
  MetaInfo& info = meta->info;
  WHITTLE_CHECK(for_each_field(bytes, [&](const WireField& field) -> Status {
    const std::string text(field.number == 2 ? std::string_view() : field.text());
    switch (field.number) {
      case 1: info.meta_graph_version = text; break;
      case 2: *op_list = field.text(); break;
      case 3: info.any_info = text; break;
      case 4: info.tags.push_back(text); break;
      case 5: info.tensorflow_version = text; break;
      case 6: info.tensorflow_git_version = text; break;
      case 7: info.stripped_default_attrs = field.flag(); break;
      default: break;
    }
    return {};
  }));
  for (const std::string& tag : info.tags) WHITTLE_CHECK(check_utf8(tag, "a tag"));
  WHITTLE_CHECK(check_utf8(info.tensorflow_version, "tensorflow_version"));
  WHITTLE_CHECK(check_utf8(info.tensorflow_git_version, "tensorflow_git_version"));
  WHITTLE_CHECK(check_utf8(info.meta_graph_version, "meta_graph_version"));
  meta->remainder.op_list_bytes = op_list->size();
  return {};
}

Result<OutputId> find_tensor(const MetaGraph& meta, std::string_view name) {
  std::string_view node_name;
  int32_t slot = -1;
  if (!split_tensor_name(name, &node_name, &slot))
    return corrupt(cat("\"", printable(name), "\" names no tensor"));
  const NodeId id = meta.graph.find(node_name);
  if (id == kNoNode) return corrupt(cat("node ", printable(node_name), " does not exist"));
  if (slot == -1) slot = 0;
  const int outputs = output_count(meta, meta.graph.node(id));
  if (outputs >= 0 && slot >= outputs) {
    return corrupt(cat("node ", printable(node_name), " (", printable(meta.graph.node(id).op),
                       ") has no output ", slot));
  }
  return OutputId{id, slot};
}

}  // namespace whittle::format
