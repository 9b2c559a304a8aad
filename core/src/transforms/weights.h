// weights.h: which constants are weights, and how their output channels lie.
//
// A float32 Const is a weight when every use of it, seen through Identity, Enter and arguments of
// functions, ends at a weight slot:
//
//   op                        input      shape                  scale per
//   Conv2D, Conv3D            1          [kh,kw,cin/g,cout]     last axis
//   DepthwiseConv2dNative     1          [kh,kw,cin,mult]       axes 2 and 3
//   Conv2DBackpropInput       1          [kh,kw,cout,cin]       axis 2
//   MatMul                    0 or 1     [in,out] …             the axis that reaches the output
//   BatchMatMul(V2,V3)        1          [...,in,out]           last axis (adj_y: the one before)
//   Einsum                    0 or 1     by labels              labels of W and output, not of x
//   Gather, GatherV2          0          [V,D…]                 row
//   LSTMBlockCell, BlockLSTM  w          [in,4h]                last axis
//
// Everything else (biases, statistics, tables that arithmetic reads) is left alone.
// Source  quantization.md §3.2, §3.4.
#ifndef WHITTLE_TRANSFORMS_WEIGHTS_H_
#define WHITTLE_TRANSFORMS_WEIGHTS_H_

#include <string>
#include <vector>

#include "calls.h"

namespace whittle {

// Channel layout in the sense of tensor_ref.h, and the shape of the scales for broadcasting.
struct ChannelLayout {
  uint64_t channels = 0;
  uint64_t inner = 1;
  Shape scale_shape;
  int axis = -1;  // when the channels are one whole axis
};

struct WeightEnd {
  std::string function;  // "" = main graph
  NodeId node = kNoNode;
  int index = 0;
  bool direct = false;   // the Const itself is the input
};

struct Weight {
  std::string function;  // where the Const is
  NodeId node = kNoNode;
  TensorRef value;
  ChannelLayout layout;
  std::vector<WeightEnd> ends;
  bool all_gathers = false;  // every end is a gather of rows, and direct
  bool any_gather = false;
};

// Weights of at least `minimum_elements` elements, main graph first, in order of node ids.
Result<std::vector<Weight>> find_weights(MetaGraph& meta, uint64_t minimum_elements);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_WEIGHTS_H_
