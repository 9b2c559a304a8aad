// png.h: pictures as pixels: grey, grey and alpha, RGB, RGBA or palette; at most 8 bits, not interlaced.
//
// The result is uint8 [height, width, channels], channels 1 (grey), 3 (RGB) or 4 (RGBA; palettes with
// transparency; grey with alpha). Chunks' checksums are checked; gamma and color profiles are not applied.
#ifndef WHITTLE_VERIFY_PNG_H_
#define WHITTLE_VERIFY_PNG_H_

#include "fit.h"

namespace whittle::verify {

Result<Tensor> read_png(std::string_view file, Allowance& allowance);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_PNG_H_
