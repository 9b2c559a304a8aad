#include <gtest/gtest.h>

#include "support/run_pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Holds what an object graph would say.
class FakeObjects final : public ObjectGraph {
 public:
  Status pair(std::string_view checkpoint_graph, ObjectPairs* pairs) const override {
    EXPECT_EQ(checkpoint_graph, "stored");
    ++asked;
    for (auto& [function, found] : pairs->captures) {
      auto it = captures.find(function);
      if (it != captures.end()) found = it->second;
    }
    pairs->keys = keys;
    return {};
  }
  std::map<std::string, std::vector<uint32_t>> captures;
  std::map<uint32_t, std::string> keys;
  mutable int asked = 0;
};

class FakeCheckpoint final : public Checkpoint {
 public:
  Result<TensorRef> find(const CheckpointSlice& slice, Context&) const override {
    EXPECT_EQ(slice.key, kCheckpointObjects);
    return TensorRef::owned(Tensor(Shape(), {"stored"}));
  }
  std::vector<std::string> keys() const override { return {}; }
  uint64_t entry_bytes(const std::string&) const override { return 10; }
};

// f reads its captures; the restore fills "copy" with "from_restore".
constexpr std::string_view kModel = R"(
  x: float = Placeholder()
  v: resource = VarHandleOp() {dtype = float, shape = shape[], shared_name = "v"}
  w: resource = VarHandleOp() {dtype = float, shape = shape[], shared_name = "w"}
  copy: resource = VarHandleOp() {dtype = float, shape = shape[], shared_name = "copy"}
  y: float = PartitionedCall(x, v, w) {f = @f}
  prefix: string = Const("p")
  names: string[1] = Const("from_restore")
  slices: string[1] = Const("")
  read: float = RestoreV2(prefix, names, slices)
  restore = AssignVariableOp(TARGET, read) {dtype = float}
  input x
  return y

  function f(a: float, b: resource, c: resource) -> (r: float) {
    p: float = ReadVariableOp(b) {dtype = float}
    q: float = ReadVariableOp(c) {dtype = float}
    s: float = Add(p, q)
    t: float = Add(a, s)
    return t
  })";

struct Bound {
  std::string restores;  // "copy=from_restore v=key …", or the error
  int asked = 0;
};

Bound run_bind(std::shared_ptr<FakeObjects> objects, std::string_view target = "copy") {
  std::string text(kModel);
  text.replace(text.find("TARGET"), 6, target);
  TextModel model = parse_model(text);
  MetaGraph& meta = model.model.meta;
  meta.saver = SaverInfo{"prefix:0", "", "restore"};
  meta.checkpoint = std::make_shared<FakeCheckpoint>();
  meta.objects = objects;
  const Ran ran = run_pass("bind_variables", model);
  if (!ran.ok) return {ran.error, objects->asked};
  std::vector<std::string> out;
  for (const auto& [identity, slice] : ran.after.model.meta.restores) {
    std::string name;
    for (NodeId id : ran.after.model.meta.graph.ids()) {
      const Node& node = ran.after.model.meta.graph.node(id);
      if (node.op == "VarHandleOp" && variable_identity(node) == identity) name = node.name;
    }
    out.push_back(cat(name, "=", slice.key));
  }
  return {join(out, " "), objects->asked};
}

std::shared_ptr<FakeObjects> objects_of(std::vector<uint32_t> captures,
                                        std::map<uint32_t, std::string> keys) {
  auto objects = std::make_shared<FakeObjects>();
  objects->captures["f"] = std::move(captures);
  objects->keys = std::move(keys);
  return objects;
}

TEST(BindVariables, CapturesAreTheLastInputsOfACall) {
  EXPECT_EQ(run_bind(objects_of({5, 6}, {{5, "five"}, {6, "six"}})).restores,
            "copy=from_restore v=five w=six");
}

TEST(BindVariables, TheObjectGraphCountsWhereBothSaySomething) {
  EXPECT_EQ(run_bind(objects_of({5, 6}, {{5, "five"}, {6, "six"}}), "v").restores, "v=five w=six");
}

TEST(BindVariables, WhatTheObjectGraphDoesNotPairKeepsItsRestore) {
  EXPECT_EQ(run_bind(objects_of({5, 6}, {{6, "six"}}), "v").restores, "v=from_restore w=six");
}

TEST(BindVariables, CapturesThatAreNoVariablesOrTooManyArePassedOver) {
  EXPECT_EQ(run_bind(objects_of({4, 5, 6}, {{4, "four"}, {5, "five"}})).restores,
            "copy=from_restore v=five");
  EXPECT_EQ(run_bind(objects_of({1, 2, 3, 4}, {{4, "four"}})).restores, "copy=from_restore");
}

TEST(BindVariables, OneVariableOfTwoEntriesIsCorrupt) {
  std::shared_ptr<FakeObjects> objects = objects_of({5, 6}, {{5, "five"}, {6, "six"}});
  std::string text(kModel);
  TextModel model = parse_model(
      text.replace(text.find("x, v, w"), 7, "x, v, v").replace(text.find("TARGET"), 6, "copy"));
  model.model.meta.saver = SaverInfo{"prefix:0", "", "restore"};
  model.model.meta.checkpoint = std::make_shared<FakeCheckpoint>();
  model.model.meta.objects = objects;
  EXPECT_EQ(run_pass("bind_variables", model).error,
            "corrupt: it pairs variable v with two checkpoint entries, five and six, in the object "
            "graph");
}

TEST(BindVariables, TheObjectGraphIsAskedOnlyWhenAVariableHasNoValue) {
  TextModel model = parse_model(R"(
    x: float = Placeholder()
    v: resource = VarHandleOp() {dtype = float, shape = shape[], shared_name = "v"}
    dead: resource = VarHandleOp() {dtype = float, shape = shape[], shared_name = "dead"}
    path: resource = VarHandleOp() {dtype = float, shape = shape[], shared_name = "path"}
    file: float = Const(1)
    start = AssignVariableOp(path, file) {dtype = float}
    p: float = ReadVariableOp(v) {dtype = float}
    q: float = ReadVariableOp(path) {dtype = float}
    s: float = Add(p, q)
    y: float = Add(s, x)
    prefix: string = Const("p")
    names: string[1] = Const("k")
    slices: string[1] = Const("")
    read: float = RestoreV2(prefix, names, slices)
    restore = AssignVariableOp(v, read) {dtype = float}
    return y)");
  auto objects = std::make_shared<FakeObjects>();
  model.model.meta.saver = SaverInfo{"prefix:0", "", "restore"};
  model.model.meta.checkpoint = std::make_shared<FakeCheckpoint>();
  model.model.meta.objects = objects;
  EXPECT_TRUE(run_pass("bind_variables", model).ok);
  EXPECT_EQ(objects->asked, 0);
}

}  // namespace
}  // namespace whittle
