#include <algorithm>

#include "first_difference.h"
#include "metrics.h"
#include "probes.h"
#include "side.h"
#include "whittle/text.h"
#include "whittle/verify.h"

namespace whittle {

using verify::DifferenceSearch;
using verify::NamedTensors;
using verify::OutputMetrics;
using verify::ProbeMaker;
using verify::Side;

namespace {

// Errors that a caller handles; every other one says something about a model.
bool passes(const Error& e) {
  return e.code == Code::kNeedBytes || e.code == Code::kCancelled || e.code == Code::kInternal;
}

// Output `key` of a signature, its tensors named like the original's where the result has no signatures.
struct Ends {
  std::vector<std::pair<std::string, OutputId>> inputs, outputs;
};

// The tensors that a probe feeds and fetches; unsupported for composite inputs.
Result<Ends> ends_of(const Signature& s) {
  Ends out;
  for (const auto& [key, info] : s.inputs) {
    if (info.encoding == TensorInfo::Encoding::kName && !info.tensors.empty()) out.inputs.push_back({key, info.tensors[0]});
    if (info.encoding != TensorInfo::Encoding::kCooSparse || info.tensors.size() != 3) continue;
    out.inputs.push_back({key + verify::kSparseValues, info.tensors[0]});
    out.inputs.push_back({key + verify::kSparseIndices, info.tensors[1]});
    out.inputs.push_back({key + verify::kSparseShape, info.tensors[2]});
  }
  for (const auto& [key, info] : s.outputs) {
    if (info.encoding == TensorInfo::Encoding::kComposite) continue;
    for (size_t k = 0; k < info.tensors.size(); ++k) {
      out.outputs.push_back({info.tensors.size() == 1 ? key : cat(key, "/", k), info.tensors[k]});
    }
  }
  if (out.outputs.empty()) return unsupported("no output of the signature is a plain tensor");
  return out;
}

// The same tensors in a graph without signatures, by the names of their nodes.
Result<Ends> ends_by_name(const Ends& a, const MetaGraph& from, const MetaGraph& to) {
  Ends out = a;
  for (auto* list : {&out.inputs, &out.outputs}) {
    for (auto& [key, value] : *list) {
      const std::string& name = from.graph.node(value.node).name;
      const NodeId id = to.graph.find(name);
      if (id == kNoNode) return not_found(cat("the second model has no node ", printable(name)));
      value.node = id;
    }
  }
  return out;
}

Result<std::vector<Feed>> feeds_of(const Ends& ends, const NamedTensors& tensors) {
  std::vector<Feed> out;
  for (const auto& [key, value] : ends.inputs) {
    const auto at = tensors.find(key);
    if (at == tensors.end()) return not_found(cat("the samples have no input ", printable(key)));
    out.push_back({value, at->second});
  }
  return out;
}

std::vector<OutputId> fetches_of(const Ends& ends) {
  std::vector<OutputId> out;
  for (const auto& [key, value] : ends.outputs) out.push_back(value);
  return out;
}

}  // namespace

struct Verifier::Impl {
  enum class Stage : uint8_t { kSignature, kPilot, kOriginal, kResult, kSearch, kDone };

  Side original, result;
  MetaGraph* frozen;
  VerifyOptions options;
  Stage stage = Stage::kSignature;
  Verification outcome;
  size_t next = 0;                 // signature of the original
  uint64_t spent = 0;

  // Of the signature at hand.
  SignatureComparison now;
  Ends a, b;
  std::unique_ptr<ProbeMaker> maker;
  const SampleSet* samples = nullptr;
  int attempt = 0;
  std::string first_refusal;
  uint64_t count = 1;
  std::vector<NamedTensors> probes;
  std::vector<std::vector<Tensor>> expected;
  bool started = false;
  std::unique_ptr<DifferenceSearch> search;
  size_t worst = 0;                // probe with the largest error

  Impl(VerifySide first, VerifySide second, MetaGraph* f, VerifyOptions o)
      : original(first), result(second), frozen(f), options(std::move(o)) {
    outcome.bound = options.bound;
  }

  const Signature* pair_of(const Signature& s) {
    for (const Signature& t : result.meta().signatures) {
      if (t.key == s.key) return &t;
    }
    return nullptr;
  }

  // Ends the signature at hand.
  Status close(VerifyState state, std::string why) {
    now.state = state;
    if (now.why.empty()) now.why = std::move(why);
    outcome.signatures.push_back(std::move(now));
    now = {};
    original.abandon();
    result.abandon();
    probes.clear();
    expected.clear();
    search.reset();
    stage = Stage::kSignature;
    return {};
  }

  uint64_t budget_left() const { return options.budget > spent ? options.budget - spent : 0; }

  Status begin_signature() {
    const std::vector<Signature>& all = original.meta().signatures;
    if (next >= all.size()) {
      finish();
      return {};
    }
    const Signature& s = all[next++];
    const Signature* other = pair_of(s);
    if (other == nullptr && !result.meta().signatures.empty()) return {};  // a signature that was not kept
    now = {};
    now.key = s.key;
    Result<Ends> ends = ends_of(s);
    if (!ends.ok()) return close(VerifyState::kNotRunnable, ends.error().message);
    a = std::move(ends).value();
    ends = other != nullptr ? ends_of(*other) : ends_by_name(a, original.meta(), result.meta());
    if (!ends.ok()) return close(VerifyState::kNotRunnable, ends.error().message);
    b = std::move(ends).value();
    const bool same_keys = a.outputs.size() == b.outputs.size() &&
                           std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), [](const auto& x, const auto& y) { return x.first == y.first; });
    if (!same_keys) return close(VerifyState::kMissed, "the outputs of the signature are not the same");
    auto at = options.samples.find(s.key);
    if (at == options.samples.end()) at = options.samples.find("");
    samples = at == options.samples.end() || at->second.probes.empty() ? nullptr : &at->second;
    now.source = samples != nullptr ? samples->source : "noise";
    // Which features an input is parsed into shows best where functions are inlined.
    const Signature* plain = nullptr;
    if (frozen != nullptr) {
      for (const Signature& f : frozen->signatures) plain = f.key == s.key ? &f : plain;
    }
    maker = plain != nullptr ? std::make_unique<ProbeMaker>(plain->inputs, *frozen) : std::make_unique<ProbeMaker>(s.inputs, original.meta());
    attempt = 0;
    first_refusal.clear();
    started = false;
    if (!options.probes && budget_left() == 0) return close(VerifyState::kSkipped, "the budget of the default is used up");
    stage = Stage::kPilot;
    return {};
  }

  Result<NamedTensors> probe(uint64_t k) const {
    if (samples != nullptr) return samples->probes[static_cast<size_t>(k % samples->probes.size())];
    return maker->make(attempt, k);
  }

  Status open(Side& side, const Ends& ends, Context& ctx) {
    WHITTLE_CHECK(side.initialize(ctx));
    std::vector<std::vector<Feed>> feeds;
    for (const NamedTensors& p : probes) {
      WHITTLE_ASSIGN(std::vector<Feed> f, feeds_of(ends, p));
      feeds.push_back(std::move(f));
    }
    WHITTLE_CHECK(side.start(feeds, fetches_of(ends), ctx));
    started = true;
    return {};
  }

  // The first probe through the original tells which guess of the inputs runs, and what a probe costs.
  Status pilot(Context& ctx) {
    const uint64_t most = options.probes ? UINT64_MAX : budget_left() / 2;
    const auto run = [&]() -> Result<bool> {
      if (!started) {
        probes.clear();
        WHITTLE_ASSIGN(NamedTensors first, probe(0));
        probes.push_back(std::move(first));
        WHITTLE_CHECK(open(original, a, ctx));
      }
      return original.step(ctx, most);
    };
    Result<bool> done = run();
    if (!done.ok()) {
      Error error = done.take_error();
      if (passes(error)) return error;
      if (error.code == Code::kLimit && !options.probes && original.operations() > most) {
        return close(VerifyState::kSkipped, cat("one probe takes more than ", most / 1'000'000, " million operations in each model; a number of probes runs it all the same"));
      }
      // The refusal that speaks of an op says more than those of later guesses.
      if (first_refusal.empty() || error.code == Code::kUnsupported) first_refusal = error.to_string();
      spent += original.operations();
      original.abandon();
      started = false;
      ++attempt;
      if (samples != nullptr || error.code == Code::kUnsupported || attempt >= maker->attempts()) {
        return close(VerifyState::kNotRunnable, first_refusal);
      }
      return {};
    }
    if (!done.value()) return {};
    const uint64_t cost = std::max<uint64_t>(original.operations(), 1);
    const uint64_t offered = samples != nullptr ? samples->probes.size() : kMostProbes;
    count = options.probes ? *options.probes : std::clamp<uint64_t>(budget_left() / (2 * cost), 1, offered);
    if (samples != nullptr) count = std::min<uint64_t>(count, offered);
    // Runs of both models advance in turn, but not in step: what one writes another may read too soon.
    if (original.changed_state()) count = 1;
    spent += 2 * cost * count;
    expected = original.results();
    // The others.
    started = false;
    stage = Stage::kOriginal;
    return {};
  }

  Status run_original(Context& ctx) {
    if (count > 1) {
      const auto run = [&]() -> Result<bool> {
        if (!started) {
          const NamedTensors first = probes.front();
          std::vector<NamedTensors> all;
          for (uint64_t k = 1; k < count; ++k) {
            WHITTLE_ASSIGN(NamedTensors p, probe(k));
            all.push_back(std::move(p));
          }
          probes = std::move(all);
          Status status = open(original, a, ctx);
          probes.insert(probes.begin(), first);
          WHITTLE_CHECK(std::move(status));
        }
        return original.step(ctx, UINT64_MAX);
      };
      Result<bool> done = run();
      if (!done.ok()) {
        if (passes(done.error())) return done.take_error();
        // Another probe may leave the range of ids; what ran is compared.
        original.abandon();
        probes.resize(1);
      } else if (!done.value()) {
        return {};
      } else {
        for (std::vector<Tensor>& r : original.results()) expected.push_back(std::move(r));
      }
    }
    original.drop_weights();
    started = false;
    stage = Stage::kResult;
    return {};
  }

  Status run_result(Context& ctx) {
    const auto run = [&]() -> Result<bool> {
      if (!started) WHITTLE_CHECK(open(result, b, ctx));
      return result.step(ctx, UINT64_MAX);
    };
    Result<bool> done = run();
    if (!done.ok()) {
      if (passes(done.error())) return done.take_error();
      const bool here = done.error().code == Code::kUnsupported || done.error().code == Code::kLimit;
      return close(here ? VerifyState::kNotRunnable : VerifyState::kMissed, cat("the result fails where the original runs: ", done.error().to_string()));
    }
    if (!done.value()) return {};
    result.drop_weights();
    compare(result.results());
    return {};
  }

  void compare(const std::vector<std::vector<Tensor>>& got) {
    now.probes = got.size();
    VerifyState state = VerifyState::kSame;
    double largest = -1;
    for (size_t k = 0; k < a.outputs.size(); ++k) {
      OutputMetrics metrics(a.outputs[k].first);
      for (size_t p = 0; p < got.size(); ++p) {
        const double error = metrics.add(expected[p][k], got[p][k]);
        if (error > largest) worst = p;
        largest = std::max(largest, error);
      }
      OutputComparison c = metrics.finish(options.bound);
      if (!c.equal && state == VerifyState::kSame) state = VerifyState::kClose;
      if (c.missed && now.why.empty()) now.why = sentence(c);
      if (c.missed) state = VerifyState::kMissed;
      now.outputs.push_back(std::move(c));
    }
    now.state = state;
    // Equal seeds draw equal numbers here, and dropout that is off ignores them; else nothing can be said.
    if (state == VerifyState::kMissed && original.drew_random_numbers()) {
      now.why = "the model draws random numbers: its outputs differ from run to run";
      return (void)close(VerifyState::kNotRunnable, "");
    }
    if (state == VerifyState::kMissed && frozen != nullptr && begin_search()) {
      stage = Stage::kSearch;
      return;
    }
    (void)close(state, "");
  }

  std::string sentence(const OutputComparison& c) const {
    std::string s = cat("output ", printable(c.key), " differs from the original's: ");
    if (!c.problem.empty()) return cat(s, c.problem);
    const VerifyBound& bound = options.bound;
    const auto below = [](const std::optional<double>& value, const std::optional<double>& least) { return value && least && *value < *least; };
    if (below(c.sqnr_db, bound.min_sqnr_db)) return cat(s, tenths_text(*c.sqnr_db), " dB, the bound is ", tenths_text(*bound.min_sqnr_db));
    if (below(c.median_sqnr_db, bound.min_median_sqnr_db)) {
      return cat(s, tenths_text(*c.median_sqnr_db), " dB on the middle probe, the bound is ", tenths_text(*bound.min_median_sqnr_db));
    }
    if (c.agreement && bound.min_agreement && *c.agreement < *bound.min_agreement) {
      return cat(s, tenths_text(100 * *c.agreement), " % agree, the bound is ", tenths_text(100 * *bound.min_agreement));
    }
    return cat(s, c.sqnr_db ? cat(tenths_text(*c.sqnr_db), " dB") : std::string("values are not equal"), ", and this recipe keeps outputs equal");
  }

  bool begin_search() {
    Result<Ends> ends = Ends();
    for (const Signature& s : frozen->signatures) {
      if (s.key == now.key) ends = ends_of(s);
    }
    if (!ends.ok() || ends->inputs.size() != a.inputs.size()) return false;
    Result<std::vector<Feed>> first = feeds_of(*ends, probes[worst]), second = feeds_of(b, probes[worst]);
    if (!first.ok() || !second.ok()) return false;
    search = std::make_unique<DifferenceSearch>(*frozen, result.meta(), *first, *second, fetches_of(b), options.bound);
    return true;
  }

  Status run_search(Context& ctx) {
    WHITTLE_ASSIGN(const bool done, search->step(ctx));
    if (!done) return {};
    now.first_difference = search->found();
    return close(now.state, "");
  }

  void finish() {
    stage = Stage::kDone;
    if (outcome.signatures.empty()) {
      outcome.why = "the models have no signature in common";
      return;
    }
    // The worst of those that ran; when none did, why.
    const auto rank = [](VerifyState s) {
      switch (s) {
        case VerifyState::kMissed: return 4;
        case VerifyState::kClose: return 3;
        case VerifyState::kSame: return 2;
        case VerifyState::kNotRunnable: return 1;
        case VerifyState::kSkipped: return 0;
      }
      return 0;
    };
    const SignatureComparison* worst_of = &outcome.signatures[0];
    for (const SignatureComparison& s : outcome.signatures) {
      if (rank(s.state) > rank(worst_of->state)) worst_of = &s;
    }
    outcome.state = worst_of->state;
    outcome.why = worst_of->why;
  }
};

Verifier::Verifier(VerifySide original, VerifySide result, MetaGraph* frozen, VerifyOptions options)
    : impl_(std::make_unique<Impl>(original, result, frozen, std::move(options))) {}

Verifier::~Verifier() = default;

Result<bool> Verifier::step(Context& ctx) {
  Impl& v = *impl_;
  switch (v.stage) {
    case Impl::Stage::kSignature: WHITTLE_CHECK(v.begin_signature()); break;
    case Impl::Stage::kPilot: WHITTLE_CHECK(v.pilot(ctx)); break;
    case Impl::Stage::kOriginal: WHITTLE_CHECK(v.run_original(ctx)); break;
    case Impl::Stage::kResult: WHITTLE_CHECK(v.run_result(ctx)); break;
    case Impl::Stage::kSearch: WHITTLE_CHECK(v.run_search(ctx)); break;
    case Impl::Stage::kDone: break;
  }
  return v.stage == Impl::Stage::kDone;
}

double Verifier::progress() const {
  const size_t all = std::max<size_t>(impl_->original.meta().signatures.size(), 1);
  const double within = static_cast<double>(impl_->stage) / static_cast<double>(Impl::Stage::kDone);
  const double before = static_cast<double>(impl_->next == 0 ? 0 : impl_->next - 1);
  return impl_->stage == Impl::Stage::kDone ? 1 : std::min(1.0, (before + within) / static_cast<double>(all));
}

Verification Verifier::take() { return std::move(impl_->outcome); }

}  // namespace whittle
