// probes.h: inputs for a signature when nobody gave samples: the same on every machine.
//
//   images     float32 of rank 4: 1/f noise, in turn in [-1, 1], [0, 1] and [0, 255]; uint8: 0 to 255
//   floats     near-normal noise and uniform in turn; scalars are 1 (keep probabilities, scales)
//   integers   uniform ids; names with "mask" or "length": 1; scalars 1
//   booleans   scalars false (training flags), else random
//   strings    words; serialized tf.Examples with the features that the op behind the input parses
//   sparse     two values; the three tensors are named KEY/values, KEY/indices, KEY/shape
// An unknown batch dimension is 1. Other unknown dimensions and the range of ids are guesses: attempt
// 0, 1, … until one runs.
#ifndef WHITTLE_VERIFY_PROBES_H_
#define WHITTLE_VERIFY_PROBES_H_

#include <map>
#include <string>

#include "examples.h"
#include "whittle/model.h"
#include "whittle/tensor.h"

namespace whittle::verify {

using NamedTensors = std::map<std::string, Tensor>;

// Behind the key of a sparse input.
constexpr const char* kSparseValues = "/values";
constexpr const char* kSparseIndices = "/indices";
constexpr const char* kSparseShape = "/shape";

class ProbeMaker {
 public:
  // `meta` holds the inputs' tensors; both must outlive the ProbeMaker.
  ProbeMaker(const std::map<std::string, TensorInfo>& inputs, const MetaGraph& meta);
  // How many guesses there are; at least 1.
  int attempts() const;
  // kUnsupported for composite inputs, kLimit above 64 MB.
  Result<NamedTensors> make(int attempt, uint64_t probe) const;

 private:
  const std::map<std::string, TensorInfo>& inputs_;
  std::map<std::string, ExampleSpec> examples_;  // by input
  bool unknown_dims_ = false, has_ids_ = false;
};

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_PROBES_H_
