// bundle_proto.h: the two messages in an index: BundleHeaderProto and BundleEntryProto.
//
// They are read with the wire reader: an index may hold millions of them, and a hostile one must
// not cost more memory than it is charged for.
#ifndef WHITTLE_FORMAT_BUNDLE_PROTO_H_
#define WHITTLE_FORMAT_BUNDLE_PROTO_H_

#include <span>

#include "whittle/tensor_bundle.h"

namespace whittle::format {

struct BundleHeader {
  int32_t shard_count = 0;
  bool big_endian = false;
};

// kUnsupported for checkpoints of version 1 and for bundles that ask for a newer reader.
Result<BundleHeader> parse_bundle_header(std::span<const uint8_t> message);

// Fills all but `key` and `where`. Takes the memory of the entry from `*room`, kLimit when there is
// none left; `slices` has whole rows of the rank of the shape.
Status parse_bundle_entry(std::span<const uint8_t> message, BundleEntry* entry, uint64_t* room);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_BUNDLE_PROTO_H_
