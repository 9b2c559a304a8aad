#include "side.h"

#include <algorithm>

#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

// The contents of an asset, by the name under which evaluators feed it.
Result<std::string> read_asset(const MetaGraph& meta, const std::string& path, Context& ctx) {
  for (const Asset& asset : meta.assets) {
    if (asset.filename != path) continue;
    WHITTLE_ASSIGN(const auto bytes, ctx.bytes()->fetch({asset.file, 0, ctx.bytes()->file_size(asset.file)}));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return not_found(cat("there is no asset ", printable(path)));
}

Result<TensorRef> stored_value(const MetaGraph& meta, const Node& handle, Context& ctx) {
  const auto at = meta.restores.find(variable_identity(handle));
  if (at == meta.restores.end() || meta.checkpoint == nullptr) return TensorRef();
  return meta.checkpoint->find(at->second, ctx);
}

}  // namespace

Side::Side(VerifySide side) : side_(side) { renew(); }

void Side::renew() {
  EvaluatorOptions options;
  MetaGraph* meta = side_.meta;
  options.load = [](const TensorRef& ref, Context& ctx) { return load(ref, ctx); };
  options.read_file = [meta](const std::string& path, Context& ctx) { return read_asset(*meta, path, ctx); };
  if (side_.has_variables) {
    options.stored_variable = [meta](const Node& handle, Context& ctx) { return stored_value(*meta, handle, ctx); };
  }
  evaluator_ = std::make_unique<Evaluator>(*meta, std::move(options));
}

void Side::abandon() {
  runs_.clear();
  if (drew_random_numbers()) renew();
}

Status Side::initialize(Context& ctx) { return evaluator_->initialize(ctx); }

Status Side::start(const std::vector<std::vector<Feed>>& feeds, const std::vector<OutputId>& fetches, Context& ctx) {
  runs_.clear();
  for (const std::vector<Feed>& f : feeds) {
    WHITTLE_ASSIGN(std::unique_ptr<Run> run, evaluator_->start(f, fetches, ctx));
    runs_.push_back(std::move(run));
  }
  done_.assign(runs_.size(), false);
  next_ = 0;
  return {};
}

Result<bool> Side::step(Context& ctx, uint64_t most) {
  for (size_t k = 0; k < runs_.size() && done_[next_]; ++k) next_ = (next_ + 1) % runs_.size();
  if (runs_.empty() || done_[next_]) return true;
  // On kNeedBytes the same run goes on when the bytes are there.
  WHITTLE_ASSIGN(const bool over, runs_[next_]->step(ctx, 16));
  done_[next_] = over;
  if (runs_[next_]->operations() > most) return over_limit("the run is not cheap");
  next_ = (next_ + 1) % runs_.size();
  return std::find(done_.begin(), done_.end(), false) == done_.end();
}

uint64_t Side::operations() const {
  uint64_t sum = 0;
  for (const auto& run : runs_) sum += run->operations();
  return sum;
}

std::vector<std::vector<Tensor>> Side::results() {
  std::vector<std::vector<Tensor>> out;
  for (auto& run : runs_) out.push_back(run->results());
  runs_.clear();
  return out;
}

}  // namespace whittle::verify
