// graph_writer.h: MetaGraph → GraphDef: the nodes in topological order, the functions they reach in
// the order of their names, versions.
//
// Left out  attributes at the op's default, `_class` entries of nodes that are gone, gradients.
// Init      MetaGraph::init becomes one node: itself when it is one NoOp, else a NoOp that waits for
//           all of them.
// Errors    corrupt when a function that is named somewhere does not exist: tf.saved_model.load
//           refuses such a model, even when nothing calls it.
#ifndef WHITTLE_FORMAT_GRAPH_WRITER_H_
#define WHITTLE_FORMAT_GRAPH_WRITER_H_

#include <set>
#include <string>

#include "encode.h"
#include "whittle/model.h"

namespace whittle::format {

class GraphWriter {
 public:
  GraphWriter(const MetaGraph& meta, const WriteOptions& options, Context& ctx)
      : meta_(meta), library_(meta.library), encoder_(options), ctx_(ctx) {}

  // With `with_init` false MetaGraph::init is left out.
  Result<Pieces> graph_def(bool with_init);

  // After graph_def: the init node's name, empty when there is none.
  const std::string& init_node() const { return init_node_; }
  // After graph_def: an OpList of the ops in use that only the model describes, or nothing.
  Result<std::string> op_list() const;

 private:
  Status collect_functions();
  void note_node(const Node& node);
  Status want_tensors();
  // The NodeDef fields; `inputs` are complete texts.
  Result<Pieces> node(const Graph& graph, NodeId id, const std::vector<std::string>& inputs,
                      const std::string& place);
  Result<Pieces> function(const Function& f);
  Result<std::string> body_input(const Function& f, OutputId value) const;
  Status body_nodes(const Function& f, Pieces* out);
  std::string function_signature(const Function& f) const;
  void name_args(const Function& f);

  const MetaGraph& meta_;
  Library library_;  // a copy, to decode on demand
  ValueEncoder encoder_;
  Context& ctx_;
  std::vector<const Function*> functions_;
  std::set<std::string> model_ops_;     // used, not built in, no function
  std::vector<std::string> arg_names_;  // of the function that is being written
  std::string init_node_;
};

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_GRAPH_WRITER_H_
