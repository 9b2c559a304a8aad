// saved_model.h: SavedModel folders and bare GraphDefs: what is it, reading, planning the output.
//
//   files ── detect_input ──▶ which file, which form
//   files ── ModelReader ───▶ Model        saved_model.pb is indexed, large constants stay in it
//   Model ── plan_saved_model, plan_graph_def ──▶ PlannedFile   literal bytes, tensors, copies
//
// Reading   saved_model.pb is walked once, in windows of at most 1 MB. Everything small goes into a
//           skeleton; a tensor_content of 16 KiB or more becomes a TensorRef of kind kFile.
//           Functions are decoded when Library::get asks for them. The checkpoint is not read here
//           (tensor_bundle.h); MetaGraph::checkpoint stays null.
// Restart   kNeedBytes: provide the bytes and call again with the same object. Windows before the
//           ones asked for are never read again, so the cache may be emptied between calls.
// Errors    kCorrupt, naming the node, function or byte; kUnsupported for other formats (what it is
//           and what to do) and for function bodies that nobody can resolve; kNotFound for tags and
//           signatures, listing those that exist; kInvalidArgument where the request must say more.
// Memory    the skeleton (limit 256 MB) and the Model; never a large constant.
#ifndef WHITTLE_SAVED_MODEL_H_
#define WHITTLE_SAVED_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "whittle/byte_cache.h"
#include "whittle/context.h"
#include "whittle/model.h"
#include "whittle/result.h"
#include "whittle/tensor_ref.h"

namespace whittle {

// --- what is it -------------------------------------------------------------------------------

enum class InputForm : uint8_t { kSavedModel, kSavedModelText, kGraphDef, kGraphDefText };

struct DetectedInput {
  InputForm form = InputForm::kSavedModel;
  FileId file{};     // saved_model.pb, saved_model.pbtxt, or the graph
  std::string root;  // what stands before "saved_model.pb": "" or "export/1/"
};

// A FileId is the index into `files`. A SavedModel folder, the parent of one, or one graph file.
// Several versions (1/, 2/) are invalid_argument: the caller must name one of them.
Result<DetectedInput> detect_input(const std::vector<FileEntry>& files, Context& ctx);

// The file at `path` below the root of the input; nullopt when there is none.
std::optional<FileId> find_file(const std::vector<FileEntry>& files, const std::string& root,
                                std::string_view path);

// --- reading ----------------------------------------------------------------------------------

struct ReadOptions {
  // Compared as a set. Absent: {serve}, or the only MetaGraph whatever its tags.
  std::optional<std::vector<std::string>> tags;
  // Keep only these signatures; empty keeps all.
  std::vector<std::string> signatures;
  // "node" or "node:1". When outputs are named, one signature "serving_default" made of them takes
  // the place of the model's own; inputs default to the placeholders that the outputs need, those
  // with a default not among them.
  std::vector<std::string> inputs, outputs;
  // Without one, reading ends with invalid_argument and the candidates; inspecting needs none.
  bool need_signature = true;
};

class ModelReader {
 public:
  ModelReader(std::vector<FileEntry> files, ReadOptions options);
  ~ModelReader();
  ModelReader(ModelReader&&) noexcept;

  // kNeedBytes until everything is there. The model is handed out once.
  Result<Model> read(Context& ctx);

  // After read() got past the first bytes.
  const DetectedInput& detected() const;
  // Tag sets of all MetaGraphs in the file, and the keys of all signatures of the chosen one.
  const std::vector<std::vector<std::string>>& tag_sets() const;
  const std::vector<std::string>& signature_keys() const;
  double progress() const;  // 0..1

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A serialized TensorProto whose values are all in it. kCorrupt; kUnsupported for resources and variants.
Result<TensorRef> decode_tensor_proto(std::string_view bytes);

// --- writing ----------------------------------------------------------------------------------

struct PlannedSegment {
  enum class Kind : uint8_t { kLiteral, kTensor, kCopy };
  Kind kind = Kind::kLiteral;
  uint64_t size = 0;     // exact
  std::string literal;   // kLiteral
  TensorRef tensor;      // kTensor: its row-major bytes, steps applied
  std::string name;      // kTensor: of the node, for messages
  FileRange copy;        // kCopy: bytes of the input
};

struct PlannedFile {
  std::string path;  // relative, '/' separators
  uint64_t size = 0;
  std::vector<PlannedSegment> segments;
};

struct WriteOptions {
  // The bytes of a tensor below 16 KiB, steps applied (quant.h's load, bound to a Context).
  // Without it such tensors become segments, and constants in them are not compressed.
  // kNeedBytes passes through: call the planner again.
  std::function<Result<Tensor>(const TensorRef&)> load_small;
  // Notes a small tensor that will be loaded, so that all can be read in one round. May be empty.
  std::function<void(const TensorRef&)> want_small;
};

// A frozen SavedModel (formats.md §4.6): assets first, saved_model.pb last. No variables folder, no
// saver, no object graph; every signature; one saved_model_main_op that runs MetaGraph::init.
// `files` and `root` are those of the input, for assets/ and assets.extra/.
// kLimit above 1.9 GB. The same Model gives the same bytes, and so does reading the result and
// planning it again.
Result<std::vector<PlannedFile>> plan_saved_model(const Model& model,
                                                  const std::vector<FileEntry>& files,
                                                  const std::string& root,
                                                  const WriteOptions& options, Context& ctx);

// The graph and the functions it reaches. Signatures, assets and the init op have no place in it;
// what is lost is warned of.
Result<PlannedFile> plan_graph_def(const Model& model, const std::string& path,
                                   const WriteOptions& options, Context& ctx);

}  // namespace whittle

#endif  // WHITTLE_SAVED_MODEL_H_
