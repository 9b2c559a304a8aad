// meta_reader.h: a MetaGraphDef around its graph: signatures, assets, init op, saver, collections,
// and facts about the object graph.
//
// Names   every tensor name must lead to a node of the graph and, where the registry knows the op,
//         to one of its outputs; corrupt otherwise, naming the signature and key.
// Init    formats.md §4.4: signature __saved_model_init_op, then the collections
//         saved_model_main_op, legacy_init_op; and as tf.saved_model.load does, table_initializer
//         when there is none of these.
// Assets  asset_file_def, else the collection saved_model_assets. A file name that could leave the
//         assets folder is corrupt; one without its file is not_found.
#ifndef WHITTLE_FORMAT_META_READER_H_
#define WHITTLE_FORMAT_META_READER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "function_reader.h"
#include "saved_model.pb.h"
#include "skeleton.h"
#include "whittle/byte_cache.h"
#include "whittle/model.h"

namespace whittle::format {

// The fields of a MetaGraphDef, as views into the skeleton.
struct MetaViews {
  std::vector<std::string_view> graph_defs;  // merged, as protobuf would
  std::string_view meta_info, saver, object_graph;
  bool has_saver = false, has_object_graph = false;
  std::vector<std::string_view> collections, signatures, assets;
};
Result<MetaViews> split_meta_graph(std::string_view meta_graph);

// The main graph, versions, functions and op registry. `op_list` may be empty.
Status read_graph(const std::vector<std::string_view>& graph_defs, std::string_view op_list,
                  std::shared_ptr<const Source> source, MetaGraph* meta, Context& ctx);

// Needs the graph.
Status read_meta_info(std::string_view bytes, MetaGraph* meta, std::string* op_list);
Status read_signatures(const MetaViews& views, MetaGraph* meta, Context& ctx);
Status read_collections(const MetaViews& views, const std::vector<FileEntry>& files,
                        const std::string& root, MetaGraph* meta);
// Endpoints (functions that hang on the root object) and Remainder::is_keras; and the graph itself as
// MetaGraph::objects, read when something asks for it. `bytes` is a view into source->bytes.
Status read_object_graph(std::string_view bytes, std::shared_ptr<const Source> source, MetaGraph* meta);

// "node:1" → a value of the graph; without a port, port 0. Used for signatures and for --inputs.
Result<OutputId> find_tensor(const MetaGraph& meta, std::string_view name);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_META_READER_H_
