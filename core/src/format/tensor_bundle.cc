#include "whittle/tensor_bundle.h"

#include <algorithm>

#include "bundle_box.h"
#include "bundle_proto.h"
#include "bundle_strings.h"
#include "ordered_code.h"
#include "slice_spec.h"
#include "sstable.h"
#include "whittle/crc32c.h"
#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle {
namespace {

using format::Box;

// Shard counts for which a checkpoint of version 1 is looked for, to say what it is.
constexpr int kVersionOneShards = 64;

std::string padded(int64_t n) {
  std::string digits = cat(n);
  return digits.size() < 5 ? std::string(5 - digits.size(), '0') + digits : digits;
}

std::string shard_path(std::string_view prefix, int32_t shard, int32_t count) {
  return cat(prefix, ".data-", padded(shard), "-of-", padded(count));
}

// Row `index` of the slices of a partitioned entry as a box of its shape.
Result<Box> box_of(const BundleEntry& entry, size_t index) {
  const size_t rank = entry.shape.dims.size();
  Box box;
  for (size_t d = 0; d < rank; ++d) {
    const SliceExtent& e = entry.slices[index * rank + d];
    const int64_t dim = entry.shape.dims[d];
    const int64_t extent = e.length == -1 ? dim : e.length;
    if (extent < 0 || e.start < 0 || extent > dim || e.start > dim - extent) {
      return corrupt(cat("a slice ", e.start, ",", e.length, " of a dimension of ", dim));
    }
    box.start.push_back(e.start);
    box.extent.push_back(extent);
  }
  return box;
}

bool overlap(const Box& a, const Box& b) {
  for (size_t d = 0; d < a.start.size(); ++d) {
    if (a.start[d] >= b.start[d] + b.extent[d] || b.start[d] >= a.start[d] + a.extent[d]) return false;
  }
  return true;
}

bool is_empty(const Box& box) {
  return std::find(box.extent.begin(), box.extent.end(), 0) != box.extent.end();
}

}  // namespace

class BundleOpener {
 public:
  BundleOpener(std::string_view prefix, const FileLookup& files, Context& ctx)
      : files_(files), ctx_(ctx), room_(ctx.memory_budget()) {
    bundle_.prefix_ = std::string(prefix);
  }

  Result<std::shared_ptr<const TensorBundle>> run() {
    const std::string path = bundle_.prefix_ + ".index";
    const std::optional<FileId> index = files_(path);
    if (!index) return no_index(path);
    bool has_header = false;
    WHITTLE_CHECK(format::read_table(*index, [&](const format::TableEntry& e) -> Status {
      Status status = has_header ? add_entry(e) : read_header(e);
      has_header = true;
      if (status.ok()) return status;
      return status.take_error().in(format::place_in(*index, e.where, ctx_));
    }, ctx_));
    if (!has_header) return corrupt("the table has no header").in(printable(path));
    return std::shared_ptr<const TensorBundle>(new TensorBundle(std::move(bundle_)));
  }

 private:
  Error no_index(const std::string& path) const {
    bool version_one = files_(bundle_.prefix_).has_value();
    for (int n = 1; n <= kVersionOneShards && !version_one; ++n) {
      version_one = files_(cat(bundle_.prefix_, "-00000-of-", padded(n))).has_value();
    }
    if (!version_one) return not_found(cat(printable(path), " is missing"));
    return unsupported("a checkpoint of version 1; load it in TensorFlow and save it again with "
                       "Saver(write_version=SaverDef.V2)")
        .in(printable(bundle_.prefix_));
  }

  Status read_header(const format::TableEntry& e) {
    if (!e.key.empty()) return corrupt("the table does not start with its header");
    WHITTLE_ASSIGN(const format::BundleHeader header, format::parse_bundle_header(e.value));
    bundle_.shard_count_ = header.shard_count;
    bundle_.big_endian_ = header.big_endian;
    return {};
  }

  Status add_entry(const format::TableEntry& e) {
    if (e.key.size() > room_) return over_limit("the index does not fit the memory budget");
    room_ -= e.key.size();
    BundleEntry entry;
    WHITTLE_CHECK(format::parse_bundle_entry(e.value, &entry, &room_));
    entry.key = std::string(e.key);
    entry.where = e.where;
    const bool in_range = entry.shard >= 0 && entry.shard < bundle_.shard_count_;
    if (in_range && bundle_.shards_.count(entry.shard) == 0) {
      const std::optional<FileId> file =
          files_(shard_path(bundle_.prefix_, entry.shard, bundle_.shard_count_));
      if (file) bundle_.shards_[entry.shard] = *file;
    }
    bundle_.entries_.push_back(std::move(entry));
    return {};
  }

  const FileLookup& files_;
  Context& ctx_;
  uint64_t room_;
  TensorBundle bundle_;
};

Result<std::shared_ptr<const TensorBundle>> open_tensor_bundle(std::string_view prefix,
                                                               const FileLookup& files,
                                                               Context& ctx) {
  return BundleOpener(prefix, files, ctx).run();
}

const BundleEntry* TensorBundle::entry(std::string_view key) const {
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), key,
      [](const BundleEntry& e, std::string_view k) { return std::string_view(e.key) < k; });
  return at != entries_.end() && at->key == key ? &*at : nullptr;
}

std::vector<std::string> TensorBundle::keys() const {
  std::vector<std::string> out;
  for (const BundleEntry& e : entries_) {
    if (!e.is_piece()) out.push_back(e.key);
  }
  return out;
}

uint64_t TensorBundle::entry_bytes(const std::string& key) const {
  const BundleEntry* e = entry(key);
  if (e == nullptr) return 0;
  if (e->partitioned()) {
    Result<uint64_t> bytes = byte_size(e->dtype, e->shape);
    return bytes.ok() ? *bytes : 0;
  }
  return e->size > 0 ? static_cast<uint64_t>(e->size) : 0;
}

Error TensorBundle::at(const BundleEntry& entry, Error error) const {
  return std::move(error).in(cat(printable(prefix_), ".index at byte ", entry.where));
}

Result<FileRange> TensorBundle::bytes_of(const BundleEntry& entry, Context& ctx) const {
  if (entry.shard < 0 || entry.shard >= shard_count_) {
    return at(entry, corrupt(cat("shard ", entry.shard, " of ", shard_count_)));
  }
  const auto shard = shards_.find(entry.shard);
  if (shard == shards_.end()) {
    return not_found(cat(printable(shard_path(prefix_, entry.shard, shard_count_)), " is missing"));
  }
  if (entry.offset < 0 || entry.size < 0) {
    return at(entry, corrupt(cat("a tensor of ", entry.size, " bytes at byte ", entry.offset)));
  }
  const FileRange range{shard->second, static_cast<uint64_t>(entry.offset),
                        static_cast<uint64_t>(entry.size)};
  const uint64_t file_size = ctx.bytes()->file_size(range.file);
  if (range.length > file_size || range.offset > file_size - range.length) {
    return at(entry, corrupt(cat("a tensor of ", entry.size, " bytes at byte ", entry.offset,
                                 " ends after ", printable(ctx.bytes()->file_name(range.file)), " (",
                                 file_size, " bytes)")));
  }
  return range;
}

Result<TensorRef> TensorBundle::find_strings(const BundleEntry& entry, Context& ctx) const {
  if (entry.partitioned()) return at(entry, unsupported("a partitioned tensor of strings"));
  WHITTLE_ASSIGN(const uint64_t count, entry.shape.elements());
  if (count == 0) return TensorRef::owned(Tensor(entry.shape, {}));
  WHITTLE_ASSIGN(const FileRange range, bytes_of(entry, ctx));
  if (count > range.length) {
    return at(entry, corrupt(cat(count, " strings in ", range.length, " bytes")));
  }
  const uint64_t room = ctx.memory_budget();
  if (range.length > room || count > (room - range.length) / sizeof(std::string)) {
    return at(entry, over_limit(cat("a string tensor ", entry.shape.to_string(), " of ",
                                    human_bytes(range.length), " is above the memory budget of ",
                                    human_bytes(room))));
  }
  WHITTLE_ASSIGN(const std::span<const uint8_t> bytes, ctx.bytes()->fetch(range));
  WHITTLE_ASSIGN_IN(std::vector<std::string> strings,
                    format::parse_strings(bytes, count, crc32c_unmask(entry.masked_crc32c), big_endian_),
                    format::place_in(range.file, range.offset, ctx));
  return TensorRef::owned(Tensor(entry.shape, std::move(strings)));
}

Result<TensorRef> TensorBundle::find_box(const BundleEntry& entry, const std::vector<int64_t>& start,
                                         const std::vector<int64_t>& extent, Context& ctx) const {
  const Box wanted{start, extent};
  std::vector<format::StoredPiece> pieces;
  // The tensor itself, or one of its slices: an entry whose bytes are the box.
  const auto add = [&](const BundleEntry& e, Box box) -> Status {
    WHITTLE_ASSIGN(const FileRange range, bytes_of(e, ctx));
    const Shape shape(box.extent);
    Result<uint64_t> bytes = byte_size(entry.dtype, shape);
    if (!bytes.ok()) return at(e, bytes.take_error());
    if (e.dtype != entry.dtype || e.shape != shape || range.length != *bytes) {
      return at(e, corrupt(cat(e.size, " bytes for ", dtype_name(e.dtype), e.shape.to_string(),
                               ", expected ", *bytes, " for ", dtype_name(entry.dtype),
                               shape.to_string())));
    }
    pieces.push_back({std::move(box), range, crc32c_unmask(e.masked_crc32c)});
    return {};
  };
  if (!entry.partitioned()) {
    WHITTLE_CHECK(add(entry, Box{std::vector<int64_t>(start.size(), 0), entry.shape.dims}));
  }
  if (entry.slice_count > kMaxPieces) {
    return at(entry, unsupported(cat("a tensor in ", entry.slice_count, " slices")));
  }
  const size_t rank = entry.shape.dims.size();
  for (size_t i = 0; i < entry.slice_count; ++i) {
    Result<Box> box = box_of(entry, i);
    if (!box.ok()) return at(entry, box.take_error());
    if (is_empty(*box) || !overlap(*box, wanted)) continue;
    const std::span<const SliceExtent> row(entry.slices.data() + i * rank, rank);
    const BundleEntry* piece = this->entry(format::piece_key(entry.key, row));
    if (piece == nullptr) return at(entry, corrupt(cat("slice ", i, " of the tensor is missing")));
    if (piece->partitioned()) return at(*piece, corrupt("a slice that is partitioned itself"));
    WHITTLE_CHECK(add(*piece, std::move(box).value()));
  }
  Result<TensorRef> ref = format::assemble_box(entry.dtype, wanted, std::move(pieces), big_endian_);
  if (!ref.ok()) return at(entry, ref.take_error());
  return ref;
}

Result<TensorRef> TensorBundle::find_entry(const BundleEntry& entry, const std::string& slice,
                                           Context& ctx) const {
  Result<uint64_t> bytes = byte_size(entry.dtype, entry.shape);
  if (!bytes.ok()) return at(entry, bytes.take_error());
  if (entry.dtype != DType::kString && byte_width(entry.dtype) == 0) {
    return at(entry, unsupported(cat("a stored tensor of ", dtype_name(entry.dtype))));
  }
  Box box{std::vector<int64_t>(entry.shape.dims.size(), 0), entry.shape.dims};
  if (!slice.empty()) {
    WHITTLE_ASSIGN(const format::SliceSpec spec, format::parse_slice_spec(slice));
    if (spec.whole != entry.shape) {
      return at(entry, corrupt(cat("the slice '", printable(slice), "' is none of the stored ",
                                   entry.shape.to_string())));
    }
    for (size_t d = 0; d < spec.extents.size(); ++d) {
      if (spec.extents[d].length < 0) continue;
      box.start[d] = spec.extents[d].start;
      box.extent[d] = spec.extents[d].length;
    }
  }
  if (entry.dtype != DType::kString) return find_box(entry, box.start, box.extent, ctx);
  WHITTLE_ASSIGN(TensorRef ref, find_strings(entry, ctx));
  for (size_t d = 0; d < box.start.size(); ++d) {
    WHITTLE_ASSIGN(ref, slice_axis(ref, static_cast<int>(d), box.start[d], box.extent[d]));
  }
  return ref;
}

Result<TensorRef> TensorBundle::find(const CheckpointSlice& slice, Context& ctx) const {
  if (ctx.bytes() == nullptr) return internal_error("there are no files to read a checkpoint from");
  const BundleEntry* e = entry(slice.key);
  if (e == nullptr || e->is_piece()) {
    return not_found(cat("no tensor '", printable(slice.key), "' in the checkpoint"))
        .in(cat(printable(prefix_), ".index"));
  }
  WHITTLE_ASSIGN_IN(TensorRef ref, find_entry(*e, slice.slice, ctx),
                    cat("tensor ", printable(slice.key)));
  return ref;
}

}  // namespace whittle
