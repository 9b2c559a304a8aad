// calls.h: nodes that run functions, seen alike: which functions, and which input is which argument.
//
//   op                                   functions                  first argument   types attribute
//   PartitionedCall, Stateful…           f                          input 0          Tin
//   If, StatelessIf                      then_branch, else_branch   input 1          Tin
//   Case, StatelessCase                  branches                   input 1          Tin
//   While, StatelessWhile                cond, body                 input 0          T
//   <name of a function>                 itself                     input 0          (none)
#ifndef WHITTLE_TRANSFORMS_CALLS_H_
#define WHITTLE_TRANSFORMS_CALLS_H_

#include <string>
#include <string_view>
#include <vector>

#include "whittle/model.h"

namespace whittle {

enum class CallKind : uint8_t { kNone, kCall, kDirect, kIf, kCase, kWhile };

struct CallInfo {
  CallKind kind = CallKind::kNone;
  int first_arg = 0;                    // data input that is argument 0
  std::string_view types_attr;          // list(type) of the arguments, "" for kDirect
  std::vector<std::string> functions;   // while: cond, then body
};

// kNone for every other node (also for functions named by attributes of ops not listed above).
CallInfo call_info(const MetaGraph& meta, const Node& node);
// Points the k-th function of a call at another one.
void set_call_function(Node& node, const CallInfo& info, size_t k, const std::string& name);

// Names of the functions that the main graph's live nodes reach, callees before callers.
// invalid_argument when a function calls itself, directly or not; not_found for a missing one.
Result<std::vector<std::string>> reachable_functions(MetaGraph& meta);

// _Arg and _Retval nodes of a body by index; kNoNode where one is missing (an unused argument).
std::vector<NodeId> arg_nodes(const Function& f);
std::vector<NodeId> ret_nodes(const Function& f);

// True when the graph holds Switch, Merge, Enter, Exit or NextIteration (or their Ref forms): there
// control edges place nodes in branches and frames, and constants need them.
bool has_v1_control_flow(const Graph& g);
bool is_v1_control_flow(std::string_view op);

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_CALLS_H_
