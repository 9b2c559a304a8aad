// What a frozen SavedModel holds, byte for byte the same each time (formats.md §4.6, §4.9).
#include <algorithm>

#include "format/decode.h"
#include "format/wire_views.h"
#include "graph.pb.h"
#include "saved_model.pb.h"
#include "text_model.h"

namespace whittle {
namespace {

using format::bytes_fields;

// The parts of a written saved_model.pb.
struct Written {
  std::vector<pb::Node> nodes;
  std::vector<pb::Function> functions;
  std::map<std::string, pb::Collection> collections;
  std::map<std::string, pb::Signature> signatures;
  std::vector<pb::AssetFile> assets;
  pb::MetaInfo info;
  bool has_saver = false, has_object_graph = false;

  const pb::Node* node(std::string_view name) const {
    for (const pb::Node& n : nodes) {
      if (n.name() == name) return &n;
    }
    return nullptr;
  }
  std::string order() const {
    std::string out;
    for (const pb::Node& n : nodes) out += n.name() + " ";
    return out;
  }
};

std::vector<std::string_view> fields(std::string_view message, uint32_t number) {
  Result<std::vector<std::string_view>> found = bytes_fields(message, number);
  EXPECT_EQ(outcome(found), "ok");
  return found.ok() ? *found : std::vector<std::string_view>();
}

template <class Message>
Message parsed(std::string_view bytes) {
  Message out;
  EXPECT_TRUE(format::parse(bytes, &out));
  return out;
}

Written take_apart(std::string_view saved_model_pb) {
  Written out;
  const std::string_view meta = fields(saved_model_pb, 2).at(0);
  out.info = parsed<pb::MetaInfo>(fields(meta, 1).at(0));
  const std::string_view graph = fields(meta, 2).at(0);
  for (std::string_view n : fields(graph, 1)) out.nodes.push_back(parsed<pb::Node>(n));
  for (std::string_view library : fields(graph, 2)) {
    for (std::string_view f : fields(library, 1)) out.functions.push_back(parsed<pb::Function>(f));
  }
  out.has_saver = !fields(meta, 3).empty();
  for (std::string_view c : fields(meta, 4)) {
    const auto entry = parsed<pb::CollectionEntry>(c);
    out.collections[entry.key()] = entry.value();
  }
  for (std::string_view s : fields(meta, 5)) {
    const auto entry = parsed<pb::SignatureEntry>(s);
    out.signatures[entry.key()] = entry.value();
  }
  for (std::string_view a : fields(meta, 6)) out.assets.push_back(parsed<pb::AssetFile>(a));
  out.has_object_graph = !fields(meta, 7).empty();
  return out;
}

Model model_of(MemoryFiles& files, ReadOptions options = {}) {
  Result<Model> model = read(files, std::move(options));
  EXPECT_EQ(outcome(model), "ok");
  return model.ok() ? std::move(model).value() : Model();
}

std::vector<MemoryFile> written_files(const Model& model, MemoryFiles& files,
                                      const std::string& root = {}) {
  Result<std::vector<MemoryFile>> out = write(model, files, root);
  EXPECT_EQ(outcome(out), "ok");
  return out.ok() ? std::move(out).value() : std::vector<MemoryFile>();
}

Written rewritten(const std::string& saved_model_pb) {
  MemoryFiles files({{"saved_model.pb", saved_model_pb}});
  const std::vector<MemoryFile> out = written_files(model_of(files, without_signature()), files);
  EXPECT_EQ(out.size(), 1u);
  return take_apart(out.back().content);
}

// Reading what was written and writing it again changes nothing.
void expect_stable(std::vector<MemoryFile> first) {
  MemoryFiles files = MemoryFiles::of(first);
  const std::vector<MemoryFile> second = written_files(model_of(files, without_signature()), files);
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].path, second[i].path);
    EXPECT_TRUE(first[i].content == second[i].content) << first[i].path;
  }
}

std::string collection(std::string_view key, std::string_view nodes) {
  return cat("collection_def { key: \"", key, "\" value { node_list { ", nodes, " } } } ");
}

TEST(SavedModelWriter, KeepsGraphAndSignatureAndDropsSaverAndObjectGraph) {
  const Written out = rewritten(saved_model(
      kHalf, kSignature + "saver_def { restore_op_name: \"y\" } object_graph_def { nodes { } } " +
                 collection("train_op", "value: \"x\"")));
  EXPECT_EQ(out.order(), "x c y ");
  EXPECT_EQ(out.node("y")->input(0), "x");
  EXPECT_FALSE(out.has_saver);
  EXPECT_FALSE(out.has_object_graph);
  EXPECT_TRUE(out.collections.empty());
  const pb::Signature& s = out.signatures.at("serving_default");
  EXPECT_EQ(s.inputs(0).value().name(), "x:0");
  EXPECT_EQ(s.inputs(0).value().tensor_shape().dim(0).size(), -1);
  EXPECT_FALSE(s.outputs(0).value().has_tensor_shape());
  EXPECT_EQ(s.method_name(), "tensorflow/serving/predict");
  EXPECT_EQ(out.info.tags(0), "serve");
  EXPECT_TRUE(out.info.stripped_default_attrs());
}

TEST(SavedModelWriter, OrdersNodesByTheirEdgesAndLeavesDefaultsOut) {
  const Written out = rewritten(
      saved_model(node("z", "MatMul", "y x ^late",
                       kFloat + attr("transpose_b", "b: false") + attr("transpose_a", "b: true") +
                           attr("_class", "list { s: \"loc:@gone\" s: \"loc:@x\" }")) +
                      node("late", "NoOp", "",
                           attr("_class", "list { s: \"loc:@gone\" }") + attr("empty", "")) +
                      kY + kX + kC,
                  kSignature));
  EXPECT_EQ(out.order(), "late x c y z ");
  EXPECT_EQ(out.node("z")->input(2), "^late");
  ASSERT_EQ(out.node("z")->attr_size(), 3);
  EXPECT_EQ(out.node("z")->attr(0).key(), "T");
  EXPECT_EQ(out.node("z")->attr(1).key(), "_class");
  EXPECT_EQ(out.node("z")->attr(1).value().list().s_size(), 1);
  EXPECT_EQ(out.node("z")->attr(2).key(), "transpose_a");
  EXPECT_EQ(out.node("late")->attr_size(), 0);
}

TEST(SavedModelWriter, RunsTheInitNodesThroughOneNoOp) {
  const std::string nodes = kHalf + node("a", "NoOp") + node("b", "NoOp") + node("init", "NoOp");
  const Written one =
      rewritten(saved_model(nodes, kSignature + collection("legacy_init_op", "value: \"a\"")));
  EXPECT_EQ(one.collections.at("saved_model_main_op").node_list().value(0), "a");
  EXPECT_EQ(one.nodes.size(), 6u);
  const Written two = rewritten(saved_model(
      nodes, kSignature + collection("table_initializer", "value: \"b\" value: \"a\"")));
  const std::string name = two.collections.at("saved_model_main_op").node_list().value(0);
  EXPECT_EQ(name, "init_1");
  ASSERT_NE(two.node(name), nullptr);
  EXPECT_EQ(two.node(name)->op(), "NoOp");
  EXPECT_EQ(two.node(name)->input(0), "^b");
  EXPECT_EQ(two.node(name)->input(1), "^a");
  EXPECT_EQ(two.collections.count("legacy_init_op"), 0u);
}

TEST(SavedModelWriter, CopiesAssetsThatSurviveAndAllOfAssetsExtra) {
  const auto asset = [](std::string_view tensor, std::string_view name) {
    return cat("asset_file_def { tensor_info { name: \"", tensor, "\" } filename: \"", name,
               "\" } ");
  };
  MemoryFiles files(
      {{"m/saved_model.pb", saved_model(kHalf, kSignature + asset("x:0", "sub/b.txt") +
                                                   asset("c:0", "a.txt") + asset("y:0", "a.txt"))},
       {"m/assets/a.txt", "AA"},
       {"m/assets/sub/b.txt", "BB"},
       {"m/assets/unused.txt", "UU"},
       {"m/assets.extra/empty", ""},
       {"m/assets.extra/warmup", "WW"},
       {"m/variables/variables.index", "?"}});
  Model model = model_of(files);
  std::vector<MemoryFile> out = written_files(model, files, "m/");
  ASSERT_EQ(out.size(), 5u);
  EXPECT_EQ(out[0].path, "assets.extra/empty");
  EXPECT_EQ(out[1].path, "assets.extra/warmup");
  EXPECT_EQ(out[1].content, "WW");
  EXPECT_EQ(out[2].path, "assets/a.txt");
  EXPECT_EQ(out[3].path, "assets/sub/b.txt");
  EXPECT_EQ(out[3].content, "BB");
  EXPECT_EQ(out[4].path, "saved_model.pb");
  const Written written = take_apart(out[4].content);
  ASSERT_EQ(written.assets.size(), 3u);
  EXPECT_EQ(written.assets[0].tensor_info().name(), "x:0");
  EXPECT_EQ(written.collections.at("saved_model_assets").any_list().value_size(), 3);
  expect_stable(out);
  model.meta.assets.pop_back();
  model.meta.assets.pop_back();
  EXPECT_EQ(written_files(model, files, "m/").size(), 4u);
}

const std::string kFunctions =
    "library { function { signature { name: \"outer\" input_arg { name: \"a\" type: DT_FLOAT } "
    "output_arg { name: "
    "\"r\" type: DT_FLOAT } is_stateful: true control_output: \"z\" control_output: \"b\" } "
    "node_def { name: \"call\" op: \"PartitionedCall\" input: \"split:output:1\" input: "
    "\"^split\" " +
    attr("f", "func { name: \"inner\" }") + attr("Tin", "list { type: DT_FLOAT }") +
    attr("Tout", "list { type: DT_FLOAT }") + "} node_def { name: \"axis\" op: \"Const\" " +
    attr("dtype", "type: DT_INT32") + attr("value", "tensor { dtype: DT_INT32 tensor_shape { } }") +
    "} node_def { name: \"split\" op: \"Split\" input: \"axis:output:0\" input: \"a\" " + kFloat +
    attr("num_split", "i: 2") +
    "} ret { key: \"r\" value: \"call:output:0\" } control_ret { key: \"z\" value: "
    "\"call\" } control_ret { key: \"b\" value: \"split\" } attr { key: \"_noinline\" value { b: "
    "true } } "
    "arg_attr { key: 0 value { attr { key: \"_user_specified_name\" value { s: \"aa\" } } } } } "
    "function { signature { name: \"inner\" input_arg { name: \"v\" type: DT_FLOAT } output_arg { "
    "name: \"w\" type: "
    "DT_FLOAT } } ret { key: \"w\" value: \"v\" } } "
    "function { signature { name: \"unused\" } } } ";

std::string calling(std::string_view function) {
  return kHalf +
         node("call", "PartitionedCall", "y",
              attr("f", cat("func { name: \"", function, "\" }")) +
                  attr("Tin", "list { type: DT_FLOAT }") + attr("Tout", "list { type: DT_FLOAT }"));
}

TEST(SavedModelWriter, WritesTheFunctionsThatAreReached) {
  const Written out = rewritten(saved_model(calling("outer") + kFunctions, kSignature));
  ASSERT_EQ(out.functions.size(), 2u);
  EXPECT_EQ(out.functions[0].signature().name(), "inner");
  EXPECT_EQ(out.functions[0].ret(0).value(), "v");
  const pb::Function& f = out.functions[1];
  EXPECT_EQ(f.signature().input_arg(0).name(), "a");
  EXPECT_EQ(f.signature().input_arg(0).type(), 1);
  EXPECT_TRUE(f.signature().is_stateful());
  EXPECT_EQ(f.signature().control_output(0), "b");
  ASSERT_EQ(f.node_def_size(), 3);
  EXPECT_EQ(f.node_def(0).name(), "axis");
  EXPECT_EQ(f.node_def(1).input(0), "axis:output:0");
  EXPECT_EQ(f.node_def(1).input(1), "a");
  EXPECT_EQ(f.node_def(2).input(0), "split:output:1");
  EXPECT_EQ(f.node_def(2).input(1), "^split");
  EXPECT_EQ(f.ret(0).value(), "call:output:0");
  EXPECT_EQ(f.control_ret(0).key(), "b");
  EXPECT_EQ(f.attr(0).key(), "_noinline");
  EXPECT_FALSE(f.arg_attr(0).has_key());
  EXPECT_EQ(f.arg_attr(0).value().attr(0).value().s(), "aa");
}

TEST(SavedModelWriter, RefusesANamedFunctionThatIsNotThere) {
  MemoryFiles files({{"saved_model.pb", saved_model(calling("gone"), kSignature)}});
  const Model model = model_of(files);
  EXPECT_EQ(outcome(write(model, files)),
            "corrupt: the function is named by a node and does not exist, in function gone");
}

TEST(SavedModelWriter, AnArgumentThatMeetsANodeGetsTheNameOfItsNode) {
  MemoryFiles files({{"saved_model.pb", saved_model(calling("inner") + kFunctions, kSignature)}});
  Model model = model_of(files);
  Function* f = model.meta.library.get_mutable("inner").value();
  f->body.rename(f->body.find("v"), "v_1");
  f->body.add("v", "NoOp");
  const Written out = take_apart(written_files(model, files).back().content);
  ASSERT_EQ(out.functions.size(), 1u);
  EXPECT_EQ(out.functions[0].signature().input_arg(0).name(), "v_1");
  EXPECT_EQ(out.functions[0].ret(0).value(), "v_1");
}

TEST(SavedModelWriter, CustomOpsKeepTheirDescription) {
  const std::string op_list =
      "op { name: \"ZeroOut\" input_arg { name: \"in\" type_attr: \"T\" number_attr: \"N\" } "
      "output_arg { name: "
      "\"out\" type: DT_FLOAT is_ref: true } attr { name: \"T\" type: \"type\" } attr { name: "
      "\"N\" type: \"int\" "
      "default_value { i: 2 } } is_stateful: true } op { name: \"Unused\" } op { name: \"Add\" } ";
  const std::string file =
      binary(cat("meta_graphs { meta_info_def { tags: \"serve\" stripped_op_list { ", op_list,
                 " } } graph_def { ", kHalf,
                 node("zero", "ZeroOut", "x y", kFloat + attr("N", "i: 2") + attr("odd", "i: 3")),
                 " } ", kSignature, " }"));
  const Written out = rewritten(file);
  ASSERT_NE(out.node("zero"), nullptr);
  EXPECT_EQ(out.node("zero")->attr_size(), 2);  // N is at its default
  const std::vector<std::string_view> ops = fields(out.info.stripped_op_list(), 1);
  ASSERT_EQ(ops.size(), 1u);
  const auto op = parsed<pb::OpDef>(ops[0]);
  EXPECT_EQ(op.name(), "ZeroOut");
  EXPECT_EQ(op.input_arg(0).number_attr(), "N");
  EXPECT_TRUE(op.output_arg(0).is_ref());
  EXPECT_EQ(op.attr(1).default_value().i(), 2);
  EXPECT_TRUE(op.is_stateful());
}

TEST(SavedModelWriter, LargeConstantsAreSegmentsOfTheInputFile) {
  std::string content;
  for (int i = 0; i < 4096; ++i) content += cat("\\00", i % 8, "\\000\\000\\000");
  MemoryFiles files(
      {{"saved_model.pb",
        saved_model(
            kHalf +
                node("k", "Const", "",
                     attr("dtype", "type: DT_FLOAT") +
                         attr("value",
                              cat("tensor { dtype: DT_FLOAT tensor_shape { dim { size: 4096 } } "
                                  "tensor_content: \"",
                                  content, "\" }"))),
            kSignature)}});
  const Model model = model_of(files);
  const Result<std::vector<PlannedFile>> plan = files.run([&](Context& ctx) {
    return plan_saved_model(model, files.cache().files(), "", WriteOptions(), ctx);
  });
  ASSERT_EQ(outcome(plan), "ok");
  ASSERT_EQ(plan->back().segments.size(), 3u);
  const PlannedSegment& segment = plan->back().segments[1];
  EXPECT_EQ(segment.kind, PlannedSegment::Kind::kTensor);
  EXPECT_EQ(segment.size, 16384u);
  EXPECT_EQ(segment.name, "k");
  EXPECT_EQ(segment.tensor.kind(), TensorRef::Kind::kFile);
  expect_stable(written_files(model, files));
}

TEST(SavedModelWriter, SmallFileTensorsAreLoadedAndWrittenLikeOthers) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature)},
                     {"variables/variables.data-00000-of-00001", std::string(400, '\0')}});
  Model model = model_of(files);
  Graph& graph = model.meta.graph;
  AttrMap attrs;
  attrs.set("dtype", AttrValue::type(DType::kFloat));
  attrs.set("value",
            AttrValue::tensor(TensorRef::file(
                DType::kFloat, {100}, {FilePiece{{FileId(1), 0, 400}}}, std::nullopt, false)));
  graph.add("w", "Const", {}, attrs);
  const std::vector<MemoryFile> out = written_files(model, files);
  const Written written = take_apart(out.back().content);
  const pb::Tensor& tensor = written.node("w")->attr(1).value().tensor();
  EXPECT_EQ(tensor.tensor_content().size(), 0u);  // all zero
  expect_stable(out);
}

TEST(SavedModelWriter, RefusesWhatTensorFlowCannotRead) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature)}});
  Model model = model_of(files);
  AttrMap attrs;
  attrs.set("dtype", AttrValue::type(DType::kFloat));
  attrs.set("value", AttrValue::tensor(TensorRef::file(DType::kFloat, {475'000'000},
                                                       {FilePiece{{FileId(0), 0, 1'900'000'000}}},
                                                       std::nullopt, false)));
  model.meta.graph.add("w", "Const", {}, attrs);
  EXPECT_EQ(outcome(write(model, files)).substr(0, 34), "limit: the frozen graph takes 1.9 ");
}

TEST(GraphDefWriter, WritesTheGraphAloneAndWarnsOfWhatIsLost) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf + node("a", "NoOp"),
                                                    kSignature + collection("saved_model_main_op",
                                                                            "value: \"a\""))}});
  const Model model = model_of(files);
  const Result<PlannedFile> plan =
      files.run([&](Context& ctx) { return plan_graph_def(model, "out.pb", WriteOptions(), ctx); });
  ASSERT_EQ(outcome(plan), "ok");
  ASSERT_EQ(files.ctx().warnings().size(), 1u);
  MemoryFiles again({{"out.pb", content_of(*plan, files)}});
  const Model back = model_of(again, without_signature());
  EXPECT_EQ(back.source, Model::Source::kGraphDef);
  EXPECT_EQ(back.meta.graph.size(), 4u);
  EXPECT_EQ(back.meta.versions.producer, 100);
}

TEST(GraphDefWriter, ABareGraphBecomesAServableModel) {
  MemoryFiles files({{"f.pb", graph_def(kHalf)}});
  ReadOptions options;
  options.outputs = {"y"};
  const std::vector<MemoryFile> out = written_files(model_of(files, options), files);
  const Written written = take_apart(out.back().content);
  EXPECT_EQ(written.info.tags(0), "serve");
  EXPECT_EQ(written.signatures.at("serving_default").inputs(0).value().name(), "x:0");
  expect_stable(out);
}

TEST(SavedModelWriter, IsStableOverFunctionsAndInit) {
  MemoryFiles files(
      {{"saved_model.pb",
        saved_model(calling("outer") + kFunctions + node("a", "NoOp") + node("b", "NoOp"),
                    kSignature + collection("table_initializer", "value: \"b\" value: \"a\""))}});
  expect_stable(written_files(model_of(files), files));
}

}  // namespace
}  // namespace whittle
