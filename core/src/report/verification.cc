#include "whittle/verification.h"

#include <algorithm>

#include "json_text.h"
#include "verification_json.h"

#include "whittle/text.h"

namespace whittle {
namespace {

using Json = nlohmann::ordered_json;

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
Json sentence(const std::string& s) { return s.empty() ? Json(nullptr) : Json(text(s)); }

Json output(const OutputComparison& o) {
  return {{"key", text(o.key)},           {"dtype", o.dtype},
          {"equal", o.equal},             {"sqnr_db", number(o.sqnr_db)},
          {"median_sqnr_db", number(o.median_sqnr_db)},
          {"max_error", o.max_error},     {"relative_error", o.relative_error},
          {"cosine", number(o.cosine)},   {"agreement", number(o.agreement)},
          {"kl", number(o.kl)},           {"problem", sentence(o.problem)},
          {"missed", o.missed}};
}

Json signature(const SignatureComparison& s) {
  Json outputs = Json::array();
  for (const OutputComparison& o : s.outputs) outputs.push_back(output(o));
  Json first = nullptr;
  if (s.first_difference) {
    const FirstDifference& f = *s.first_difference;
    first = {{"node", text(f.node)}, {"op", text(f.op)}, {"relative_error", f.relative_error}, {"sqnr_db", number(f.sqnr_db)}};
  }
  return {{"key", text(s.key)},     {"state", verify_state_name(s.state)}, {"why", sentence(s.why)}, {"probes", s.probes},
          {"source", s.source},     {"outputs", std::move(outputs)},       {"first_difference", std::move(first)}};
}

}  // namespace

std::string_view verify_state_name(VerifyState state) {
  switch (state) {
    case VerifyState::kSame: return "same";
    case VerifyState::kClose: return "close";
    case VerifyState::kMissed: return "missed";
    case VerifyState::kNotRunnable: return "not runnable";
    case VerifyState::kSkipped: return "skipped";
  }
  return "";
}

Error missed_error(const Verification& v) {
  for (const SignatureComparison& s : v.signatures) {
    if (s.state != VerifyState::kMissed) continue;
    Error error{Code::kBoundMissed, s.why, {}};
    if (s.first_difference) error.where.push_back(cat("node ", printable(s.first_difference->node)));
    error.where.push_back(cat("signature ", printable(s.key)));
    return error;
  }
  return {Code::kBoundMissed, v.why, {}};
}

std::string verification_summary(const Verification& v) {
  if (v.state == VerifyState::kNotRunnable) return cat("not runnable here: ", v.why);
  if (v.state == VerifyState::kSkipped) return cat("not run: ", v.why);
  if (v.state == VerifyState::kMissed) return v.why;
  uint64_t probes = 0;
  std::string source;
  std::optional<double> db, agreement;
  size_t ran = 0;
  for (const SignatureComparison& s : v.signatures) {
    if (s.probes == 0) continue;
    ++ran;
    probes += s.probes;
    if (source.find(s.source) == source.npos) source += cat(source.empty() ? "" : ", ", s.source);
    for (const OutputComparison& o : s.outputs) {
      if (o.sqnr_db) db = std::min(db.value_or(*o.sqnr_db), *o.sqnr_db);
      if (o.agreement) agreement = std::min(agreement.value_or(1), *o.agreement);
    }
  }
  std::string out = cat(probes, probes == 1 ? " probe (" : " probes (", source, "): ");
  out += v.state == VerifyState::kSame ? "equal outputs" : db ? cat("at worst ", tenths_text(*db), " dB") : std::string("outputs differ");
  if (agreement && v.state != VerifyState::kSame) out += cat(", ", tenths_text(*agreement * 100), " % the same top answers");
  if (ran != v.signatures.size()) out += cat("; ", v.signatures.size() - ran, " of ", v.signatures.size(), " signatures not run");
  return out;
}

nlohmann::ordered_json verification_json(const Verification& v) {
  Json out = Json::object();
  out["state"] = verify_state_name(v.state);
  out["why"] = sentence(v.why);
  out["summary"] = text(verification_summary(v));
  out["bound"] = {{"max_relative_error", number(v.bound.max_relative_error)},
                  {"min_sqnr_db", number(v.bound.min_sqnr_db)},
                  {"min_median_sqnr_db", number(v.bound.min_median_sqnr_db)},
                  {"min_agreement", number(v.bound.min_agreement)}};
  Json signatures = Json::array();
  for (const SignatureComparison& s : v.signatures) signatures.push_back(signature(s));
  out["signatures"] = std::move(signatures);
  return out;
}

std::string comparison_json(const Comparison& c) {
  Json out{{"schema", "whittle-comparison/1"}};
  const auto model = [](const ComparedModel& m) -> Json {
    return {{"format", m.format}, {"bytes", m.bytes}, {"nodes", m.nodes}};
  };
  out["a"] = model(c.a);
  out["b"] = model(c.b);
  out.update(verification_json(c.verification));
  out["warnings"] = texts(c.warnings);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace whittle
