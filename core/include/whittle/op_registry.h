// op_registry.h: what TensorFlow's ops look like: arguments, attributes with defaults, flags.
//
//   OpRegistry::builtin()   about 940 ops of TensorFlow 1.15, 2.4, 2.12 and 2.21, merged: whatever
//                           inference graphs, their functions and leftover training parts use
//   OpRegistry overlay;     ops the model brings along (stripped_op_list, functions called by name);
//   overlay.add(spec)       what it lacks is looked up in builtin(), which wins on equal names
//
// find() answers nullptr for an op nobody describes. Such an op is opaque: take it for stateful,
// leave it untouched, guess nothing about its outputs.
//
// Versions  the four op lists have the numbers 0 (1.15), 1 (2.4), 2 (2.12) and 3 (2.21). `since` is
//           the first list that has the op or attribute: a graph whose producer is older must not
//           get it. Arguments are those of the newest list; attributes that older lists lack have
//           defaults, so nodes of any age resolve.
// Ports     a node's outputs are numbered through; a function body names them `node:arg:index`:
//
//             Unique          y, idx                 y:0 = 0   idx:0 = 1
//             Split, N = 3    output*N               output:0 = 0 … output:2 = 2
//             IdentityN, T=[float, int64]  output    output:0 = 0   output:1 = 1
//
// Attributes that a node lacks have the default of the op.
// Errors    kInvalidArgument: an attribute is missing and has no default, is of another kind, still
//           a placeholder, a count is negative or above kMaxPorts, a port does not exist.
// Memory    builtin() is decoded on first use (about 0.5 MB on a 32-bit target) and stays.
// Threads   a const OpRegistry may be read by many threads once builtin() was called.
#ifndef WHITTLE_OP_REGISTRY_H_
#define WHITTLE_OP_REGISTRY_H_

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "whittle/attr.h"
#include "whittle/dtype.h"
#include "whittle/result.h"

namespace whittle {

// Op lists by number, see Versions above.
constexpr std::string_view kOpLists[] = {"1.15", "2.4", "2.12", "2.21"};
// The newest of them that a TensorFlow of this GraphDef producer surely knows; 0 for older ones.
int op_list_of_producer(int32_t producer);

// Inputs or outputs of one node; also the limit of `number_attr`. Real models stay below 10^4.
constexpr int kMaxPorts = 65536;
// Arguments, and attributes, of one op of an overlay: bounds the search for a name.
constexpr size_t kMaxOpArgs = 1024;

// One argument: one tensor, `number_attr` tensors of one dtype, or a list of any dtypes.
struct ArgSpec {
  std::string_view name;
  DType fixed_type = DType::kInvalid;  // kInvalid when an attribute says
  std::string_view type_attr;          // attribute of type "type"
  std::string_view number_attr;        // attribute of type "int"
  std::string_view type_list_attr;     // attribute of type "list(type)"; stands alone
  bool is_ref = false;
};

struct AttrSpec {
  std::string_view name;
  std::string_view type;  // "type", "int", "float", "bool", "string", "shape", "tensor", "func",
                          // or "list(…)" of one of them
  bool has_default = false;
  std::string_view default_text;                   // builtin: literal, see default_of
  std::shared_ptr<const AttrValue> default_value;  // overlay: the value itself
  int since = 0;          // first op list with the attribute
  int default_since = 0;  // first op list where it may be left out
};

struct OpSpec {
  std::string_view name;
  std::vector<ArgSpec> inputs, outputs;
  std::vector<AttrSpec> attrs;
  bool is_stateful = false;
  bool is_commutative = false;
  int since = 0;

  const AttrSpec* find_attr(std::string_view attr) const;
};

class OpRegistry {
 public:
  static const OpRegistry& builtin();

  OpRegistry() = default;  // an overlay
  OpRegistry(const OpRegistry&) = delete;
  OpRegistry& operator=(const OpRegistry&) = delete;

  // Copies the description and all its text. A name that is already known keeps its first meaning.
  // kCorrupt: names missing or given twice, an argument without a dtype or with two, or one whose
  // attribute does not exist or has another type. kLimit: above kMaxOpArgs.
  Status add(const OpSpec& spec);

  const OpSpec* find(std::string_view op) const;
  // Without those of builtin(), unless this is it.
  const std::deque<OpSpec>& specs() const { return specs_; }

 private:
  struct Builtin {};
  explicit OpRegistry(Builtin);

  bool is_builtin_ = false;
  std::deque<std::string> texts_;  // addresses stay, so views into them do
  std::deque<OpSpec> specs_;
  std::unordered_map<std::string_view, const OpSpec*> by_name_;
};

// Dtypes by port. Arguments marked is_ref give reference dtypes (base_dtype takes that off).
Result<std::vector<DType>> input_dtypes(const OpSpec& spec, const AttrMap& attrs);
Result<std::vector<DType>> output_dtypes(const OpSpec& spec, const AttrMap& attrs);

// Numbers of inputs and outputs; need no dtypes, so `T` may still be a placeholder.
Result<int> input_count(const OpSpec& spec, const AttrMap& attrs);
Result<int> output_count(const OpSpec& spec, const AttrMap& attrs);

// `out_arg:index` → port, and back. The name lives as long as the spec.
Result<int> flat_port(const OpSpec& spec, const AttrMap& attrs, std::string_view out_arg,
                      int index);
Result<std::pair<std::string_view, int>> named_port(const OpSpec& spec, const AttrMap& attrs,
                                                    int port);

// The default; of kind kNone when there is none.
AttrValue default_of(const AttrSpec& attr);
// Whether the op has the attribute and the value is its default, bit for bit for floats.
bool is_default_attr(const OpSpec& spec, std::string_view attr, const AttrValue& value);

}  // namespace whittle

#endif  // WHITTLE_OP_REGISTRY_H_
