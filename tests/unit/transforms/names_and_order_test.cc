// obfuscate_names, sort_by_execution_order, remove_device, remove_attribute, remove_control_dependencies
#include <gtest/gtest.h>

#include "support/run_pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

TEST(ObfuscateNames, KeepsEndpointsAndShortensTheRest) {
  const TextModel before = parse_model(R"(
    x: float[2] = Placeholder()
    weights/with/a/long/name: float[2] = Const(1, 2)
    sum: float = Add(x, weights/with/a/long/name)
    1: float = Neg(sum)
    y: float = Abs(1)
    z: float = Relu(sum)
    return y, 1=z)");
  const Ran ran = run_pass("obfuscate_names", before);
  EXPECT_EQ(ran.text, canonical(R"(
    x: float[2] = Placeholder()
    0: float[2] = Const(1, 2)
    1: float = Add(x, 0)
    2: float = Neg(1)
    y: float = Abs(2)
    z: float = Relu(1)
    return y, 1=z)"));
  EXPECT_EQ(difference(before, ran.after), 0);
  EXPECT_EQ(run_pass("obfuscate_names", ran.after).text, ran.text);
}

TEST(ObfuscateNames, CountsInBase62) {
  std::string text;
  for (int k = 0; k < 100; ++k) text += cat("1", k, ": int32 = Const(", k, ")\n");
  const Ran ran = run_pass("obfuscate_names", text + "input 10\n return 19");
  EXPECT_NE(ran.after.model.meta.graph.find("Z"), kNoNode);
  EXPECT_NE(ran.after.model.meta.graph.find("11"), kNoNode);
  EXPECT_EQ(floats_of(ran.after, "10").size(), 0u);
  EXPECT_EQ(value_of(ran.after, "10").values<int32_t>()[0], 0);   // still the input
  EXPECT_EQ(value_of(ran.after, "19").values<int32_t>()[0], 9);   // still the output
  EXPECT_EQ(ran.after.model.meta.graph.size(), 100u);
}

TEST(ObfuscateNames, LeavesNamesThatAreIdentities) {
  const Ran ran = run_pass("obfuscate_names", R"(
    table: resource = HashTableV2() {key_dtype = string, value_dtype = int64}
    named: resource = HashTableV2() {key_dtype = string, value_dtype = int64, shared_name = "vocabulary"}
    s: int64 = LookupTableSizeV2(table)
    t: int64 = LookupTableSizeV2(named)
    y: int64 = Add(s, t) {_class = ["loc:@named", "loc:@gone"]}
    return y)");
  EXPECT_NE(ran.after.model.meta.graph.find("table"), kNoNode);
  EXPECT_EQ(ran.after.model.meta.graph.find("named"), kNoNode);
  EXPECT_EQ(node_named(ran.after.model, "y").attrs.find("_class")->list().strings, (std::vector<std::string>{"loc:@0"}));
}

TEST(ObfuscateNames, RenamesInsideFunctions) {
  const Ran ran = run_pass("obfuscate_names", R"(
    x: float[2] = Placeholder()
    y: float = PartitionedCall(x) {f = @f}
    return y
    function f(0: float) -> (r: float) {
      inner/name: float = Neg(0)
      return inner/name
    })");
  EXPECT_EQ(node_named(ran.after.model, "1", "f").op, "Neg");
}

std::vector<std::string> order_of(const Ran& ran) {
  std::vector<std::string> out;
  for (NodeId id : ran.after.model.meta.graph.ids()) out.push_back(ran.after.model.meta.graph.node(id).name);
  return out;
}

TEST(SortByExecutionOrder, IsTheClassicStackOrder) {
  const Ran ran = run_pass("sort_by_execution_order", R"(
    add1: float = Add(add2, add3)
    add2: float = Add(c1, c2)
    add3: float = Add(c3, c4)
    c1: float = Const(1)
    c2: float = Const(2)
    c3: float = Const(3)
    c4: float = Const(4)
    return add1)");
  EXPECT_EQ(order_of(ran), (std::vector<std::string>{"c4", "c3", "add3", "c2", "c1", "add2", "add1"}));
  EXPECT_EQ(order_of(run_pass("sort_by_execution_order", "add: float = Add(a, b)\n b: float = Const(1)\n a: float = Const(2)\n return add")),
            (std::vector<std::string>{"a", "b", "add"}));
}

TEST(SortByExecutionOrder, ChangesNothingElse) {
  constexpr std::string_view kText = R"(
    y: float = MatMul(a, w, ^n)
    n: float = NoSuchOp(x)
    a: float = PartitionedCall(x) {f = @f, device = "/gpu:0"}
    w: float[2,2] = File(1, 2, 3, 4)
    x: float[2,2] = Placeholder()
    return y, n
    init n
    function f(v: float) -> (r: float) {
      b: float = Neg(c)
      c: float = Abs(v)
      return b
    })";
  EXPECT_EQ(run_pass("sort_by_execution_order", kText).text, canonical(kText));
}

TEST(SortByExecutionOrder, SortsLoopsAndRefusesOtherCycles) {
  const Ran loop = run_pass("sort_by_execution_order", R"(
    next: float = NextIteration(body)
    body: float = Neg(t)
    f: float, t: float = Switch(merge, p)
    merge: float, i: int32 = Merge(enter, next)
    p: bool = Less(merge, merge)
    enter: float = Enter(x) {frame_name = "w"}
    x: float = Placeholder()
    return f)");
  EXPECT_TRUE(loop.ok) << loop.error;
  EXPECT_EQ(order_of(loop).front(), "x");
}

TEST(RemoveDevice, ForgetsDevicesEverywhere) {
  TextModel m = parse_model("x: float = Placeholder()\n y: float = PartitionedCall(x) {f = @f}\n return y\n"
                            "function f(v: float) -> (r: float) {\n n: float = Neg(v)\n return n\n }");
  Graph& g = m.model.meta.graph;
  for (NodeId id : g.ids()) g.mutable_node(id).device = "/device:GPU:1";
  Graph& body = m.model.meta.library.get_mutable("f").value()->body;
  for (NodeId id : body.ids()) body.mutable_node(id).device = "//cpu:0";
  EXPECT_EQ(run_pass("remove_device", m).text.find("device"), std::string::npos);
}

constexpr std::string_view kFoo = R"(
  x: float = Placeholder()
  a: float = Mul(x, x) {foo = 23, bar = "something"}
  b: float = Add(x, a) {foo = 46, bob = 23}
  return b)";

TEST(RemoveAttribute, RemovesItFromOneOpOrAll) {
  const Ran all = run_pass("remove_attribute", kFoo, {{"op_name", "*"}, {"attribute_name", "foo"}});
  EXPECT_EQ(all.text.find("foo"), std::string::npos);
  EXPECT_NE(all.text.find("bar"), std::string::npos);
  const Ran one = run_pass("remove_attribute", kFoo, {{"op_name", "Mul"}, {"attribute_name", "foo"}});
  EXPECT_FALSE(node_named(one.after.model, "a").attrs.has("foo"));
  EXPECT_TRUE(node_named(one.after.model, "b").attrs.has("foo"));
}

TEST(RemoveAttribute, WantsOneNameAndAtMostOneOp) {
  EXPECT_NE(run_pass("remove_attribute", kFoo).error.find("expects exactly one 'attribute_name' argument"), std::string::npos);
  EXPECT_NE(run_pass("remove_attribute", kFoo, {{"attribute_name", "foo"}, {"op_name", "Mul"}, {"op_name", "Add"}})
                .error.find("expects a single op_name argument, but found 2"), std::string::npos);
}

TEST(RemoveControlDependencies, DropsOnlyWhatOrdersNothing) {
  EXPECT_EQ(run_pass("remove_control_dependencies", R"(
    x: float[2] = Placeholder()
    pure: float = Neg(x)
    effect: float = NoSuchOp(x)
    group: float = Neg(x, ^effect)
    a: float = Abs(x, ^pure)
    b: float = Abs(x, ^effect, ^x)
    c: float = Abs(x, ^group)
    return a, b, c, pure)").text, canonical(R"(
    x: float[2] = Placeholder()
    pure: float = Neg(x)
    effect: float = NoSuchOp(x)
    group: float = Neg(x, ^effect)
    a: float = Abs(x)
    b: float = Abs(x, ^effect)
    c: float = Abs(x, ^group)
    return a, b, c, pure)"));
}

TEST(RemoveControlDependencies, LeavesBranchesAlone) {
  constexpr std::string_view kText = R"(
    x: float[2] = Placeholder()
    p: bool = Placeholder()
    f: float, t: float = Switch(x, p)
    pivot: float = Identity(t)
    c: float[2] = Const(1, 2, ^pivot)
    y: float, i: int32 = Merge(f, c)
    return y)";
  EXPECT_EQ(run_pass("remove_control_dependencies", kText).text, canonical(kText));
}

}  // namespace
}  // namespace whittle
