// model.h: one MetaGraph of a SavedModel (or a bare GraphDef), as transforms see it.
//
// No protobuf and no files here: readers fill it, writers read it. Weights are TensorRefs in
// attribute "value" of Const nodes once freeze_variables has run; before that, the main graph holds
// the variables as the file does, and `restore` says what each is restored from.
#ifndef WHITTLE_MODEL_H_
#define WHITTLE_MODEL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "whittle/graph.h"
#include "whittle/op_registry.h"

namespace whittle {

// One argument or return of a function.
struct FunctionArg {
  std::string name;
  DType dtype = DType::kInvalid;  // kResource for handles
  AttrMap attrs;                  // arg_attr of the FunctionDef
};

struct Function {
  std::string name;
  Graph body;                        // _Arg and _Retval nodes, see graph.h
  std::vector<FunctionArg> args;     // by _Arg index
  std::vector<FunctionArg> rets;     // by _Retval index
  // control_output name -> body node
  std::vector<std::pair<std::string, NodeId>> control_rets;
  AttrMap attrs;                     // FunctionDef.attr
  bool is_stateful = false;
  uint64_t serialized_bytes = 0;     // in the file it came from; 0 when made by us
};

// A function of the library whose body is decoded when something asks for it: thousands of
// training functions that no signature reaches are never looked at.
class FunctionSource {
 public:
  virtual ~FunctionSource() = default;
  virtual Result<Function> decode(const std::string& name) const = 0;
  // Nodes of the body, without decoding it.
  virtual uint64_t node_count(const std::string& name) const { (void)name; return 0; }
};

class Library {
 public:
  bool has(std::string_view name) const;
  // The decoded function, decoding it on first use. not_found when there is none;
  // unsupported or corrupt when it cannot be decoded.
  Result<const Function*> get(const std::string& name);
  Result<Function*> get_mutable(const std::string& name);
  const Function* find_decoded(std::string_view name) const;
  void add(Function f);
  void erase(const std::string& name);
  std::string unique_name(std::string_view base) const;
  std::vector<std::string> names() const;  // sorted
  uint64_t serialized_bytes(std::string_view name) const;
  uint64_t node_count(const std::string& name) const;

  void set_source(std::shared_ptr<const FunctionSource> source,
                  std::map<std::string, uint64_t, std::less<>> name_to_bytes);

 private:
  std::shared_ptr<const FunctionSource> source_;
  std::map<std::string, uint64_t, std::less<>> undecoded_;          // name -> serialized bytes
  std::map<std::string, std::shared_ptr<Function>, std::less<>> decoded_;  // copy-on-write
};

// TensorInfo of a signature. Exactly one of: tensors.size() == 1 (plain name); sparse (values,
// indices, dense_shape); composite (type_spec bytes and components).
struct TensorInfo {
  enum class Encoding : uint8_t { kName, kCooSparse, kComposite };
  Encoding encoding = Encoding::kName;
  std::vector<OutputId> tensors;         // of the main graph
  std::vector<TensorInfo> components;    // kComposite
  std::string type_spec;                 // kComposite: serialized TypeSpecProto
  DType dtype = DType::kInvalid;
  Shape shape = Shape::unknown();
  bool has_shape = false;
};

struct Signature {
  std::string key;
  std::map<std::string, TensorInfo> inputs;
  std::map<std::string, TensorInfo> outputs;
  std::string method_name;
  std::map<std::string, std::string> defaults;  // input key -> serialized TensorProto
};

struct Asset {
  OutputId tensor;       // fed by the loaders with the path of the file
  std::string filename;  // relative to assets/, checked to be safe
  FileId file{};         // in the source tree
};

// Where the value of a variable comes from when the model is loaded.
struct CheckpointSlice {
  std::string key;    // in the bundle
  std::string slice;  // "" or "<dims…> <slice>", as RestoreV2 takes it
};

// An entry of the TensorBundle, looked up by key (and slice). Implemented by format.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  // not_found when the key is absent. Strings are read at once (kNeedBytes), other tensors never.
  virtual Result<TensorRef> find(const CheckpointSlice& slice, Context& ctx) const = 0;
  virtual std::vector<std::string> keys() const = 0;
  virtual uint64_t entry_bytes(const std::string& key) const = 0;
};

// What the object graph says about restoring; objects are numbers.
struct ObjectPairs {
  // Function → the objects that follow its own arguments. The caller names the functions.
  std::map<std::string, std::vector<uint32_t>, std::less<>> captures;
  std::map<uint32_t, std::string> keys;  // object → checkpoint key of the variable's value
};

// The graph of Python objects that tf.saved_model.load restores through. Implemented by format.
class ObjectGraph {
 public:
  virtual ~ObjectGraph() = default;
  // Fills `pairs` from this graph and the one in the checkpoint (kCheckpointObjects). corrupt, limit.
  virtual Status pair(std::string_view checkpoint_graph, ObjectPairs* pairs) const = 0;
};
constexpr std::string_view kCheckpointObjects = "_CHECKPOINTABLE_OBJECT_GRAPH";

// A mutable table that the restore fills: LookupTableImportV2 of two restored tensors.
struct TableRestore {
  std::string table;             // variable_identity() of the handle
  CheckpointSlice keys, values;
};

struct SaverInfo {
  std::string filename_tensor;  // "save/Const:0"
  std::string save_tensor;
  std::string restore_op;       // "save/restore_all"
};

struct MetaInfo {
  std::vector<std::string> tags;
  std::string tensorflow_version, tensorflow_git_version, meta_graph_version;
  std::string any_info;         // serialized Any, kept
  bool stripped_default_attrs = false;
};

struct Versions {
  int32_t producer = 0, min_consumer = 0;
  std::vector<int32_t> bad_consumers;
};

// What the file held besides the graph; read for reports and lookups, written only as far as the
// chosen form allows.
struct Remainder {
  uint64_t object_graph_bytes = 0, saver_bytes = 0, debug_info_bytes = 0, op_list_bytes = 0;
  uint64_t metagraph_bytes = 0;
  bool has_object_graph = false;
  bool is_keras = false;                           // a Keras object graph was found
  std::vector<std::string> object_functions;       // endpoints that are no signature
  std::map<std::string, std::vector<std::string>> node_collections;  // name -> node names
  // VariableDef facts: variable node name -> initializer node name (from the collections)
  std::map<std::string, std::string> variable_initializers;
};

// Bytes and nodes that went, named for people: "Adam slots", "training functions".
struct Saving {
  std::string cause;
  int64_t bytes = 0;
  int64_t nodes = 0;
};

// What became of one weight, for the report.
struct WeightRecord {
  std::string name;              // of the Const before
  DType dtype = DType::kFloat;
  Shape shape;
  uint64_t bytes_before = 0, bytes_after = 0;
  std::string scheme;            // "int8", "half", "quantize_weights", "round_weights", "splat", "none"
  std::string reason;            // why it is "none"; else ""
  std::vector<std::string> nodes;  // Const nodes that hold its codes, to pair with encode results
  // Known already where the codes were chosen while planning: sums of squares, largest error.
  bool measured = false;
  double signal = 0, noise = 0, max_error = 0;
};

struct MetaGraph {
  MetaInfo info;
  Versions versions;
  Graph graph;
  Library library;
  std::shared_ptr<const OpRegistry> registry;   // builtin + stripped_op_list
  std::vector<Signature> signatures;            // sorted by key, without __saved_model_init_op
  std::vector<Asset> assets;
  std::optional<SaverInfo> saver;
  std::shared_ptr<const Checkpoint> checkpoint; // null when there is no variables folder
  std::shared_ptr<const ObjectGraph> objects;   // null when there is none
  // Found by bind_variables, by variable_identity().
  std::map<std::string, CheckpointSlice> restores;
  std::vector<TableRestore> table_restores;
  std::vector<std::string> used_keys;           // checkpoint entries that became weights
  // Run in this order after the restore; empty when there is none. Before freezing: the model's
  // init op (formats.md §4.4). Afterwards: everything that must run at load.
  std::vector<NodeId> init;
  Remainder remainder;
};

struct Model {
  enum class Source : uint8_t { kSavedModel, kGraphDef };
  Source source = Source::kSavedModel;
  MetaGraph meta;
  std::vector<Saving> savings;       // booked by passes, in order
  std::vector<WeightRecord> weights; // filled by the weight passes

  void book(std::string cause, int64_t bytes, int64_t nodes);  // adds to an equal cause
};

// Main-graph nodes that must stay: fed or fetched by a signature, assets, init.
std::vector<NodeId> roots_of(const MetaGraph& meta);
// Visits every OutputId that signatures and assets hold, for rewiring.
void for_each_endpoint(MetaGraph& meta, const std::function<void(OutputId&)>& visit);

// What makes two handle nodes the same variable or table: container and shared_name, or the node's
// name for reference variables and where shared_name is empty.
std::string variable_identity(const Node& node);

// Dtype of a value from the registry and attributes; kInvalid when unknown.
DType value_dtype(const MetaGraph& meta, const Graph& g, OutputId value);
// Number of outputs; -1 for an opaque op.
int output_count(const MetaGraph& meta, const Node& node);
// Stateful by registry; an opaque op or a call of an unknown function is stateful. Calls, If,
// While and Case count as stateful when their functions hold a stateful node (cached by name).
bool is_stateful(MetaGraph& meta, const Node& node);
// Names of functions in func attributes (nested ones too) and, when the op itself is one, the op.
std::vector<std::string> called_functions(const MetaGraph& meta, const Node& node);

}  // namespace whittle

#endif  // WHITTLE_MODEL_H_
