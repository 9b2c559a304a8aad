// ordered_code.h: the keys of the pieces of partitioned tensors.
//
//   key = Num(0) Str(name) Num(rank) { SNum(start) SNum(length) } for each axis
//
// An encoding whose bytes sort as the values do; a piece sorts between the header and every name.
// Source  tensorflow/core/lib/strings/ordered_code, tensorflow/core/util/saved_tensor_slice_util.
#ifndef WHITTLE_FORMAT_ORDERED_CODE_H_
#define WHITTLE_FORMAT_ORDERED_CODE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "whittle/tensor_bundle.h"

namespace whittle::format {

void append_num(std::string& out, uint64_t value);
void append_string(std::string& out, std::string_view value);
void append_signed_num(std::string& out, int64_t value);

// The key of the piece of `name` with these extents, one an axis.
std::string piece_key(std::string_view name, std::span<const SliceExtent> extents);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_ORDERED_CODE_H_
