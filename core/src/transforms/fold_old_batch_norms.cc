// fold_old_batch_norms: folds batch norms in inference mode into the weights before them.
//
//   s = gamma / sqrt(variance + epsilon)        o = beta - mean * s
//   BatchNorm(Conv(v, W))                       becomes   BiasAdd(Conv(v, W * s), o)
//   BatchNorm(BiasAdd(Conv(v, W), b))           becomes   BiasAdd(Conv(v, W * s), b * s + o)
//   BatchNorm(BatchToSpaceND(Conv(v, W), …))    becomes   BiasAdd(BatchToSpaceND(Conv(v, W * s), …), o)
//   BatchNorm(ConcatV2(Conv, Conv, …))          becomes   BiasAdd(ConcatV2(Conv, Conv, …), o)
//   Conv(BatchNorm(x), W), padding VALID        becomes   BiasAdd(Conv(x, W * s), sum of W * o)
//
// Ops       FusedBatchNorm, V2, V3 with is_training=false (the default is true), and
//           BatchNormWithGlobalNormalization. Makers, chains and precision: channel_fold.h.
// Names     the result has the batch norm's; a new bias constant is NAME_bn_offset after the value
//           that it is added to.
// Declines  parameters that are no constants or have another length than the channels, outputs 1
//           and up in use, another dtype than float32, a variance that gives no finite factor, and
//           as channel_fold.h says. Shared parameters are fine.
// Source    graph-transforms.md §6.7 with its list of fixes.
#include <cmath>

#include "channel_fold.h"
#include "fold_forward.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr std::string_view kOps[] = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3",
                                     "BatchNormWithGlobalNormalization"};
constexpr std::string_view kBiases[] = {"BiasAdd", "Add", "AddV2", "Sub"};

// Data inputs by meaning.
struct Layout {
  int gamma, beta, mean, variance;
  bool scales;
  double epsilon;
};

Layout layout_of(const Node& node) {
  if (node.op == "BatchNormWithGlobalNormalization") {
    return {4, 3, 1, 2, node.attrs.bool_or("scale_after_normalization", false),
            static_cast<double>(node.attrs.float_or("variance_epsilon", 0))};
  }
  return {1, 2, 3, 4, true, static_cast<double>(node.attrs.float_or("epsilon", 1e-4f))};
}

class FoldOldBatchNorms final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    Status missing;
    for (const OwnedGraph& where : graphs) {
      for (const auto& ops : {std::span<const std::string_view>(kOps), std::span<const std::string_view>(kBiases)}) {
        Status s = want_constants(*where.graph, ops, pc);
        if (!s.ok() && s.error().code != Code::kNeedBytes) return s;
        if (!s.ok()) missing = std::move(s);
      }
    }
    if (!missing.ok()) return missing;
    for (const OwnedGraph& where : graphs) {
      ChannelFold fold(model, pc, where);
      WHITTLE_ASSIGN(const std::vector<NodeId> order, where.graph->topological_order());
      for (NodeId id : order) {
        WHITTLE_CHECK(pc.ctx.check_cancelled());
        if (!where.graph->alive(id)) continue;
        WHITTLE_ASSIGN(const bool folded, visit(model, *where.graph, where, id, fold, pc));
        (void)folded;
      }
    }
    return {};
  }

 private:
  static bool only_first_output_used(MetaGraph& meta, const Graph& g, const OwnedGraph& where, NodeId id) {
    for (const Use& use : g.uses(id)) {
      if (use.index != kControlUse && use.slot != 0) return false;
    }
    bool used = false;
    if (where.owner == nullptr) {
      for_each_endpoint(meta, [&](OutputId& v) { used = used || (v.node == id && v.slot != 0); });
    }
    return !used;
  }

  static Result<bool> visit(Model& model, const Graph& g, const OwnedGraph& where, NodeId id,
                            ChannelFold& fold, PassContext& pc) {
    const Node& node = g.node(id);
    bool known = false;
    for (std::string_view op : kOps) known = known || node.op == op;
    if (!known || node.inputs().size() != 5 || node.attrs.type_or("T", DType::kInvalid) != DType::kFloat) return false;
    const bool fused = node.op != "BatchNormWithGlobalNormalization";
    if (fused && node.attrs.bool_or("is_training", true)) return false;
    if (!only_first_output_used(model.meta, g, where, id)) return false;

    const std::vector<OutputId> in = node.inputs();
    const std::string format(fused ? node.attrs.string_or("data_format", "NHWC") : "NHWC");
    const std::optional<Channels> channels = fold.channels(in[0]);
    const bool first = format == "NCHW" || format == "NCDHW";
    const int rank = format.size() == 5 ? 5 : 4;
    const bool backward = channels && channels->from_end == (first ? rank - 2 : 0) &&
                          (channels->rank < 0 || channels->rank == rank);

    const Layout layout = layout_of(node);
    std::vector<double> parameters[5];
    for (size_t k = 1; k < 5; ++k) {
      WHITTLE_ASSIGN(Floats f, small_floats(g, in[k], pc));
      if (!f.found || f.shape.rank() != 1 || (k > 1 && f.values.size() != parameters[1].size())) return false;
      parameters[k] = std::move(f.values);
    }
    const std::vector<double>& gamma = parameters[layout.gamma];
    const std::vector<double>& beta = parameters[layout.beta];
    const std::vector<double>& mean = parameters[layout.mean];
    const std::vector<double>& variance = parameters[layout.variance];
    std::vector<double> scale(gamma.size()), offset(gamma.size());
    for (size_t k = 0; k < scale.size(); ++k) {
      const double s = 1 / std::sqrt(variance[k] + layout.epsilon) * (layout.scales ? gamma[k] : 1.0);
      if (!(std::fabs(s) <= 3.4e38)) return false;
      scale[k] = static_cast<double>(static_cast<float>(s));
      offset[k] = beta[k] - mean[k] * scale[k];
    }
    if (backward && channels->count == static_cast<int64_t>(scale.size())) {
      WHITTLE_ASSIGN(const bool folded, fold.fold(id, in[0], scale, offset, format));
      if (folded) return true;
    }
    return fold_forward(model, where, fold.pinned(), id, scale, offset, format, pc);
  }
};

constexpr std::string_view kAfter[] = {"freeze_variables", "fold_constants"};

}  // namespace

extern const PassInfo fold_old_batch_norms_info;
const PassInfo fold_old_batch_norms_info{
    .name = "fold_old_batch_norms",
    .summary = "Fold batch norms in inference mode into the weights before them",
    .fidelity = Fidelity::kRounding,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FoldOldBatchNorms>(); },
};

}  // namespace whittle
