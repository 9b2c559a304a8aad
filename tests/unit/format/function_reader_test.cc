// Function bodies: the body grammar, and what cannot be decoded.
#include "text_model.h"

namespace whittle {
namespace {

std::string function(std::string_view signature, std::string_view rest) {
  return cat("library { function { signature { name: \"f\" ", signature, " } ", rest, " } } ");
}

std::string body_node(std::string_view name, std::string_view op, std::string_view inputs = {},
                      std::string_view attrs = {}) {
  std::string out = node(name, op, inputs, attrs);
  return out.replace(0, 4, "node_def");
}

const std::string kArgs =
    "input_arg { name: \"a\" type: DT_FLOAT } input_arg { name: \"b\" type: DT_FLOAT } "
    "output_arg { name: \"r\" type: DT_FLOAT } ";
const std::string kRet = "ret { key: \"r\" value: \"sum:z:0\" } ";
const std::string kBody = body_node("sum", "Add", "a b", kFloat);

// A result of decoding f.
std::string decoded(std::string_view library) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf + std::string(library), kSignature)}});
  Result<Model> model = read(files);
  if (!model.ok()) return "model: " + outcome(model);
  return outcome(model->meta.library.get("f"));
}

// "op(inputs)" of the body node; controls with a ^.
std::string shown(const Function& f, std::string_view name) {
  const Graph& g = f.body;
  const NodeId id = g.find(name);
  if (id == kNoNode) return "none";
  std::string out = g.node(id).op + "(";
  for (OutputId i : g.node(id).inputs()) out += cat(g.node(i.node).name, ":", i.slot, " ");
  for (NodeId c : g.node(id).controls()) out += cat("^", g.node(c).name, " ");
  return out + ")";
}

Function decode(std::string_view library) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf + std::string(library), kSignature)}});
  Result<Model> model = read(files);
  EXPECT_EQ(outcome(model), "ok");
  Result<const Function*> f = model->meta.library.get("f");
  EXPECT_EQ(outcome(f), "ok");
  return f.ok() ? **f : Function();
}

TEST(FunctionBodies, ArgumentsAndReturnsBecomeNodes) {
  const Function f =
      decode(function(kArgs + "is_stateful: true control_output: \"done\" ",
                      kBody + kRet + "control_ret { key: \"done\" value: \"sum\" } " +
                          "arg_attr { key: 1 value { attr { key: \"_user_specified_name\" value { "
                          "s: \"bb\" } } } } " +
                          "attr { key: \"_noinline\" value { b: true } } "));
  EXPECT_EQ(shown(f, "a"), "_Arg()");
  EXPECT_EQ(shown(f, "sum"), "Add(a:0 b:0 )");
  EXPECT_EQ(shown(f, "r_RetVal"), "_Retval(sum:0 )");
  ASSERT_EQ(f.args.size(), 2u);
  EXPECT_EQ(f.args[1].name, "b");
  EXPECT_EQ(f.args[1].attrs.string_or("_user_specified_name", ""), "bb");
  EXPECT_EQ(f.rets[0].name, "r");
  EXPECT_TRUE(f.is_stateful);
  EXPECT_TRUE(f.attrs.bool_or("_noinline", false));
  ASSERT_EQ(f.control_rets.size(), 1u);
  EXPECT_EQ(f.body.node(f.control_rets[0].second).name, "sum");
  EXPECT_TRUE(f.body.check().ok());
}

TEST(FunctionBodies, NamedOutputsBecomePorts) {
  const Function f = decode(function(
      kArgs, body_node("split", "Split", "axis:output:0 a", kFloat + attr("num_split", "i: 3")) +
                 body_node("axis", "Const", "",
                           attr("dtype", "type: DT_INT32") +
                               attr("value", "tensor { dtype: DT_INT32 tensor_shape { } }")) +
                 body_node("u", "Unique", "a ^b", kFloat) +
                 body_node("cast", "Cast", "u:idx:0",
                           attr("SrcT", "type: DT_INT32") + attr("DstT", "type: DT_FLOAT")) +
                 body_node("all", "AddN", "split:output", kFloat + attr("N", "i: 3")) +
                 body_node("sum", "Add", "split:output:2 cast:y:0", kFloat) + kRet));
  EXPECT_EQ(shown(f, "sum"), "Add(split:2 cast:0 )");
  EXPECT_EQ(shown(f, "cast"), "Cast(u:1 )");
  EXPECT_EQ(shown(f, "all"), "AddN(split:0 split:1 split:2 )");
  EXPECT_EQ(shown(f, "u"), "Unique(a:0 ^b )");
}

TEST(FunctionBodies, ACallByNameHasTheOutputsOfItsFunction) {
  const Function f = decode(
      "library { function { signature { name: \"g\" input_arg { name: \"v\" type: DT_FLOAT } "
      "output_arg { name: \"p\" type: DT_FLOAT } output_arg { name: \"q\" type: DT_FLOAT } } "
      "ret { key: \"p\" value: \"v\" } ret { key: \"q\" value: \"v:0\" } } } " +
      function(kArgs,
               body_node("call", "g", "a") + body_node("sum", "Add", "call:q:0 b", kFloat) + kRet));
  EXPECT_EQ(shown(f, "sum"), "Add(call:1 b:0 )");
}

TEST(FunctionBodies, TheModelsOpListNamesOutputsOfCustomOps) {
  const std::string op_list =
      "op { name: \"ZeroOut\" input_arg { name: \"to_zero\" type: DT_FLOAT } "
      "output_arg { name: \"zeroed\" type: DT_FLOAT } is_stateful: true } ";
  const std::string library = function(
      kArgs, body_node("sum", "ZeroOut", "a") + "ret { key: \"r\" value: \"sum:zeroed:0\" }");
  MemoryFiles files(
      {{"saved_model.pb",
        binary(cat("meta_graphs { meta_info_def { tags: \"serve\" stripped_op_list { ", op_list,
                   " } } graph_def { ", kHalf, library, " } ", kSignature, " }"))}});
  Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  Result<const Function*> f = model->meta.library.get("f");
  ASSERT_EQ(outcome(f), "ok");
  EXPECT_EQ(shown(**f, "r_RetVal"), "_Retval(sum:0 )");
  EXPECT_GT((*f)->serialized_bytes, 40u);
  EXPECT_EQ(decoded(library),
            "unsupported: output zeroed of op ZeroOut in function f is used, and neither Whittle "
            "nor the model "
            "describes that op, in output r, in function f");
}

TEST(FunctionBodies, NobodyDecodesWhatNobodyAsksFor) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf + function(kArgs, ""), kSignature)}});
  Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  EXPECT_TRUE(model->meta.library.has("f"));
  EXPECT_EQ(outcome(model->meta.library.get("f")),
            "corrupt: no value is returned for it, in output r, in function f");
}

TEST(FunctionBodies, BrokenOnesAreRefused) {
  struct Bad {
    std::string library;
    std::string_view said;
  };
  const std::string one_arg = "input_arg { name: \"a\" type: DT_FLOAT } ";
  const std::vector<Bad> all = {
      {function(kArgs, kBody + "ret { key: \"r\" value: \"gone:z:0\" }"),
       "corrupt: the input gone:z:0 does not exist, in output r, in function f"},
      {function(kArgs, kBody + "ret { key: \"r\" value: \"sum:z:1\" }"), "corrupt: "},
      {function(kArgs, kBody + "ret { key: \"r\" value: \"sum:y:0\" }"), "corrupt: "},
      {function(kArgs, kBody + "ret { key: \"r\" value: \"sum\" }"),
       "corrupt: the input sum names a node, not one of its outputs, in output r, in function f"},
      {function(kArgs, kBody + "ret { key: \"r\" value: \"sum:z:x\" }"),
       "corrupt: the input sum:z:x has no valid index, in output r, in function f"},
      {function(kArgs, kBody + kRet + kRet),
       "corrupt: it is returned twice, in output r, in function f"},
      {function(kArgs, kBody + kRet + "ret { key: \"s\" value: \"a\" }"),
       "corrupt: the function has no such output, in output s, in function f"},
      {function(kArgs, kBody + kRet + "control_ret { key: \"c\" value: \"gone\" }"),
       "corrupt: node gone does not exist, in control output c, in function f"},
      {function(kArgs + one_arg, kBody + kRet), "model: corrupt: "},
      {function(kArgs, kBody + kBody + kRet),
       "corrupt: two nodes have this name, in node sum, in function f"},
      {function(kArgs, kBody + kRet + body_node("a", "NoOp")),
       "corrupt: two nodes have this name, in node a, in function f"},
      {function(kArgs, kBody + kRet + body_node("n", "f", "a b")),
       "corrupt: the function calls itself, in node n, in function f"},
      {function(kArgs, kBody + kRet + body_node("n", "Identity", "b:1", kFloat)),
       "corrupt: the input b:1 names one of several tensors, the argument is one, in node n, in "
       "function f"},
      {function(kArgs, kBody + kRet + body_node("n", "Identity", "^a b", kFloat)),
       "corrupt: a data input follows a control input, in node n, in function f"},
      {function(kArgs, kBody + kRet + body_node("n", "Identity", "m:output:0", kFloat) +
                           body_node("m", "Identity", "n:output:0", kFloat)),
       "corrupt: the graph has a cycle"},
      {function(kArgs, kBody + kRet + "arg_attr { key: 9 value { } }"),
       "corrupt: there is no argument 9 to describe, in function f"},
      {function(kArgs + "input_arg { name: \"l\" type: DT_FLOAT number_attr: \"N\" } attr { name: "
                        "\"N\" type: \"int\" }",
                kBody + kRet),
       "unsupported: the function takes attributes (N), in function f"},
      {function(kArgs, kBody + kRet) + function(kArgs, kRet),
       "model: corrupt: two functions have this name"},
      {"library { function { signature { name: \"Add\" } } }",
       "model: corrupt: the function has the name of an op, in function Add"},
      {"library { function { } }", "model: corrupt: a function has no name"},
  };
  for (const Bad& bad : all) {
    EXPECT_EQ(decoded(bad.library).substr(0, bad.said.size()), bad.said) << bad.library;
  }
}

}  // namespace
}  // namespace whittle
