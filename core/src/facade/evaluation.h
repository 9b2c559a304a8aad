// evaluation.h: runs one signature of a model on samples that lie in a file, in our own evaluator.
//
// The samples are plain little-endian arrays: count elements of `shape`, of a dtype, at an offset;
// uint8 values are multiplied by `scale` on the way to float32. Labels, when given, are uint8 class
// numbers: the share of samples whose largest output has that index is the accuracy.
#ifndef WHITTLE_FACADE_EVALUATION_H_
#define WHITTLE_FACADE_EVALUATION_H_

#include <memory>
#include <optional>
#include <string>

#include "whittle/evaluator.h"

namespace whittle {

struct SampleSpec {
  std::string file;            // path in the request's files
  std::string signature = "serving_default";
  std::string input, output;   // keys; "" = the only one
  int64_t count = 0;
  Shape shape;                 // of one sample
  uint64_t offset = 0;
  float scale = 1;
  std::optional<uint64_t> labels;  // offset of the labels
};

class Evaluation {
 public:
  Evaluation(MetaGraph& meta, SampleSpec spec, FileId samples);
  // kNeedBytes: provide and call again. True when report() is ready.
  Result<bool> step(Context& ctx);
  // "whittle-evaluation/1": count, correct, and the output's values and shape.
  const std::string& report() const { return report_; }

 private:
  Status begin(Context& ctx);
  Status finish(Context& ctx);

  MetaGraph& meta_;
  SampleSpec spec_;
  FileId samples_;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<Run> run_;
  std::vector<Tensor> results_;
  bool initialized_ = false;
  std::string report_;
};

}  // namespace whittle

#endif  // WHITTLE_FACADE_EVALUATION_H_
