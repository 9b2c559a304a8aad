// chain_ops.h: the ops that channel_fold.h knows, as tables.
#ifndef WHITTLE_TRANSFORMS_CHAIN_OPS_H_
#define WHITTLE_TRANSFORMS_CHAIN_OPS_H_

#include <optional>
#include <vector>

#include "constants.h"

namespace whittle {

// A node whose output channels come from its constant weight.
struct ChannelMaker {
  int weight_index = -1;  // -1: it is none
  int rank = -1;          // of the output
  int from_end = 0;       // axis of the channels, counted from the end
};
ChannelMaker channel_maker(const Node& node);

// channel(i) = (i / inner) % channels, see tensor_ref.h.
struct WeightChannels {
  uint64_t channels = 0;
  uint64_t inner = 1;
};
std::optional<WeightChannels> weight_channels(const Node& node, const Shape& weight);

// A node between a channel maker and the affine step.
enum class ChainKind : uint8_t { kNone, kPass, kBias, kSqueeze, kReshape, kBatchToSpace, kConcat };
struct ChainLink {
  ChainKind kind = ChainKind::kNone;
  int data_index = 0;
  int count = 1;           // kConcat: number of values
  int const_index = -1;    // kBias
  // kSqueeze: dims that go; kReshape: the new shape; kBatchToSpace: {number of block dims};
  // kConcat: {axis}
  std::vector<int64_t> axes;
};
ChainLink chain_link(const Graph& g, const Node& node);

// Whether a constant of this shape adds one value a channel to such a value.
bool bias_fits(const Node& node, const Shape& bias, int64_t channels, int from_end, int rank);

// Values of an int32 or int64 constant that is in memory; nullopt when it is not.
std::optional<std::vector<int64_t>> ints_in_memory(const Graph& g, OutputId value);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_CHAIN_OPS_H_
