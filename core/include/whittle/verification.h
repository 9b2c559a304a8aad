// verification.h: how close the outputs of two models are, as data and as JSON ("whittle-comparison/1").
//
// Per output, over all probes; the worst probe counts:
//   error           largest |a - b|; relative: divided by the largest |a| of that probe
//   sqnr_db         10 log10(sum a² / sum (a-b)²); absent where the bits are equal
//   cosine          of the two outputs as vectors
//   agreement       integers, booleans, strings: share of equal elements. Rows of 2 to 100,000 floats
//                   per probe: share of rows whose largest value has the same index (top 1)
//   kl              largest KL(a‖b) of a row, where the rows of a are probabilities, in nats
// Numbers are rounded to what is shown, so that they are equal on every target's libm.
#ifndef WHITTLE_VERIFICATION_H_
#define WHITTLE_VERIFICATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "whittle/model.h"

namespace whittle {

enum class VerifyState : uint8_t {
  kSame,         // equal bits
  kClose,        // within the bound
  kMissed,       // outside of it
  kNotRunnable,  // this evaluator cannot run the model: `why` says the op and the node
  kSkipped,      // not asked for, or not cheap
};
std::string_view verify_state_name(VerifyState state);

struct OutputComparison {
  std::string key;
  std::string dtype;
  bool equal = true;
  double max_error = 0, relative_error = 0;
  std::optional<double> sqnr_db, median_sqnr_db;  // worst, and the middle one of the probes
  std::optional<double> cosine, agreement, kl;
  std::string problem;  // another shape or dtype, or infinities: a sentence
  bool missed = false;
};

// The first node, in order of execution, whose value in the two models differs by more than the bound.
struct FirstDifference {
  std::string node, op;
  double relative_error = 0;
  std::optional<double> sqnr_db;
};

struct SignatureComparison {
  std::string key;
  VerifyState state = VerifyState::kSkipped;
  std::string why;
  uint64_t probes = 0;
  std::string source;  // "noise", "samples", "warm-up requests"
  std::vector<OutputComparison> outputs;
  std::optional<FirstDifference> first_difference;
};

struct VerifyBound {
  std::optional<double> max_relative_error;
  std::optional<double> min_sqnr_db;         // of the worst probe
  std::optional<double> min_median_sqnr_db;  // of the middle one
  std::optional<double> min_agreement; // 0..1
};

struct Verification {
  VerifyState state = VerifyState::kSkipped;  // the worst of the signatures that ran
  std::string why;
  VerifyBound bound;
  std::vector<SignatureComparison> signatures;
};

// The sentence and place of a missed bound: the error of the run.
Error missed_error(const Verification& v);
// One sentence for people: "8 probes of noise: at worst 38.1 dB, 100 % the same top answer".
std::string verification_summary(const Verification& v);

// What `whittle compare` tells, "whittle-comparison/1".
struct ComparedModel {
  std::string format;
  uint64_t bytes = 0, nodes = 0;
};
struct Comparison {
  ComparedModel a, b;
  Verification verification;
  std::vector<std::string> warnings;
};
std::string comparison_json(const Comparison& c);

}  // namespace whittle

#endif  // WHITTLE_VERIFICATION_H_
