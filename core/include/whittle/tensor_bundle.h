// tensor_bundle.h: the variables/ folder of a SavedModel (a checkpoint, version 2), read lazily.
//
//   variables.index                 sorted table: key -> dtype, shape, shard, offset, size, crc32c
//   variables.data-00000-of-0000N   values, row-major, in the byte order that the header states
//
// Values       find() gives a TensorRef of file pieces; no value is read, but strings, which are
//              owned and therefore read (and verified) at once.
// Partitioned  tensors are stitched as pieces; overlaps and gaps are refused. Slices as RestoreV2
//              writes them ("200 64 0,100:-") give the box, whatever pieces it lies in.
// Checksums    that of the entry, or of consecutive whole entries combined. A box out of the middle
//              has none of its own; it carries those of its entries as TensorRef::checks().
// Laziness     the table, the header and the form of every entry are checked when it is opened; an
//              entry's dtype, shape, size and place when it is found: a broken entry that the graph
//              does not use does no harm, as in TensorFlow.
// Errors       kCorrupt names file and byte: "…, in variables/variables.index at byte 4711".
//              kNotFound: no such key, no such shard file. kUnsupported: checkpoints of version 1,
//              variants, tensors in more than 65,536 pieces. kLimit: an index or a string tensor
//              above Context::memory_budget().
// Memory       the parsed index only. Threads: const methods may run together.
// Source       tensorflow/core/util/tensor_bundle, bundle version 1.
#ifndef WHITTLE_TENSOR_BUNDLE_H_
#define WHITTLE_TENSOR_BUNDLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/model.h"

namespace whittle {

// A file of the model by its path, as FileEntry::path has it.
using FileLookup = std::function<std::optional<FileId>(std::string_view path)>;

// One axis of a slice; length -1 is the whole axis.
struct SliceExtent {
  int64_t start = 0;
  int64_t length = -1;
};

// As the file states it, not yet validated.
struct BundleEntry {
  std::string key;
  DType dtype = DType::kInvalid;
  Shape shape;
  int32_t shard = 0;
  int64_t offset = 0;
  int64_t size = 0;
  uint32_t masked_crc32c = 0;
  std::vector<SliceExtent> slices;  // of a partitioned tensor: slice_count * rank extents
  size_t slice_count = 0;
  uint64_t where = 0;               // byte of the index that an error names

  bool partitioned() const { return slice_count > 0; }
  // One slice of a partitioned tensor, under an encoded name; not a tensor that anybody asks for.
  bool is_piece() const { return !key.empty() && key[0] == '\0'; }
};

class TensorBundle final : public Checkpoint {
 public:
  Result<TensorRef> find(const CheckpointSlice& slice, Context& ctx) const override;
  std::vector<std::string> keys() const override;  // sorted; without pieces
  // Bytes of the tensor in its data files; 0 for an absent key. Stated, not validated.
  uint64_t entry_bytes(const std::string& key) const override;

  // Every entry, pieces too, sorted by key.
  std::span<const BundleEntry> entries() const { return entries_; }
  const BundleEntry* entry(std::string_view key) const;  // nullptr when absent
  int32_t shard_count() const { return shard_count_; }
  bool big_endian() const { return big_endian_; }

 private:
  friend class BundleOpener;
  TensorBundle() = default;
  Result<FileRange> bytes_of(const BundleEntry& entry, Context& ctx) const;
  Result<TensorRef> find_entry(const BundleEntry& entry, const std::string& slice,
                               Context& ctx) const;
  Result<TensorRef> find_strings(const BundleEntry& entry, Context& ctx) const;
  Result<TensorRef> find_box(const BundleEntry& entry, const std::vector<int64_t>& start,
                             const std::vector<int64_t>& extent, Context& ctx) const;
  Error at(const BundleEntry& entry, Error error) const;

  std::string prefix_;
  std::vector<BundleEntry> entries_;
  std::map<int32_t, FileId> shards_;  // those that entries name and that exist
  int32_t shard_count_ = 0;
  bool big_endian_ = false;
};

// Opens `prefix`.index ("variables/variables" below the root of a SavedModel). kNotFound when there
// is none. The index is asked for as one range when it has at most 64 MB; call again on kNeedBytes.
Result<std::shared_ptr<const TensorBundle>> open_tensor_bundle(std::string_view prefix,
                                                               const FileLookup& files,
                                                               Context& ctx);

}  // namespace whittle

#endif  // WHITTLE_TENSOR_BUNDLE_H_
