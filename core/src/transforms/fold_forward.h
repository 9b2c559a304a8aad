// fold_forward.h: moves y[c] = x[c] * s[c] + o[c] into the convolution that reads y.
//
//   Conv(x * s + o, W)               becomes   BiasAdd(Conv(x, W'), B)
//   BiasAdd(Conv(x * s + o, W), b)   becomes   BiasAdd(Conv(x, W'), b + B)
//
//   W'[h,w,i,c] = W[h,w,i,c] * s[i]        B[c] = sum of W[h,w,i,c] * o[i]
//
// Exact only without padding: a padded position is 0, not o. So the convolution must be VALID.
// Precision  B is summed in double and rounded once; W' is a lazy step of float32 products.
// Memory     W is read for B: at most kMostWeightBytes of it.
#ifndef WHITTLE_TRANSFORMS_FOLD_FORWARD_H_
#define WHITTLE_TRANSFORMS_FOLD_FORWARD_H_

#include <vector>

#include "constants.h"

namespace whittle {

constexpr uint64_t kMostWeightBytes = 1 << 20;

// `id` computes x * scale + offset from its input 0, along the channels of `data_format`. True when it
// is gone. Declines when it or the weight has another user, it is an endpoint, or the model would grow.
Result<bool> fold_forward(Model& model, const OwnedGraph& where, const std::vector<bool>& pinned,
                          NodeId id, const std::vector<double>& scale,
                          const std::vector<double>& offset, std::string_view data_format,
                          PassContext& pc);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_FOLD_FORWARD_H_
