// run_pass.h: one transform on a model written as text.
//
//   auto ran = run_pass("remove_nodes", R"(…)", {{"op", "Identity"}});
//   EXPECT_EQ(ran.text, canonical(R"(…)"));
//
// Missing bytes and scans are provided, and the pass starts again on the untouched model, as the
// pipeline does; graphs are checked afterwards. A pass of node scope runs until nothing changes.
#ifndef WHITTLE_TESTS_SUPPORT_RUN_PASS_H_
#define WHITTLE_TESTS_SUPPORT_RUN_PASS_H_

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/graph_text.h"
#include "whittle/pass.h"

namespace whittle {

// Scans at once, by loading the tensor.
class MemoryScans final : public ScanStore {
 public:
  explicit MemoryScans(Context& ctx) : ctx_(ctx) {}
  Result<const ScanResult*> scan(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                 std::string_view name) override;
  void want(const TensorRef&, uint64_t, uint64_t, std::string_view) override {}
  uint64_t bytes_scanned = 0;

 private:
  Context& ctx_;
  std::deque<ScanResult> results_;
};

struct Ran {
  bool ok = false;
  std::string error;      // Error::to_string()
  std::string text;       // of the model afterwards
  TextModel after;
  uint64_t patches = 0;   // node scope only
  uint64_t bytes_read = 0;     // of the model's files, without scans
  uint64_t bytes_scanned = 0;
  std::vector<std::string> warnings;
};

using PassArgs = std::vector<std::pair<std::string, std::string>>;

Ran run_pass(std::string_view name, const TextModel& before, const PassArgs& args = {});
Ran run_pass(std::string_view name, std::string_view text, const PassArgs& args = {});

// Outputs of the signature by key, for feeds by the names of placeholders; the main graph only, with
// the kernels of eval. An op without a kernel fails the test.
std::map<std::string, Tensor> evaluate(const TextModel& m, const std::map<std::string, Tensor>& feeds);
// Feeds from seeds, for every placeholder of a float or int32 model; unknown sizes become 2.
std::map<std::string, Tensor> make_feeds(const TextModel& m, uint64_t seed = 1);
// Both models on make_feeds(): the largest |a - b| / max |a| over all outputs; -1 after a failure.
double difference(const TextModel& a, const TextModel& b);

}  // namespace whittle

#endif  // WHITTLE_TESTS_SUPPORT_RUN_PASS_H_
