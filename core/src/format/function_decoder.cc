#include "function_decoder.h"

#include "node_reader.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

constexpr uint64_t kEdgeCost = 32;  // bytes of memory, rounded up

class Decoder {
 public:
  Decoder(const pb::Function& proto, const ValueDecoder& values, const OpRegistry& registry)
      : proto_(proto), values_(values), registry_(registry) {}

  Result<Function> run() {
    f_.name = proto_.signature().name();
    f_.is_stateful = proto_.signature().is_stateful();
    if (proto_.signature().attr_size() != 0) {
      return unsupported(cat("the function takes attributes (",
                             printable(proto_.signature().attr(0).name()), ")"));
    }
    WHITTLE_CHECK(add_args());
    for (const pb::Node& node : proto_.node_def()) {
      if (node.op() == f_.name)
        return corrupt("the function calls itself").in(node_place(node.name()));
      WHITTLE_CHECK(add_node(node, values_, false, &f_.body, &texts_));
    }
    for (size_t i = static_cast<size_t>(proto_.signature().input_arg_size()); i < texts_.size();
         ++i) {
      const NodeId id = static_cast<NodeId>(i);
      WHITTLE_CHECK_IN(link(id), node_place(f_.body.node(id).name));
    }
    WHITTLE_CHECK(add_rets());
    WHITTLE_CHECK(add_control_rets());
    WHITTLE_ASSIGN(f_.attrs, values_.attrs(proto_.attr()));
    WHITTLE_CHECK(check_graph(f_.body, registry_, Context()));
    return std::move(f_);
  }

 private:
  Result<FunctionArg> arg_of(const pb::OpDef::ArgDef& proto, std::string_view what) {
    const std::string place = cat(what, " ", printable(proto.name()));
    if (proto.name().empty()) return corrupt(cat("an ", what, " has no name"));
    if (!proto.number_attr().empty() || !proto.type_list_attr().empty()) {
      return unsupported("it is a list of tensors").in(place);
    }
    if (!proto.type_attr().empty()) return unsupported("its dtype is an attribute").in(place);
    FunctionArg arg;
    arg.name = proto.name();
    arg.dtype = static_cast<DType>(proto.type());
    if (arg.dtype == DType::kInvalid) return corrupt("it has no dtype").in(place);
    if (proto.is_ref()) return unsupported("it is a reference").in(place);
    return arg;
  }

  Status add_args() {
    for (const pb::OpDef::ArgDef& proto : proto_.signature().input_arg()) {
      WHITTLE_ASSIGN(FunctionArg arg, arg_of(proto, "argument"));
      if (f_.body.find(arg.name) != kNoNode) {
        return corrupt("two arguments have this name").in(cat("argument ", printable(arg.name)));
      }
      AttrMap attrs;
      attrs.set("T", AttrValue::type(arg.dtype));
      attrs.set("index", AttrValue::integer(static_cast<int64_t>(f_.args.size())));
      f_.body.add(arg.name, "_Arg", {}, std::move(attrs));
      f_.args.push_back(std::move(arg));
    }
    for (const pb::Function::ArgAttrEntry& entry : proto_.arg_attr()) {
      if (entry.key() >= f_.args.size())
        return corrupt(cat("there is no argument ", entry.key(), " to describe"));
      WHITTLE_ASSIGN(f_.args[entry.key()].attrs, values_.attrs(entry.value().attr()));
    }
    texts_.resize(f_.args.size());
    return {};
  }

  // The values that a text of the body grammar stands for: one, or those of a list.
  Result<std::vector<OutputId>> resolve(std::string_view text) {
    const std::vector<std::string_view> parts = split(text, ':');
    const NodeId producer = f_.body.find(parts[0]);
    const auto wrong = [&](std::string_view why) {
      return corrupt(cat("the input ", printable(text), " ", why));
    };
    if (producer == kNoNode) return wrong("does not exist");
    int64_t index = -1;
    const bool is_arg = f_.body.node(producer).op == "_Arg";
    const size_t index_at = is_arg ? 1 : 2;
    if (parts.size() > index_at + 1) return wrong("has too many parts");
    if (parts.size() == index_at + 1 &&
        (!parse_int64(parts[index_at], &index) || index < 0 || index > kMaxPorts)) {
      return wrong("has no valid index");
    }
    if (is_arg) {
      if (index > 0) return wrong("names one of several tensors, the argument is one");
      return std::vector<OutputId>{{producer, 0}};
    }
    if (parts.size() < 2) return wrong("names a node, not one of its outputs");
    return outputs_of(producer, parts[1], static_cast<int>(index));
  }

  Result<std::vector<OutputId>> outputs_of(NodeId producer, std::string_view out, int index) {
    const Node& node = f_.body.node(producer);
    const OpSpec* spec = registry_.find(node.op);
    if (spec == nullptr) {
      return unsupported(cat("output ", printable(out), " of op ", printable(node.op),
                             " in function ", printable(f_.name),
                             " is used, and neither Whittle nor the model describes that op"));
    }
    const int count = index == -1 ? tensors_of(*spec, node, out) : 1;
    if (count == 0) return std::vector<OutputId>();  // an empty list is a legal input
    Result<int> port = flat_port(*spec, node.attrs, out, std::max(index, 0));
    if (port.ok() && count > 1) {
      // The last one must be there too; a count that disagrees with the op is refused with it.
      const Result<int> last = flat_port(*spec, node.attrs, out, count - 1);
      if (!last.ok()) port = last.error();
    }
    if (!port.ok()) {
      Error error = port.take_error();
      if (error.code == Code::kInvalidArgument) error.code = Code::kCorrupt;
      return std::move(error).in(node_place(node.name));
    }
    // A few bytes may name many edges.
    if (count > 1 && !values_.spend(static_cast<uint64_t>(count) * kEdgeCost)) {
      return over_limit("the function has too many inputs").in(node_place(node.name));
    }
    std::vector<OutputId> values;
    for (int k = 0; k < count; ++k) values.push_back({producer, *port + k});
    return values;
  }

  // How many tensors the output argument stands for.
  static int tensors_of(const OpSpec& spec, const Node& node, std::string_view out) {
    for (const ArgSpec& arg : spec.outputs) {
      if (arg.name != out) continue;
      const std::string_view attr =
          arg.type_list_attr.empty() ? arg.number_attr : arg.type_list_attr;
      if (attr.empty()) return 1;
      const AttrValue* given = node.attrs.find(attr);
      const AttrSpec* declared = spec.find_attr(attr);
      const AttrValue value = given != nullptr      ? *given
                              : declared != nullptr ? default_of(*declared)
                                                    : AttrValue();
      const uint64_t count = arg.type_list_attr.empty()
                                 ? static_cast<uint64_t>(std::max<int64_t>(value.i(), 0))
                                 : value.list().types.size();
      return static_cast<int>(std::min<uint64_t>(count, kMaxPorts));
    }
    return 1;
  }

  Status link(NodeId id) {
    std::vector<NodeId> controls;
    for (const std::string& text : texts_[index_of(id)]) {
      if (!text.empty() && text[0] == '^') {
        const NodeId before = f_.body.find(std::string_view(text).substr(1));
        if (before == kNoNode)
          return corrupt(cat("the input ", printable(text), " does not exist"));
        if (before == id) return corrupt("the node waits for itself");
        controls.push_back(before);
        continue;
      }
      if (!controls.empty()) return corrupt("a data input follows a control input");
      WHITTLE_ASSIGN(const std::vector<OutputId> values, resolve(text));
      for (OutputId value : values) f_.body.add_input(id, value);
    }
    f_.body.add_controls(id, controls);
    return {};
  }

  Status add_rets() {
    std::map<std::string_view, std::string_view> ret;
    for (const pb::StringEntry& entry : proto_.ret()) {
      if (!ret.emplace(entry.key(), entry.value()).second) {
        return corrupt("it is returned twice").in(cat("output ", printable(entry.key())));
      }
    }
    for (const pb::OpDef::ArgDef& proto : proto_.signature().output_arg()) {
      WHITTLE_ASSIGN(FunctionArg arg, arg_of(proto, "output"));
      const std::string place = cat("output ", printable(arg.name));
      auto it = ret.find(arg.name);
      if (it == ret.end()) return corrupt("no value is returned for it").in(place);
      WHITTLE_ASSIGN_IN(const std::vector<OutputId> values, resolve(it->second), place);
      if (values.size() != 1)
        return corrupt(cat("it is returned ", values.size(), " tensors")).in(place);
      AttrMap attrs;
      attrs.set("T", AttrValue::type(arg.dtype));
      attrs.set("index", AttrValue::integer(static_cast<int64_t>(f_.rets.size())));
      f_.body.add(f_.body.unique_name(cat(arg.name, "_RetVal")), "_Retval", values,
                  std::move(attrs));
      f_.rets.push_back(std::move(arg));
      ret.erase(it);
    }
    if (!ret.empty()) {
      return corrupt("the function has no such output")
          .in(cat("output ", printable(ret.begin()->first)));
    }
    return {};
  }

  Status add_control_rets() {
    for (const pb::StringEntry& entry : proto_.control_ret()) {
      const NodeId id = f_.body.find(entry.value());
      if (id == kNoNode) {
        return corrupt(cat("node ", printable(entry.value()), " does not exist"))
            .in(cat("control output ", printable(entry.key())));
      }
      f_.control_rets.emplace_back(entry.key(), id);
    }
    return {};
  }

  const pb::Function& proto_;
  const ValueDecoder& values_;
  const OpRegistry& registry_;
  Function f_;
  InputTexts texts_;
};

}  // namespace

Result<Function> decode_function(const pb::Function& proto, const ValueDecoder& values,
                                 const OpRegistry& registry) {
  return Decoder(proto, values, registry).run();
}

}  // namespace whittle::format
