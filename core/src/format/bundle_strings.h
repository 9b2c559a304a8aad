// bundle_strings.h: the values of a string tensor.
//
//   varint64 length[0] … length[N-1] | masked crc32c of the lengths | bytes[0] … bytes[N-1]
//
// The checksum of the lengths is over each as uint32 (uint64 above 2^32 - 1) in the byte order of
// the machine that wrote the file, which is also the order of the stored checksum. The entry's
// checksum goes on from there: over the stored four bytes and all string bytes.
#ifndef WHITTLE_FORMAT_BUNDLE_STRINGS_H_
#define WHITTLE_FORMAT_BUNDLE_STRINGS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "whittle/result.h"

namespace whittle::format {

// `crc32c` is the entry's, not masked. kCorrupt unless everything fits and agrees.
Result<std::vector<std::string>> parse_strings(std::span<const uint8_t> bytes, uint64_t count,
                                               uint32_t crc32c, bool big_endian);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_BUNDLE_STRINGS_H_
