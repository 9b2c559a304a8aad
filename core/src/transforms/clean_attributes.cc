// clean_attributes: drops what only debuggers, placers and older loaders read.
//
// Goes: _class, _output_shapes, _user_specified_name and every other attribute whose name starts
// with '_' and is no marker that TensorFlow acts on; attributes that equal the op's default; devices
// (option keep_devices); debug info and inferred types of nodes; hints of functions and arguments.
// Keeps  _noinline, _XlaMustCompile, _lower_using_switch_merge, _gradient_op_type of kept calls.
// Source formats.md §7.4, §4.8.
#include <algorithm>

#include "calls.h"
#include "whittle/costs.h"
#include "whittle/pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr std::string_view kActedOn[] = {
    "_noinline", "_XlaMustCompile", "_XlaSeparateCompiledGradients", "_lower_using_switch_merge",
    "_stateful_parallelism", "_implements",
};
// Of calls: read by runtimes that the result does not need.
constexpr std::string_view kDropped[] = {"config", "config_proto", "executor_type"};

bool acted_on(std::string_view name) {
  return std::find(std::begin(kActedOn), std::end(kActedOn), name) != std::end(kActedOn);
}

class CleanAttributes final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    keep_devices_ = pc.options.flag("keep_devices");
    hints_ = defaults_ = devices_ = 0;
    MetaGraph& meta = model.meta;
    clean_graph(meta, meta.graph);
    WHITTLE_ASSIGN(const std::vector<std::string> functions, reachable_functions(meta));
    for (const std::string& name : functions) {
      WHITTLE_ASSIGN(Function * f, meta.library.get_mutable(name));
      clean_graph(meta, f->body);
      for (FunctionArg& a : f->args) a.attrs = AttrMap();
      drop_hints(f->attrs);
      f->attrs.erase("api_implements");
      f->attrs.erase("api_preferred_device");
      f->attrs.erase("forward_function_name");
      f->attrs.erase("backward_function_name");
    }
    model.book("shape hints, colocation and other private attributes", hints_, 0);
    model.book("attributes that equal their default", defaults_, 0);
    model.book("device names", devices_, 0);
    return {};
  }

 private:
  void drop_hints(AttrMap& attrs) {
    std::vector<std::string> gone;
    for (const Attr& a : attrs) {
      if (a.name.empty() || a.name[0] != '_' || acted_on(a.name)) continue;
      hints_ += static_cast<int64_t>(serialized_attr_bytes(a));
      gone.push_back(a.name);
    }
    for (const std::string& name : gone) attrs.erase(name);
  }

  void clean_graph(const MetaGraph& meta, Graph& g) {
    for (NodeId id : g.ids()) {
      Node& node = g.mutable_node(id);
      hints_ += static_cast<int64_t>(node.unknown.size());
      node.unknown.clear();
      if (!keep_devices_) {
        devices_ += static_cast<int64_t>(node.device.size());
        node.device.clear();
      }
      const OpSpec* spec = meta.registry->find(node.op);
      // An op nobody describes keeps every attribute: a custom kernel may read it.
      if (spec == nullptr && node.op != "_Arg" && node.op != "_Retval") {
        node.attrs.erase("_class");
        node.attrs.erase("_output_shapes");
        continue;
      }
      drop_hints(node.attrs);
      if (spec == nullptr) continue;
      std::vector<std::string> gone;
      for (const Attr& a : node.attrs) {
        if (!is_default_attr(*spec, a.name, a.value)) continue;
        defaults_ += static_cast<int64_t>(serialized_attr_bytes(a));
        gone.push_back(a.name);
      }
      if (call_info(meta, node).kind == CallKind::kCall) gone.insert(gone.end(), std::begin(kDropped), std::end(kDropped));
      for (const std::string& name : gone) node.attrs.erase(name);
    }
  }

  bool keep_devices_ = false;
  int64_t hints_ = 0, defaults_ = 0, devices_ = 0;
};

constexpr OptionSpec kOptions[] = {
    {"keep_devices", OptionType::kBool, "false", "leave device strings as they are"},
};

}  // namespace

extern const PassInfo clean_attributes_info;
const PassInfo clean_attributes_info{
    .name = "clean_attributes",
    .summary = "Drop hints, debug info, devices and attributes that equal their default",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = {},
    .options = kOptions,
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<CleanAttributes>(); },
};

}  // namespace whittle
