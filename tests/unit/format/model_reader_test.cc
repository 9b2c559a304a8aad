// Which MetaGraph, which signatures, what else is read.
#include "text_model.h"

namespace whittle {
namespace {

std::string meta(std::string_view tags, std::string_view rest) {
  std::string out = "meta_graphs { meta_info_def { tensorflow_version: \"2.14.0\" ";
  for (std::string_view tag : split(tags, ',')) out += cat("tags: \"", tag, "\" ");
  return cat(out, "} ", rest, " } ");
}

std::string graph(std::string_view nodes) { return cat("graph_def { ", nodes, " } "); }

ReadOptions with_tags(std::vector<std::string> tags) {
  ReadOptions options;
  options.tags = std::move(tags);
  return options;
}

std::string collection(std::string_view key, std::string_view value) {
  return cat("collection_def { key: \"", key, "\" value { ", value, " } } ");
}

std::vector<std::string> names(const MetaGraph& meta_graph, const std::vector<NodeId>& ids) {
  std::vector<std::string> out;
  for (NodeId id : ids) out.push_back(meta_graph.graph.node(id).name);
  return out;
}

TEST(ModelReader, ReadsTheGraphAndItsSignature) {
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature)}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  EXPECT_EQ(model->source, Model::Source::kSavedModel);
  EXPECT_EQ(model->meta.graph.size(), 3u);
  EXPECT_EQ(model->meta.versions.producer, 100);
  EXPECT_EQ(model->meta.info.tags, std::vector<std::string>{"serve"});
  ASSERT_EQ(model->meta.signatures.size(), 1u);
  const Signature& s = model->meta.signatures[0];
  EXPECT_EQ(s.key, "serving_default");
  EXPECT_EQ(s.method_name, "tensorflow/serving/predict");
  EXPECT_EQ(s.inputs.at("x").shape, Shape({-1}));
  EXPECT_FALSE(s.outputs.at("y").has_shape);
  EXPECT_EQ(s.outputs.at("y").tensors[0].node, model->meta.graph.find("y"));
}

TEST(ModelReader, ChoosesTheMetaGraphByItsTags) {
  const std::string two =
      binary(meta("train", graph(kX)) + meta("serve,gpu", graph(kHalf) + kSignature) +
             meta("serve", graph(kX + kC)));
  MemoryFiles files({{"saved_model.pb", two}});
  const auto nodes = [&](ReadOptions options) -> std::string {
    options.need_signature = false;
    const Result<Model> model = read(files, std::move(options));
    return model.ok() ? std::to_string(model->meta.graph.size()) : outcome(model);
  };
  EXPECT_EQ(nodes({}), "2");
  EXPECT_EQ(nodes(with_tags({"gpu", "serve"})), "3");
  EXPECT_EQ(nodes(with_tags({"train"})), "1");
  EXPECT_EQ(
      nodes(with_tags({"eval"})),
      "not_found: no MetaGraph has the tags {eval}; there are: {train}, {serve,gpu}, {serve}, "
      "in saved_model.pb");
}

TEST(ModelReader, TheOnlyMetaGraphIsTakenWhateverItsTags) {
  MemoryFiles files({{"saved_model.pb", binary(meta("transform", graph(kHalf) + kSignature))}});
  EXPECT_EQ(outcome(read(files)), "ok");
  EXPECT_EQ(outcome(read(files, with_tags({"serve"}))).substr(0, 9), "not_found");
}

TEST(ModelReader, KeepsTheSignaturesThatWereAskedFor) {
  std::string other = kSignature;
  other.replace(other.find("serving_default"), 15, "other");
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature + other)}});
  ReadOptions options;
  options.signatures = {"other"};
  const Result<Model> model = read(files, options);
  ASSERT_EQ(outcome(model), "ok");
  ASSERT_EQ(model->meta.signatures.size(), 1u);
  EXPECT_EQ(model->meta.signatures[0].key, "other");
  options.signatures = {"other", "third"};
  EXPECT_EQ(outcome(read(files, options)),
            "not_found: there is no signature third; the model has: other, serving_default, in "
            "saved_model.pb");
}

TEST(ModelReader, MakesASignatureOfNamedTensors) {
  MemoryFiles files(
      {{"graph.pb",
        graph_def(kHalf + node("a/b", "Split", "zero c", kFloat + attr("num_split", "i: 2")) +
                  node("zero", "Const", "",
                       attr("dtype", "type: DT_INT32") +
                           attr("value", "tensor { dtype: DT_INT32 tensor_shape { } }")))}});
  ReadOptions options;
  options.outputs = {"y:0", "a/b:1"};
  const Result<Model> model = read(files, options);
  ASSERT_EQ(outcome(model), "ok");
  const Signature& s = model->meta.signatures[0];
  EXPECT_EQ(s.key, "serving_default");
  ASSERT_EQ(s.inputs.count("x"), 1u);  // the placeholder that y needs
  EXPECT_EQ(s.inputs.at("x").dtype, DType::kFloat);
  EXPECT_EQ(s.outputs.count("y"), 1u);
  ASSERT_EQ(s.outputs.count("a_b_1"), 1u);
  EXPECT_EQ(s.outputs.at("a_b_1").tensors[0].slot, 1);

  options.outputs = {"gone"};
  EXPECT_EQ(outcome(read(files, options)),
            "invalid_argument: node gone does not exist, in output gone, in graph.pb");
  options.outputs = {};
  EXPECT_EQ(outcome(read(files, options)),
            "invalid_argument: the model has no signature: name its inputs and outputs (candidates "
            "for inputs: "
            "x; for outputs: y, a/b), in graph.pb");
}

TEST(ModelReader, OutputsAloneFeedThePlaceholdersTheyDependOn) {
  const std::string nodes =
      kHalf + node("other", "Placeholder", "", attr("dtype", "type: DT_FLOAT")) +
      node("rate", "PlaceholderWithDefault", "c", attr("dtype", "type: DT_FLOAT") + attr("shape", "shape { }")) +
      node("path", "Placeholder", "", attr("dtype", "type: DT_STRING")) + node("read", "ReadFile", "path") +
      node("z", "Mul", "y rate ^read", kFloat) + node("fixed", "Identity", "c", kFloat);
  MemoryFiles files({{"saved_model.pb", saved_model(nodes, "asset_file_def { tensor_info { name: \"path:0\" } filename: \"a.txt\" } ")},
                     {"assets/a.txt", "a"}});
  ReadOptions options;
  options.outputs = {"z"};
  Result<Model> model = read(files, options);
  ASSERT_EQ(outcome(model), "ok");
  ASSERT_EQ(model->meta.signatures[0].inputs.size(), 1u);
  EXPECT_EQ(model->meta.signatures[0].inputs.count("x"), 1u);

  options.outputs = {"fixed"};  // depends on nothing that is fed
  model = read(files, options);
  ASSERT_EQ(outcome(model), "ok");
  EXPECT_TRUE(model->meta.signatures[0].inputs.empty());
  EXPECT_EQ(model->meta.signatures[0].outputs.at("fixed").shape, Shape({}));

  options.inputs = {"x"};
  options.outputs = {};
  EXPECT_EQ(outcome(read(files, options)), "invalid_argument: inputs are named, but no outputs, in saved_model.pb");
}

TEST(ModelReader, NamedTensorsKeepWhatASignatureSaidAboutThem) {
  const std::string own =
      "signature_def { key: \"own\" value { inputs { key: \"a\" value { name: \"x:0\" dtype: DT_FLOAT tensor_shape { dim { size: -1 } dim { "
      "size: 7 } } } } outputs { key: \"b\" value { name: \"y:0\" dtype: DT_FLOAT tensor_shape { dim { size: 3 } dim { size: 7 } } } } } } ";
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, own)}});
  ReadOptions options;
  options.inputs = {"x"};
  options.outputs = {"y"};
  const Result<Model> model = read(files, options);
  ASSERT_EQ(outcome(model), "ok");
  ASSERT_EQ(model->meta.signatures.size(), 1u);
  EXPECT_EQ(model->meta.signatures[0].inputs.at("x").shape, Shape({-1, 7}));
  EXPECT_EQ(model->meta.signatures[0].outputs.at("y").shape, Shape({3, 7}));
}

TEST(ModelReader, NamedTensorsHaveTheirStaticShapes) {
  const std::string nodes =
      node("x", "Placeholder", "", attr("dtype", "type: DT_FLOAT") + attr("shape", "shape { dim { size: -1 } dim { size: 6 } }")) +
      node("s", "Const", "",
           attr("dtype", "type: DT_INT32") +
               attr("value", "tensor { dtype: DT_INT32 tensor_shape { dim { size: 3 } } int_val: 4 int_val: 2 int_val: 3 }")) +
      node("r", "Relu", "x", kFloat) + node("y", "Reshape", "r s", kFloat + attr("Tshape", "type: DT_INT32")) +
      node("u", "Unheard", "y");
  MemoryFiles files({{"graph.pb", graph_def(nodes + "versions { producer: 100 }")}});
  ReadOptions options;
  options.outputs = {"r", "y", "u"};
  const Result<Model> model = read(files, options);
  ASSERT_EQ(outcome(model), "ok");
  const auto& outputs = model->meta.signatures[0].outputs;
  EXPECT_EQ(outputs.at("r").shape, Shape({-1, 6}));
  EXPECT_EQ(outputs.at("y").shape, Shape({4, 2, 3}));
  EXPECT_TRUE(outputs.at("u").shape.unknown_rank);
}

TEST(ModelReader, FindsTheInitOpWhereTheLoadersDo) {
  const std::string nodes =
      kHalf + node("a", "NoOp") + node("b", "NoOp") + node("c1", "NoOp") + node("d", "NoOp");
  const std::string signature =
      "signature_def { key: \"__saved_model_init_op\" value { outputs { key: "
      "\"__saved_model_init_op\" value { name: \"a\" } } } } ";
  const std::string main_op = collection("saved_model_main_op", "node_list { value: \"b\" }");
  const std::string legacy = collection("legacy_init_op", "node_list { value: \"c1\" }");
  const std::string tables =
      collection("table_initializer", "node_list { value: \"d\" value: \"a\" }");
  const auto init = [&](const std::string& rest) {
    MemoryFiles files({{"saved_model.pb", saved_model(nodes, kSignature + rest)}});
    const Result<Model> model = read(files);
    EXPECT_EQ(outcome(model), "ok");
    EXPECT_EQ(model->meta.signatures.size(), 1u);
    return join(names(model->meta, model->meta.init), " ");
  };
  EXPECT_EQ(init(signature + main_op + legacy + tables), "a");
  EXPECT_EQ(init(main_op + legacy + tables), "b");
  EXPECT_EQ(init(legacy + tables), "c1");
  EXPECT_EQ(init(tables), "d a");
  EXPECT_EQ(init(""), "");
}

TEST(ModelReader, ReadsSparseAndCompositeTensorsAndDefaults) {
  MemoryFiles files(
      {{"saved_model.pb",
        saved_model(kHalf + node("i", "Placeholder", "", attr("dtype", "type: DT_INT64")),
                    "signature_def { key: \"s\" value { inputs { key: \"sp\" value { coo_sparse { "
                    "values_tensor_name: \"x:0\" indices_tensor_name: \"i:0\" "
                    "dense_shape_tensor_name: \"i:0\" } "
                    "dtype: DT_FLOAT } } outputs { key: \"y\" value { name: \"y:0\" } } "
                    "defaults { key: \"sp\" value { dtype: DT_FLOAT float_val: 1 } } } } ")}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  const TensorInfo& info = model->meta.signatures[0].inputs.at("sp");
  EXPECT_EQ(info.encoding, TensorInfo::Encoding::kCooSparse);
  EXPECT_EQ(info.tensors.size(), 3u);
  EXPECT_EQ(model->meta.signatures[0].defaults.count("sp"), 1u);
}

TEST(ModelReader, ReadsAssetsFromTheFieldOrTheCollection) {
  const std::string any =
      collection("saved_model_assets",
                 "any_list { value { [type.googleapis.com/tensorflow.AssetFileDef] { "
                 "tensor_info { name: \"x:0\" } filename: \"sub/a.txt\" } } }");
  const std::string field = "asset_file_def { tensor_info { name: \"c:0\" } filename: \"b.txt\" } ";
  for (const std::string& rest : {any, any + field}) {
    MemoryFiles files({{"m/saved_model.pb", saved_model(kHalf, kSignature + rest)},
                       {"m/assets/b.txt", "b"},
                       {"m/assets/sub/a.txt", "a"}});
    const Result<Model> model = read(files);
    ASSERT_EQ(outcome(model), "ok");
    ASSERT_EQ(model->meta.assets.size(), 1u);
    EXPECT_EQ(model->meta.assets[0].filename, rest == any ? "sub/a.txt" : "b.txt");
    EXPECT_EQ(model->meta.assets[0].file, FileId(rest == any ? 2 : 1));
  }
}

TEST(ModelReader, NotesTheSaverAndTheVariablesOfTheCollections) {
  // VariableDef { variable_name: "v:0" initializer_name: "v/Assign" }
  const std::string rest =
      "saver_def { filename_tensor_name: \"save/Const:0\" save_tensor_name: \"save/id:0\" "
      "restore_op_name: \"save/restore_all\" version: V2 } " +
      collection("variables", "bytes_list { value: \"\\n\\003v:0\\022\\010v/Assign\" }") +
      collection("train_op", "node_list { value: \"x\" }");
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature + rest)}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  ASSERT_TRUE(model->meta.saver.has_value());
  EXPECT_EQ(model->meta.saver->restore_op, "save/restore_all");
  EXPECT_EQ(model->meta.remainder.variable_initializers.at("v"), "v/Assign");
  EXPECT_EQ(model->meta.remainder.node_collections.at("train_op"), std::vector<std::string>{"x"});
  EXPECT_GT(model->meta.remainder.saver_bytes, 30u);
}

TEST(ModelReader, NotesWhatTheObjectGraphHeld) {
  const std::string rest =
      "object_graph_def { nodes { children { node_id: 1 local_name: \"serve\" } children { "
      "node_id: 2 "
      "local_name: \"model\" } children { node_id: 1 local_name: \"serving_default\" } user_object "
      "{ identifier: "
      "\"_tf_keras_model\" } } nodes { function { concrete_functions: \"f\" } } nodes { variable { "
      "dtype: DT_FLOAT } } } ";
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature + rest)}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  EXPECT_TRUE(model->meta.remainder.is_keras);
  EXPECT_TRUE(model->meta.remainder.has_object_graph);
  EXPECT_EQ(model->meta.remainder.object_functions, std::vector<std::string>{"serve"});
}

TEST(ModelReader, AttributesItDoesNotKnowAreKept) {
  std::string file =
      saved_model(kHalf + node("n", "NoOp", "", attr("a", "s: \"PLACE\"")), kSignature);
  // AttrValue.s becomes field 15, which nobody knows.
  file[file.find("PLACE") - 2] = 0x7a;
  MemoryFiles files({{"saved_model.pb", file}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  const AttrValue* a = model->meta.graph.node(model->meta.graph.find("n")).attrs.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->kind(), AttrValue::Kind::kRaw);
  EXPECT_EQ(a->s(), "\x7a\x05PLACE");
}

}  // namespace
}  // namespace whittle
