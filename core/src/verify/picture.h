// picture.h: a picture → what an input for images takes: its size, channels, order of axes and range.
#ifndef WHITTLE_VERIFY_PICTURE_H_
#define WHITTLE_VERIFY_PICTURE_H_

#include "fit.h"

namespace whittle::verify {

// `picture` is uint8 [height, width, 1, 3 or 4]. The result has the input's dtype, and dimensions as the
// signature states them: [batch, h, w, c], [batch, c, h, w], [h, w, c] or [batch, h, w]. A fixed batch
// is filled with the same picture. An input of unknown rank gets [1, h, w, c].
Result<Tensor> picture_for(const Tensor& picture, const TensorInfo& input, Allowance& allowance);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_PICTURE_H_
