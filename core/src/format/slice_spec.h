// slice_spec.h: slices as RestoreV2 and SaveV2 write them.
//
//   ""                   the whole tensor
//   "200 64 0,100:-"     the shape of the whole, then per axis start,length or - for all of it
#ifndef WHITTLE_FORMAT_SLICE_SPEC_H_
#define WHITTLE_FORMAT_SLICE_SPEC_H_

#include <string_view>
#include <vector>

#include "whittle/shape.h"
#include "whittle/tensor_bundle.h"

namespace whittle::format {

struct SliceSpec {
  Shape whole;
  std::vector<SliceExtent> extents;  // one an axis
};

// A spec that is not empty. kCorrupt when it does not parse or leaves its own shape.
Result<SliceSpec> parse_slice_spec(std::string_view text);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_SLICE_SPEC_H_
