// skeleton.h: a SavedModel or GraphDef without its large constants, as protobuf bytes in memory.
//
//   file      … node { … attr { value { tensor { dtype shape tensor_content(64 MB) }}}}
//   skeleton  … node { … attr { value { tensor { dtype shape lazy_content(offset, length) }}}}
//
// The walk descends only into messages above 16 KiB on the way to a TensorProto; all else is copied
// as it is. Lengths of the messages it descends into are written as five-byte varints and patched
// when the message ends. Skipped, with their size noted: graph_def.debug_info, an object graph
// above kMaxObjectGraph, and in MetaGraphs that nobody wants everything after the tags.
//
// Restart  run() answers kNeedBytes; call it again on the same object. The walk never goes back.
// Errors   corrupt, at "byte N": lengths beyond their message, groups, varints above ten bytes.
//          limit: a skeleton above kMaxSkeleton.
// Memory   the skeleton; one window of at most 1 MB lies in the cache.
// Depth    at most ten frames, whatever the input.
#ifndef WHITTLE_FORMAT_SKELETON_H_
#define WHITTLE_FORMAT_SKELETON_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/context.h"
#include "whittle/result.h"

namespace whittle::format {

constexpr uint64_t kLargeContent = 16 << 10;  // from here on a tensor_content stays in the file
constexpr uint64_t kMaxSkeleton = uint64_t{256} << 20;
constexpr uint64_t kMaxObjectGraph = uint64_t{32} << 20;

// A tensor_content that stayed in the file.
struct LazyContent {
  uint64_t offset = 0, length = 0;
};

// Only contents that the walk itself met are accepted when a marker is read back, so a marker in
// hostile input cannot name other bytes.
class LazyContents {
 public:
  LazyContents() = default;
  explicit LazyContents(FileId file) : file_(file) {}
  void add(LazyContent content) { contents_.push_back(content); }  // ascending offsets
  bool has(LazyContent content) const;
  FileId file() const { return file_; }
  size_t size() const { return contents_.size(); }

 private:
  FileId file_{};
  std::vector<LazyContent> contents_;
};

// One MetaGraphDef of the skeleton.
struct MetaGraphPart {
  size_t offset = 0, length = 0;  // in the skeleton
  std::vector<std::string> tags;
  bool skipped = false;     // only tags and op list are there
  uint64_t file_bytes = 0;  // of the whole message in the file
  uint64_t object_graph_bytes = 0, saver_bytes = 0, debug_info_bytes = 0;
};

// Size in the file of a message that the walk descended into; by its offset in the skeleton.
struct OriginalSize {
  size_t offset = 0;
  uint64_t bytes = 0;
};

class Skeleton {
 public:
  enum class Root : uint8_t { kSavedModel, kGraphDef };
  // Whether the graph of the `index`-th MetaGraph is wanted; `tags` is null when they come later.
  using Wanted = std::function<bool(const std::vector<std::string>* tags, size_t index)>;

  // `lazy` false copies every content (for input that is in memory already).
  Skeleton(FileId file, Root root, Wanted wanted, bool lazy = true);

  Status run(ByteCache& bytes, Context& ctx);

  uint64_t position() const { return pos_; }
  bool done() const { return done_; }
  // After the walk:
  std::string take_bytes() { return std::move(out_); }
  const std::vector<MetaGraphPart>& meta_graphs() const { return metas_; }
  LazyContents take_contents() { return std::move(contents_); }
  // Of functions, ascending offsets.
  std::vector<OriginalSize> take_function_sizes() { return std::move(function_sizes_); }
  uint64_t debug_info_bytes() const { return debug_info_bytes_; }  // of a bare GraphDef

 private:
  enum class Kind : uint8_t {
    kSavedModel,
    kMetaGraph,
    kGraphDef,
    kLibrary,
    kFunction,
    kNode,
    kAttrEntry,
    kAttrValue,
    kList,
    kTensor,
  };
  struct Frame {
    Kind kind;
    uint64_t begin, end;  // content in the file
    size_t out_begin;     // content in the skeleton, after its five length bytes
  };
  struct Field {
    uint32_t number = 0;
    uint32_t wire_type = 0;
    uint64_t header = 0;  // bytes of tag and length, or of the whole scalar field
    uint64_t length = 0;  // kLen only
  };
  enum class Action : uint8_t { kCopy, kDescend, kSkip, kLazy };

  static bool child_kind(Kind parent, uint32_t field, Kind* child);
  Status step(ByteCache& bytes);
  Status window(ByteCache& bytes, uint64_t need);
  Result<Field> read_header();
  Action choose(const Field& field, Kind* child);
  Action choose_in_meta_graph(const Field& field, Kind* child);
  void enter(const Field& field, Kind child);
  void leave();
  Status copy(ByteCache& bytes);
  void skip(uint64_t length);
  void write_lazy(const Field& field);
  Error at(Error error) const;

  FileId file_;
  Root root_;
  Wanted wanted_;
  bool lazy_;
  bool started_ = false, done_ = false;
  uint64_t size_ = 0, pos_ = 0;
  uint64_t copy_left_ = 0;  // bytes of a field that is being copied
  uint64_t next_window_ = 64 << 10;
  std::span<const uint8_t> view_;  // bytes from view_at_ on; valid within one run()
  uint64_t view_at_ = 0;

  std::vector<Frame> frames_;
  std::string out_;
  LazyContents contents_;
  std::vector<MetaGraphPart> metas_;
  size_t meta_info_begin_ = 0;  // in out_, of the meta_info_def that is being copied; 0: none
  bool tags_known_ = false;
  std::vector<OriginalSize> function_sizes_;
  uint64_t debug_info_bytes_ = 0;
};

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_SKELETON_H_
