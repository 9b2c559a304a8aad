// sstable.h: reads a LevelDB-format table, the index file of a TensorBundle.
//
//   [data block]*  [metaindex block]  [index block]  [footer, 48 bytes]
//   block on disk: payload | type: 0 plain, 1 snappy | masked crc32c of both
//   payload:       entry* | restart offsets (LE32 each) | their number (LE32)
//   entry:         shared | unshared | value length (varint32 each) | key tail | value
//
// Everything is checked on the way: CRCs, restart points, keys strictly ascending over all blocks,
// blocks in the order of the file. So the work is linear in the file however the index lies.
// Errors  kCorrupt, naming file and byte (of the block, inside a compressed one).
#ifndef WHITTLE_FORMAT_SSTABLE_H_
#define WHITTLE_FORMAT_SSTABLE_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "whittle/context.h"
#include "whittle/result.h"

namespace whittle::format {

struct TableEntry {
  std::string_view key;  // valid during the visit
  std::span<const uint8_t> value;
  uint64_t where = 0;    // byte in the file, for messages
};

using TableVisitor = std::function<Status(const TableEntry&)>;

// Calls `visit` for each entry in order. Asks for the whole file as one range when it has at most
// 64 MB.
Status read_table(FileId file, const TableVisitor& visit, Context& ctx);

// "variables/variables.index at byte 4711"
std::string place_in(FileId file, uint64_t where, Context& ctx);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_SSTABLE_H_
