// content_ids.h: equal numbers for equal tensors, reading as little as can be.
//
//   owned, splat   compared in memory; a tensor of one repeated element equals the splat of it
//   file           the same pieces are equal; of the others only those that agree in dtype, shape,
//                  byte order and the checksum that the bundle states are scanned, and are equal
//                  when their 128-bit hashes are
//
// Steps count: equal bytes under different steps are different tensors. A tensor in memory never
// equals one in a file.
#ifndef WHITTLE_TRANSFORMS_CONTENT_IDS_H_
#define WHITTLE_TRANSFORMS_CONTENT_IDS_H_

#include <map>
#include <string>
#include <vector>

#include "whittle/pass.h"

namespace whittle {

class ContentIds {
 public:
  // Scans what has to be scanned for these tensors: kNeedBytes when a scan is not there yet.
  Status prepare(const std::vector<const TensorRef*>& refs, const std::vector<std::string>& names,
                 PassContext& pc);
  // Of a file tensor only when it was prepared.
  uint32_t id_of(const TensorRef& ref);

 private:
  std::map<std::string, uint32_t> ids_;                      // by key
  std::map<std::string, std::string> hash_keys_;             // file pieces -> key after the scan
  std::map<std::string, std::vector<std::pair<Tensor, uint32_t>>> owned_;  // by dtype, shape, hash
  uint32_t next_ = 0;
};

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_CONTENT_IDS_H_
