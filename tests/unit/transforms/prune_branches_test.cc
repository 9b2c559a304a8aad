#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

constexpr std::string_view kSwitch = R"(
    x: float[3] = Placeholder()
    p: bool = Const(true)
    pred: bool = Identity(p)
    f: float, t: float = Switch(x, pred)
    a: float = Relu(f)
    b: float = Tanh(f:1)
    m: float, i: int32 = Merge(a, b)
    y: float = Neg(m)
    return y)";

TEST(PruneBranches, TakesTheBranchOfAConstant) {
  const TextModel before = parse_model(kSwitch);
  const Ran ran = run_pass("prune_branches", before);
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(run_pass("remove_identities", ran.after).text, canonical(R"(
    x: float[3] = Placeholder()
    b: float = Tanh(x)
    y: float = Neg(b)
    p: bool = Const(true)
    return y)"));
  EXPECT_EQ(run_pass("prune_branches", ran.after).text, ran.text);
}

TEST(PruneBranches, MakesTheIndexAConstant) {
  const Ran ran = run_pass("prune_branches", R"(
    x: float[3] = Placeholder()
    p: bool = Const(false)
    f: float, t: float = Switch(x, p)
    a: float = Relu(f)
    b: float = Tanh(f:1)
    m: float, i: int32 = Merge(b, a)
    y: int32 = Neg(m:1)
    z: float = Neg(m)
    return y, z)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(node_named(ran.after.model, "m/value_index").op, "Const");
  EXPECT_EQ(value_of(ran.after, "m/value_index").values<int32_t>()[0], 1);
  EXPECT_EQ(ran.after.model.meta.graph.find("b"), kNoNode);
}

TEST(PruneBranches, FollowsControlEdgesIntoDeadBranches) {
  const Ran ran = run_pass("prune_branches", R"(
    x: float[3] = Placeholder()
    p: bool = Const(true)
    s: bool, st: bool = Switch(p, p)
    off: bool = Identity(s)
    on: bool = Identity(s:1)
    c: float = Const(1, ^off)
    d: float = Const(2, ^on)
    m: float, i: int32 = Merge(c, d)
    y: float = Mul(x, m)
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(ran.after.model.meta.graph.find("c"), kNoNode);
  EXPECT_EQ(ran.after.model.meta.graph.find("off"), kNoNode);
  EXPECT_EQ(node_named(ran.after.model, "m").op, "Identity");
}

TEST(PruneBranches, KeepsLoops) {
  constexpr std::string_view kLoop = R"(
    x: float[3] = Placeholder()
    n: int32 = Const(4)
    zero: int32 = Const(0)
    p: bool = Const(true)
    f: float, t: float = Switch(x, p)
    e: float = Enter(f:1) {frame_name = "w"}
    m: float, i: int32 = Merge(e, next)
    k: int32 = Enter(zero) {frame_name = "w"}
    km: int32, ki: int32 = Merge(k, kn)
    lim: int32 = Enter(n) {frame_name = "w", is_constant = true}
    less: bool = Less(km, lim)
    c: bool = LoopCond(less)
    sf: float, st: float = Switch(m, c)
    kf: int32, kt: int32 = Switch(km, c)
    body: float = Tanh(sf:1)
    one: int32 = Const(1, ^sf)
    kp: int32 = AddV2(kf:1, one)
    next: float = NextIteration(body)
    kn: int32 = NextIteration(kp)
    out: float = Exit(sf)
    y: float = Neg(out)
    return y)";
  const Ran ran = run_pass("prune_branches", kLoop);
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(node_named(ran.after.model, "f").op, "Identity");
  EXPECT_EQ(node_named(ran.after.model, "m").op, "Merge");
  EXPECT_EQ(node_named(ran.after.model, "sf").op, "Switch");
}

TEST(PruneBranches, RemovesALoopThatIsNeverEntered) {
  const Ran ran = run_pass("prune_branches", R"(
    x: float[3] = Placeholder()
    p: bool = Const(false)
    f: float, t: float = Switch(x, p)
    e: float = Enter(f:1) {frame_name = "w"}
    m: float, i: int32 = Merge(e, next)
    lim: float = Enter(f:1) {frame_name = "w", is_constant = true}
    axis: int32 = Const(0, ^e)
    less: bool = Less(m, lim)
    all: bool = All(less, axis)
    c: bool = LoopCond(all)
    sf: float, st: float = Switch(m, c)
    body: float = Tanh(sf:1)
    next: float = NextIteration(body)
    out: float = Exit(sf)
    r: float, ri: int32 = Merge(out, f)
    y: float = Neg(r)
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(ran.after.model.meta.graph.find("next"), kNoNode);
  EXPECT_EQ(ran.after.model.meta.graph.find("m"), kNoNode);
  EXPECT_EQ(node_named(ran.after.model, "r").op, "Identity");
}

constexpr std::string_view kFunctions = R"(
    function double(v: float) -> (r: float) {
      a: float = Add(v, v)
      return a
    }
    function neg(v: float) -> (r: float) {
      b: float = Neg(v)
      return b
    }
    function never(v: float, n: int32) -> (r: bool) {
      z: int32 = Const(3)
      l: bool = Less(z, n)
      return l
    }
    function turn(v: float, n: int32) -> (r: float, k: int32) {
      a: float = Add(v, v)
      return a, n
    })";

TEST(PruneBranches, InlinesTheBranchOfIfAndCase) {
  const TextModel before = parse_model(R"(
    x: float[3] = Placeholder()
    yes: bool = Const(true)
    five: int32 = Const(5)
    i: float = StatelessIf(yes, x) {then_branch = @double, else_branch = @neg}
    c: float = StatelessCase(five, i) {branches = [@double, @neg]}
    y: float = Tanh(c)
    return y)" + std::string(kFunctions));
  const Ran ran = run_pass("prune_branches", before);
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(node_named(ran.after.model, "i/a").op, "Add");
  EXPECT_EQ(node_named(ran.after.model, "c/b").op, "Neg");
  EXPECT_EQ(ran.after.model.meta.graph.find("i"), kNoNode);
}

TEST(PruneBranches, HandsValuesPastALoopWithoutTurns) {
  const TextModel before = parse_model(R"(
    x: float[3] = Placeholder()
    two: int32 = Const(2)
    w: float, k: int32 = StatelessWhile(x, two) {cond = @never, body = @turn}
    y: float = Tanh(w)
    return y)" + std::string(kFunctions));
  const Ran ran = run_pass("prune_branches", before);
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(node_named(ran.after.model, "w").op, "IdentityN");
  const Ran turns = run_pass("prune_branches", R"(
    x: float[3] = Placeholder()
    n: int32 = Const(4)
    w: float, k: int32 = StatelessWhile(x, n) {cond = @never, body = @turn}
    y: float = Tanh(w)
    return y)" + std::string(kFunctions));
  EXPECT_EQ(node_named(turns.after.model, "w").op, "StatelessWhile");
}

constexpr std::string_view kPhase = R"(
    x: float[3] = Placeholder()
    default: bool = Const(false)
    phase: bool = PlaceholderWithDefault(default) {shape = shape[]}
    f: float, t: float = Switch(x, phase)
    a: float = Relu(f)
    b: float = Tanh(f:1)
    m: float, i: int32 = Merge(a, b)
    y: float = Neg(m)
    return y)";

TEST(PruneBranches, TakesDefaultsWhenAsked) {
  const Ran kept = run_pass("prune_branches", std::string(kPhase) + "\n input x");
  EXPECT_EQ(node_named(kept.after.model, "f").op, "Switch");
  const Ran taken = run_pass("prune_branches", std::string(kPhase) + "\n input x", {{"defaults", "true"}});
  ASSERT_TRUE(taken.ok) << taken.error;
  EXPECT_EQ(taken.after.model.meta.graph.find("b"), kNoNode);
  const Ran fed = run_pass("prune_branches", std::string(kPhase) + "\n input x, phase", {{"defaults", "true"}});
  EXPECT_EQ(node_named(fed.after.model, "f").op, "Switch");
}

TEST(PruneBranches, FixesInputs) {
  const Ran ran = run_pass("prune_branches", std::string(kPhase) + "\n input x, phase", {{"input", "phase=true"}});
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(ran.after.model.meta.graph.find("a"), kNoNode);
  EXPECT_EQ(ran.after.model.meta.signatures[0].inputs.size(), 1u);
  for (const auto& [given, words] : std::vector<std::pair<std::string, std::string>>{
           {"phase", "name=value"}, {"phase=maybe", "name=value"}, {"phase=2", "does not fit"}, {"y=true", "no placeholder"}, {"q=1", "no placeholder"}}) {
    const Ran refused = run_pass("prune_branches", kPhase, {{"input", given}});
    EXPECT_FALSE(refused.ok) << given;
    EXPECT_NE(refused.error.find(words), std::string::npos) << refused.error;
  }
}

TEST(PruneBranches, DeclinesWhenSomethingNamedWouldBeDead) {
  for (std::string_view text : {
           "x: float[3] = Placeholder()\n p: bool = Const(true)\n f: float, t: float = Switch(x, p)\n a: float = Relu(f)\n b: float = Tanh(f:1)\n return a, b",
           // What is fed is no constant.
           "x: float[3] = Placeholder()\n p: bool = Const(true)\n f: float, t: float = Switch(x, p)\n m: float, i: int32 = Merge(f, f:1)\n y: float = Neg(m)\n input x, p\n return y",
           // Three values, one dead, and the index is read.
           "x: float[3] = Placeholder()\n q: bool = Placeholder()\n p: bool = Const(true)\n f: float, t: float = Switch(x, p)\n g: float, h: float = Switch(x, q)\n"
           "m: float, i: int32 = Merge(f, g, g:1)\n y: int32 = Neg(m:1)\n return y",
       }) {
    EXPECT_EQ(run_pass("prune_branches", text).text, canonical(text)) << text;
  }
}

}  // namespace
}  // namespace whittle
