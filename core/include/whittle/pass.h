// pass.h: a transform, declared as data.
//
// Scope  kNode   visit() is asked for every node whose op is in trigger_ops (all when empty), in
//                topological order, over the main graph and every reachable function, until nothing
//                changes; it proposes a Patch and edits nothing.
//        kModel  run() edits the model itself, for rewrites that are not local (inlining, freezing,
//                pruning, naming).
// Restart  bytes or scans that are not there yet surface as Code::kNeedBytes from load() or
//          ctx.scan(); the pipeline puts the model back to where the pass began, gets them, and runs
//          the pass again. A pass must therefore keep no state across run() calls. To save rounds,
//          ask for everything first (want_*), then act.
// Fidelity kExact: same bits in TensorFlow; kRounding: bounded, stated in the header comment;
//          kLossy: measured and reported.
#ifndef WHITTLE_PASS_H_
#define WHITTLE_PASS_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/job.h"
#include "whittle/patch.h"

namespace whittle {

enum class Fidelity : uint8_t { kExact, kRounding, kLossy };
enum class Scope : uint8_t { kNode, kModel };
enum class OptionType : uint8_t { kBool, kInt, kFloat, kString, kStrings };

struct OptionSpec {
  std::string_view name;
  OptionType type;
  std::string_view default_text;  // as the user would write it; "" for kStrings
  std::string_view help;
};

// Checked options of one transform: every declared name has a value.
class Options {
 public:
  // invalid_argument in the classic tool's words (graph-transforms.md §3): unknown names, several
  // occurrences, text that is no number.
  static Result<Options> make(std::string_view transform, std::span<const OptionSpec> specs,
                              const std::vector<std::pair<std::string, std::string>>& given);
  bool flag(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  float real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<std::string>& texts(std::string_view name) const;
  bool given(std::string_view name) const;

 private:
  struct Value { std::string name; bool given = false; int64_t i = 0; float f = 0; std::vector<std::string> texts; };
  const Value* find(std::string_view name) const;
  std::vector<Value> values_;
};

// Scan results by tensor, filled by jobs between restarts of a pass.
class ScanStore {
 public:
  virtual ~ScanStore() = default;
  // kNeedBytes when the scan has not run yet (it is noted as wanted).
  virtual Result<const ScanResult*> scan(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                         std::string_view name) = 0;
  virtual void want(const TensorRef& ref, uint64_t channels, uint64_t inner,
                    std::string_view name) = 0;
};

// What a pass may use besides the model.
struct PassContext {
  Context& ctx;
  ScanStore& scans;
  const Options& options;
};

class Pass {
 public:
  virtual ~Pass() = default;
  virtual Status begin(Model&, PassContext&) { return {}; }
  virtual Result<std::optional<Patch>> visit(const Model&, const Graph&, const GraphId&, NodeId,
                                             PassContext&) {
    return std::optional<Patch>();
  }
  virtual Status run(Model&, PassContext&) { return {}; }
};

struct PassInfo {
  std::string_view name;
  std::string_view summary;       // one line, imperative
  Fidelity fidelity = Fidelity::kExact;
  Scope scope = Scope::kNode;
  std::span<const std::string_view> trigger_ops;
  std::span<const std::string_view> runs_after;
  std::span<const OptionSpec> options;
  std::unique_ptr<Pass> (*make)() = nullptr;
};

// Every transform, from transforms.def, in alphabetical order.
std::span<const PassInfo* const> all_passes();
const PassInfo* find_pass(std::string_view name);

}  // namespace whittle

#endif  // WHITTLE_PASS_H_
