#include "bundle_proto.h"

#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::format {
namespace {

// The bundle version this reader knows: tensorflow/core/util/tensor_bundle/tensor_bundle.h.
constexpr int32_t kVersion = 1;

// Calls visit(field) for every field of a message.
template <class Visit>
Status each_field(std::span<const uint8_t> message, const Visit& visit) {
  WireReader fields(message);
  WireField field;
  for (;;) {
    WHITTLE_ASSIGN(const bool more, fields.next(&field));
    if (!more) return {};
    WHITTLE_CHECK(visit(field));
  }
}

Status take(uint64_t bytes, uint64_t* room) {
  if (bytes > *room) return over_limit("the index of the checkpoint does not fit the memory budget");
  *room -= bytes;
  return {};
}

Status parse_shape(std::span<const uint8_t> message, Shape* shape) {
  return each_field(message, [&](const WireField& f) -> Status {
    if (f.is(3, WireType::kVarint)) shape->unknown_rank = f.flag();
    if (!f.is(2, WireType::kBytes)) return {};
    if (shape->dims.size() == static_cast<size_t>(kMaxRank)) {
      return corrupt(cat("a shape of more than ", kMaxRank, " dimensions"));
    }
    shape->dims.push_back(0);
    return each_field(f.bytes, [&](const WireField& dim) -> Status {
      if (dim.is(1, WireType::kVarint)) shape->dims.back() = dim.i64();
      return {};
    });
  });
}

// A TensorSliceProto: appends its extents.
Status parse_slice(std::span<const uint8_t> message, std::vector<SliceExtent>* extents, uint64_t* room) {
  return each_field(message, [&](const WireField& f) -> Status {
    if (!f.is(1, WireType::kBytes)) return {};
    // Doubled, for a vector that grows.
    WHITTLE_CHECK(take(2 * sizeof(SliceExtent), room));
    extents->emplace_back();
    return each_field(f.bytes, [&](const WireField& e) -> Status {
      if (e.is(1, WireType::kVarint)) extents->back().start = e.i64();
      if (e.is(2, WireType::kVarint)) extents->back().length = e.i64();
      return {};
    });
  });
}

}  // namespace

Result<BundleHeader> parse_bundle_header(std::span<const uint8_t> message) {
  BundleHeader header;
  uint64_t endianness = 0;
  bool version_one = false;
  int32_t producer = 0, min_consumer = 0;
  bool refuses_us = false;
  WHITTLE_CHECK(each_field(message, [&](const WireField& f) -> Status {
    if (f.is(1, WireType::kVarint)) header.shard_count = f.i32();
    if (f.is(1, WireType::kBytes)) version_one = true;  // SavedTensorSlices.meta
    if (f.is(2, WireType::kVarint)) endianness = f.value;
    if (!f.is(3, WireType::kBytes)) return {};
    return each_field(f.bytes, [&](const WireField& v) -> Status {
      if (v.is(1, WireType::kVarint)) producer = v.i32();
      if (v.is(2, WireType::kVarint)) min_consumer = v.i32();
      if (v.is(3, WireType::kVarint)) refuses_us |= v.i32() == kVersion;
      if (!v.is(3, WireType::kBytes)) return {};
      for (std::span<const uint8_t> packed = v.bytes; !packed.empty();) {
        uint64_t bad = 0;
        const size_t n = decode_varint(packed, &bad);
        if (n == 0) return corrupt("a broken list of versions in the header");
        refuses_us |= static_cast<int32_t>(bad) == kVersion;
        packed = packed.subspan(n);
      }
      return {};
    });
  }));
  if (version_one) {
    return unsupported("a checkpoint of version 1; load it in TensorFlow and save it again with "
                       "Saver(write_version=SaverDef.V2)");
  }
  if (header.shard_count <= 0) return corrupt(cat("the header states ", header.shard_count, " shards"));
  if (endianness > 1) return corrupt(cat("the header states byte order ", endianness));
  if (producer < 0) return corrupt(cat("the header states version ", producer));
  if (min_consumer > kVersion || refuses_us) {
    return unsupported("the checkpoint was written for a newer reader");
  }
  header.big_endian = endianness == 1;
  return header;
}

Status parse_bundle_entry(std::span<const uint8_t> message, BundleEntry* entry, uint64_t* room) {
  size_t extents_each = 0;
  bool even = true;
  const auto read = [&](const WireField& f) -> Status {
    if (f.is(1, WireType::kVarint)) entry->dtype = static_cast<DType>(f.i32());
    if (f.is(2, WireType::kBytes)) return parse_shape(f.bytes, &entry->shape);
    if (f.is(3, WireType::kVarint)) entry->shard = f.i32();
    if (f.is(4, WireType::kVarint)) entry->offset = f.i64();
    if (f.is(5, WireType::kVarint)) entry->size = f.i64();
    if (f.is(6, WireType::kFixed32)) entry->masked_crc32c = static_cast<uint32_t>(f.value);
    if (!f.is(7, WireType::kBytes)) return {};
    const size_t before = entry->slices.size();
    WHITTLE_CHECK(parse_slice(f.bytes, &entry->slices, room));
    if (entry->slice_count++ == 0) extents_each = entry->slices.size();
    even &= entry->slices.size() - before == extents_each;
    return {};
  };
  WHITTLE_CHECK(each_field(message, read));
  // One extent a dimension, so that row i of the extents is slice i.
  const size_t rank = entry->shape.dims.size();
  if (entry->slice_count > 0 && (!even || extents_each != rank)) {
    return corrupt(cat("a slice with another number of dimensions than its tensor, ",
                       entry->shape.to_string()));
  }
  return take(sizeof(BundleEntry) + rank * sizeof(int64_t), room);
}

}  // namespace whittle::format
