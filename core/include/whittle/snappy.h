// snappy.h: decompresses one raw Snappy block, as the index of a TensorBundle may hold them.
//
//   varint32 length | elements: literals, and copies of what was already produced
//
// Memory   the output only. A length that the input cannot produce (no element makes more than
//          64 bytes of 3) or above `max_size` is refused before anything is allocated.
// Errors   kCorrupt: cut off, copies from before the start, another length than stated; kLimit.
// Source   google/snappy, format_description.txt.
#ifndef WHITTLE_SNAPPY_H_
#define WHITTLE_SNAPPY_H_

#include <cstdint>
#include <memory>
#include <span>

#include "whittle/buffer.h"
#include "whittle/result.h"

namespace whittle {

Result<std::shared_ptr<Buffer>> snappy_decompress(std::span<const uint8_t> block,
                                                  uint64_t max_size);

}  // namespace whittle

#endif  // WHITTLE_SNAPPY_H_
