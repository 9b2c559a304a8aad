// channel_fold.h: moves y[c] = x[c] * s[c] + o[c] into what makes x.
//
//   Conv(v, W) -> * s -> + o        becomes   Conv(v, W * s) -> BiasAdd(o)
//   Conv(v, W) -> + b -> * s -> + o becomes   Conv(v, W * s) -> + (b * s + o)
//
// On the way from the affine step back to the convolution there may be constants that are added,
// Squeeze, Reshape, ExpandDims that keep the channels last, BatchToSpaceND, Identity, and ConcatV2,
// whose inputs are then all scaled.
//
//   maker                               weight           W[i] belongs to channel
//   Conv2D, Conv3D                      [..,cin,cout]    i % cout
//   DepthwiseConv2dNative               [h,w,cin,mult]   i % (cin * mult)
//   Conv2DBackpropInput, Conv3D…V2      [..,cout,cin]    (i / cin) % cout
//   MatMul, BatchMatMul…                [..,k,n]         i % n; transposed (i / k) % n
//
// Precision  s is computed in double and rounded to float32 once; offsets use the rounded s, in
//            double, and are rounded once. A weight is multiplied by s in float32, when it is
//            written: a lazy step, no byte of it is read here.
// Declines   when a value on the way has another user or is an endpoint, the weight is shared (a
//            copy would grow the model) or no float32, or a factor is not finite.
#ifndef WHITTLE_TRANSFORMS_CHANNEL_FOLD_H_
#define WHITTLE_TRANSFORMS_CHANNEL_FOLD_H_

#include <optional>
#include <string>
#include <vector>

#include "constants.h"

namespace whittle {

// Where the channels of a value are.
struct Channels {
  int64_t count = 0;
  int from_end = 0;  // 0: the last axis
  int rank = -1;     // -1: unknown
};

class ChannelFold {
 public:
  ChannelFold(Model& model, PassContext& pc, const OwnedGraph& where);

  // Channels of a value that ends a chain as above.
  std::optional<Channels> channels(OutputId value) const;

  // The factors of a constant that broadcasts against `value`: one a channel, a single value
  // repeated; nullopt when it varies along other axes or would add axes.
  static std::optional<std::vector<double>> per_channel(const Floats& constant, const Channels& c);

  // Node `id`, which computes value * scale + offset (no offset: empty), is folded away: its users
  // read what is left, which takes its name. `data_format` is that of a bias that has to be added;
  // with `add_only` (all factors are 1) the offset must find a bias that is there.
  Result<bool> fold(NodeId id, OutputId value, const std::vector<double>& scale,
                    const std::vector<double>& offset, std::string_view data_format,
                    bool add_only = false);

  const std::vector<bool>& pinned() const { return pinned_; }
  Graph& graph() { return g_; }

 private:
  struct Edit { NodeId node = kNoNode; int index = 0; TensorRef value; std::string name; };
  std::optional<Channels> channels(OutputId value, int depth) const;
  std::optional<Channels> made_by(const Node& node) const;
  // `offset` is emptied when a bias on the way takes it up.
  Result<bool> plan(OutputId value, const std::vector<double>& scale, std::vector<double>* offset,
                    int depth, std::vector<Edit>& edits);
  Result<bool> plan_weight(NodeId id, const std::vector<double>& scale, std::vector<Edit>& edits);
  Result<bool> plan_bias(NodeId id, int index, const Channels& c, const std::vector<double>& scale,
                         std::vector<double>* offset, std::vector<Edit>& edits);
  Result<bool> plan_concat(NodeId id, const std::vector<double>& scale, int depth, std::vector<Edit>& edits);
  bool only_used_here(OutputId value) const;
  Status add_offset(NodeId id, OutputId value, const std::vector<double>& offset, std::string_view data_format);
  void take_over(NodeId id, OutputId value);

  Model& model_;
  PassContext& pc_;
  OwnedGraph where_;
  Graph& g_;
  std::vector<bool> pinned_;
};

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_CHANNEL_FOLD_H_
