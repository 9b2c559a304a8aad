// inflate.h: RFC 1951 (deflate) with the zlib and gzip wrappers.
//
// Errors   invalid_argument for a broken stream or a wrong checksum, limit when the result is larger
//          than `limit`.
#ifndef WHITTLE_INFLATE_H_
#define WHITTLE_INFLATE_H_

#include <cstdint>
#include <span>
#include <string>

#include "whittle/result.h"

namespace whittle {

enum class Wrapper : uint8_t { kNone, kZlib, kGzip };

Result<std::string> inflate(std::span<const uint8_t> data, Wrapper wrapper, uint64_t limit);

}  // namespace whittle

#endif  // WHITTLE_INFLATE_H_
