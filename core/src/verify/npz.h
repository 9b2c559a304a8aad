// npz.h: the directory of a zip, as NumPy writes it: stored and deflated members.
//
// Sizes and checksums are those of the directory at the end. Encrypted members, several disks and zip64 (4 GB and
// more) are refused.
#ifndef WHITTLE_VERIFY_NPZ_H_
#define WHITTLE_VERIFY_NPZ_H_

#include "fit.h"

namespace whittle::verify {

struct ZipMember {
  std::string_view name;  // without .npy
  uint32_t method = 0;    // 0 stored, 8 deflated
  uint32_t crc = 0;
  uint32_t packed = 0, size = 0;
  uint32_t local = 0;  // of its local header
};

// The members whose names end in .npy.
Result<std::vector<ZipMember>> npz_members(std::string_view file);
// The bytes of one, checked.
Result<std::string> npz_content(std::string_view file, const ZipMember& member,
                                Allowance& allowance);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_NPZ_H_
