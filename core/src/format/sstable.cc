#include "sstable.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "whittle/crc32c.h"
#include "whittle/snappy.h"
#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::format {
namespace {

constexpr uint64_t kFooterSize = 48;
constexpr uint64_t kTrailerSize = 5;  // type and checksum behind each block
constexpr uint64_t kMagic = 0xdb4775248b80fb57u;
constexpr uint64_t kFetchWhole = uint64_t{64} << 20;
// Unpacked; TensorFlow starts a new block at 256 KiB.
constexpr uint64_t kMaxBlock = uint64_t{64} << 20;
// Entries between two looks at the caller's wish to stop: far less than 1 ms.
constexpr uint64_t kCancelEvery = 1024;

uint64_t little_endian(const uint8_t* p, size_t n) {
  uint64_t value = 0;
  for (size_t i = n; i-- > 0;) value = (value << 8) | p[i];
  return value;
}

struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;  // of the payload, without the trailer
};

// The handle at the front of `bytes`, which it is cut from.
std::optional<BlockHandle> parse_handle(std::span<const uint8_t>* bytes) {
  BlockHandle handle;
  for (uint64_t* field : {&handle.offset, &handle.size}) {
    const size_t n = decode_varint(*bytes, field);
    if (n == 0) return std::nullopt;
    *bytes = bytes->subspan(n);
  }
  return handle;
}

bool read_varint32(std::span<const uint8_t> bytes, size_t* at, uint64_t* value) {
  const size_t n = decode_varint(bytes.subspan(*at), value);
  *at += n;
  return n != 0 && *value <= UINT32_MAX;
}

class TableReader {
 public:
  TableReader(FileId file, const TableVisitor& visit, Context& ctx)
      : file_(file), visit_(visit), ctx_(ctx), size_(ctx.bytes()->file_size(file)) {}

  Status run() {
    if (size_ < kFooterSize) return broken(0, cat("footer too short (", size_, " of 48 bytes)"));
    if (size_ <= kFetchWhole) WHITTLE_CHECK(ctx_.bytes()->fetch({file_, 0, size_}));
    WHITTLE_ASSIGN(const BlockHandle index, read_footer());
    WHITTLE_ASSIGN(const Block block, read_block(index, size_ - kFooterSize));
    uint64_t free_from = 0;  // data blocks follow each other and do not share bytes
    KeyOrder separators, keys;
    return for_each(block, &separators, [&](const TableEntry& e) -> Status {
      std::span<const uint8_t> rest = e.value;
      const std::optional<BlockHandle> handle = parse_handle(&rest);
      if (!handle) return broken(e.where, "broken block handle");
      if (handle->offset < free_from) {
        return broken(e.where, cat("the block at byte ", handle->offset, " is out of order"));
      }
      WHITTLE_ASSIGN(const Block data, read_block(*handle, e.where));
      free_from = handle->offset + handle->size + kTrailerSize;
      return for_each(data, &keys, visit_);
    });
  }

 private:
  struct Block {
    std::shared_ptr<Buffer> owner;       // when it was packed
    std::span<const uint8_t> bytes;
    uint64_t offset = 0;                 // in the file
    bool packed = false;
    size_t entries_end = 0;
    size_t restart_count = 0;
  };

  // The last key of the blocks before, once there was any.
  struct KeyOrder {
    std::string last;
    bool any = false;
  };

  Error broken(uint64_t where, std::string what) const {
    return corrupt(std::move(what)).in(place_in(file_, where, ctx_));
  }

  Result<BlockHandle> read_footer() {
    const uint64_t at = size_ - kFooterSize;
    WHITTLE_ASSIGN(const std::span<const uint8_t> footer, ctx_.bytes()->fetch({file_, at, kFooterSize}));
    if (little_endian(&footer[40], 8) != kMagic) {
      return broken(at + 40, "not an index file: the magic number at its end is missing");
    }
    std::span<const uint8_t> handles = footer.first(40);
    const std::optional<BlockHandle> meta = parse_handle(&handles);
    const std::optional<BlockHandle> index = meta ? parse_handle(&handles) : std::nullopt;
    if (!index) return broken(at, "broken block handles in the footer");
    return *index;
  }

  // `named_at`: where the handle stands.
  Result<Block> read_block(const BlockHandle& handle, uint64_t named_at) {
    WHITTLE_CHECK(ctx_.check_cancelled());
    const uint64_t end = size_ - kFooterSize;
    if (handle.size > end || end - handle.size < kTrailerSize ||
        handle.offset > end - handle.size - kTrailerSize) {
      return broken(named_at, cat("a block of ", handle.size, " bytes at byte ", handle.offset,
                                  " does not lie in the file (", size_, " bytes)"));
    }
    const FileRange range{file_, handle.offset, handle.size + kTrailerSize};
    WHITTLE_ASSIGN(std::span<const uint8_t> stored, ctx_.bytes()->fetch(range));
    const uint8_t* trailer = stored.data() + handle.size;
    const uint32_t stated = static_cast<uint32_t>(little_endian(trailer + 1, 4));
    if (crc32c_unmask(stated) != crc32c(stored.first(stored.size() - 4))) {
      return broken(handle.offset, "the checksum of a block is wrong");
    }
    Block block;
    block.offset = handle.offset;
    block.bytes = stored.first(static_cast<size_t>(handle.size));
    if (trailer[0] == 1) {
      Result<std::shared_ptr<Buffer>> unpacked = snappy_decompress(block.bytes, kMaxBlock);
      if (!unpacked.ok()) return unpacked.take_error().in(place_in(file_, handle.offset, ctx_));
      block.owner = std::move(unpacked).value();
      block.bytes = block.owner->span();
      block.packed = true;
    } else if (trailer[0] != 0) {
      return broken(handle.offset + handle.size, cat("unknown compression ", int{trailer[0]}));
    }
    const size_t size = block.bytes.size();
    if (size < 4) return broken(handle.offset, "a block without its restart points");
    const uint64_t restarts = little_endian(&block.bytes[size - 4], 4);
    if (restarts == 0 || restarts > (size - 4) / 4) {
      return broken(handle.offset, cat("a block of ", size, " bytes claims ", restarts, " restart points"));
    }
    block.restart_count = static_cast<size_t>(restarts);
    block.entries_end = size - 4 - 4 * block.restart_count;
    return block;
  }

  Status for_each(const Block& block, KeyOrder* order, const TableVisitor& visit) {
    const std::span<const uint8_t> entries = block.bytes.first(block.entries_end);
    const auto where = [&](size_t at) { return block.offset + (block.packed ? 0 : at); };
    const auto restart = [&](size_t i) {
      return static_cast<size_t>(little_endian(&block.bytes[block.entries_end + 4 * i], 4));
    };
    size_t next_restart = 0;
    std::string key;
    size_t at = 0;
    while (at < entries.size()) {
      if (++visited_ % kCancelEvery == 0) WHITTLE_CHECK(ctx_.check_cancelled());
      const size_t begin = at;
      uint64_t shared = 0, unshared = 0, value_size = 0;
      if (!read_varint32(entries, &at, &shared) || !read_varint32(entries, &at, &unshared) ||
          !read_varint32(entries, &at, &value_size)) {
        return broken(where(begin), "broken entry header");
      }
      if (unshared + value_size > entries.size() - at) {
        return broken(where(begin), "an entry reaches beyond its block");
      }
      if (shared > key.size()) {
        return broken(where(begin), cat("an entry shares ", shared, " bytes of a key of ", key.size()));
      }
      if (next_restart < block.restart_count && restart(next_restart) == begin) {
        ++next_restart;
        if (shared != 0) return broken(where(begin), "an entry at a restart point shares a key");
      }
      // What is shared is equal: comparing the tails keeps the work linear, however long the keys.
      const std::string_view tail(reinterpret_cast<const char*>(entries.data()) + at,
                                  static_cast<size_t>(unshared));
      const std::string_view before = begin == 0 ? std::string_view(order->last) : std::string_view(key);
      if (order->any && tail <= before.substr(static_cast<size_t>(shared))) {
        return broken(where(begin), "the keys are out of order");
      }
      order->any = true;
      key.resize(static_cast<size_t>(shared));
      key.append(tail);
      at += static_cast<size_t>(unshared);
      TableEntry entry{key, entries.subspan(at, static_cast<size_t>(value_size)), where(at)};
      at += static_cast<size_t>(value_size);
      WHITTLE_CHECK(visit(entry));
    }
    if (entries.empty()) {  // the one restart point of an empty block is its start
      if (block.restart_count == 1 && restart(0) == 0) return {};
    } else {
      order->last = std::move(key);
    }
    if (next_restart != block.restart_count) {
      return broken(where(entries.size()), "a restart point is not at an entry");
    }
    return {};
  }

  FileId file_;
  const TableVisitor& visit_;
  Context& ctx_;
  uint64_t size_;
  uint64_t visited_ = 0;
};

}  // namespace

std::string place_in(FileId file, uint64_t where, Context& ctx) {
  return cat(printable(ctx.bytes()->file_name(file)), " at byte ", where);
}

Status read_table(FileId file, const TableVisitor& visit, Context& ctx) {
  return TableReader(file, visit, ctx).run();
}

}  // namespace whittle::format
