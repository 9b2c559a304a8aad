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
  pb::Versions versions;
  for (std::string_view graph_def : graph_defs) {
    WHITTLE_CHECK(for_each_field(graph_def, [&](const WireField& field) -> Status {
      if (field.is(1, WireType::kBytes)) nodes.push_back(field.text());
      if (field.is(2, WireType::kBytes)) libraries.push_back(field.text());
      if (field.is(3, WireType::kVarint) && !versions.has_producer())
        versions.set_producer(field.i32());
      if (field.is(4, WireType::kBytes)) {
        pb::Versions part;
        if (!parse(field.text(), &part)) return corrupt("the versions of the graph are broken");
        versions.MergeFrom(part);
      }
      return {};
    }));
  }
  meta->versions.producer = versions.producer();
  meta->versions.min_consumer = versions.min_consumer();
  meta->versions.bad_consumers.assign(versions.bad_consumers().begin(),
                                      versions.bad_consumers().end());

  auto registry = std::make_shared<OpRegistry>();
  WHITTLE_CHECK(read_op_list(op_list, source->values, registry.get()));
  WHITTLE_CHECK(read_library(libraries, source, registry, &meta->library, ctx));
  meta->registry = registry;
  WHITTLE_ASSIGN(meta->graph, read_nodes(nodes, source->values, ctx));
  return check_graph(meta->graph, *registry, ctx);
}

Status read_meta_info(std::string_view bytes, MetaGraph* meta, std::string* op_list) {
  pb::MetaInfo proto;
  if (!parse(bytes, &proto)) return corrupt("the meta_info_def is broken");
  MetaInfo& info = meta->info;
  for (const std::string& tag : proto.tags()) {
    WHITTLE_CHECK(check_utf8(tag, "a tag"));
    info.tags.push_back(tag);
  }
  info.tensorflow_version = proto.tensorflow_version();
  info.tensorflow_git_version = proto.tensorflow_git_version();
  info.meta_graph_version = proto.meta_graph_version();
  WHITTLE_CHECK(check_utf8(info.tensorflow_version, "tensorflow_version"));
  WHITTLE_CHECK(check_utf8(info.tensorflow_git_version, "tensorflow_git_version"));
  WHITTLE_CHECK(check_utf8(info.meta_graph_version, "meta_graph_version"));
  info.any_info = proto.any_info();
  info.stripped_default_attrs = proto.stripped_default_attrs();
  meta->remainder.op_list_bytes = proto.stripped_op_list().size();
  *op_list = std::move(*proto.mutable_stripped_op_list());
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
