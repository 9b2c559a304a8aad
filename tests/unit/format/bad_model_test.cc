// Broken SavedModels and GraphDefs: what is wrong, as code, sentence and place.
#include "text_model.h"

namespace whittle {
namespace {

struct BadModel {
  std::string_view what;
  std::string file;
  std::string_view code;      // how the error begins
  std::string_view sentence;  // part of it
  std::string_view place;     // the innermost one
};

std::string constant(std::string_view value, std::string_view dtype = "DT_FLOAT") {
  return saved_model(
      kX + kY +
          node("c", "Const", "",
               attr("dtype", cat("type: ", dtype)) + attr("value", cat("tensor { ", value, " }"))),
      kSignature);
}

std::string with_nodes(std::string_view nodes) {
  return saved_model(kHalf + std::string(nodes), kSignature);
}

std::string with_rest(std::string_view rest) {
  return saved_model(kHalf, kSignature + std::string(rest));
}

std::string signature(std::string_view io) {
  return saved_model(kHalf, cat("signature_def { key: \"s\" value { ", io, " } }"));
}

std::string collection(std::string_view key, std::string_view value) {
  return cat("collection_def { key: \"", key, "\" value { ", value, " } } ");
}

std::string asset(std::string_view name) {
  return with_rest(
      cat("asset_file_def { tensor_info { name: \"x:0\" } filename: \"", name, "\" }"));
}

std::string without_end(std::string file, size_t bytes) {
  file.resize(file.size() - bytes);
  return file;
}

std::vector<BadModel> bad_models() {
  const std::string good = saved_model(kHalf, kSignature);
  return {
      {"an empty file", "", "corrupt", "the file is empty", "saved_model.pb"},
      {"a cut file", without_end(good, 10), "corrupt", "ends after the message that holds it",
       "byte "},
      {"a varint of eleven bytes", "\x08" + std::string(10, '\xff') + "\x01", "corrupt", "varint",
       "byte 0"},
      {"field number zero", std::string("\x00\x01", 2), "corrupt", "no protobuf field", "byte 0"},
      {"a group", "\x0b\x0c", "corrupt", "wire type 3", "byte 0"},
      {"no MetaGraph", "\x08\x01", "corrupt", "no MetaGraph", "saved_model.pb"},
      {"two nodes of one name", with_nodes(kC), "corrupt", "two nodes have this name", "node c"},
      {"a node without a name", with_nodes(node("", "NoOp")), "corrupt", "a node has no name", ""},
      {"a node without an op", with_nodes(node("n", "")), "corrupt", "the node has no op",
       "node n"},
      {"a name with a space", with_nodes(node("a b", "NoOp")), "corrupt", "characters", "node a b"},
      {"a name that begins with _", with_nodes(node("_a", "NoOp")), "corrupt", "characters",
       "node _a"},
      {"an input that is not there", with_nodes(node("n", "Identity", "gone", kFloat)), "corrupt",
       "the input gone does not exist", "node n"},
      {"a control input that is not there", with_nodes(node("n", "NoOp", "^gone")), "corrupt",
       "the input ^gone does not exist", "node n"},
      {"an empty input", with_nodes("node { name: \"n\" op: \"NoOp\" input: \"\" }"), "corrupt",
       "names no tensor", "node n"},
      {"a port that is no number", with_nodes(node("n", "Identity", "x:y", kFloat)), "corrupt",
       "names no tensor", "node n"},
      {"a negative port", with_nodes(node("n", "Identity", "x:-1", kFloat)), "corrupt",
       "names no tensor", "node n"},
      {"a port beyond the last", with_nodes(node("n", "Identity", "x:1000000", kFloat)), "corrupt",
       "input 0 reads port 1000000 of x, a Placeholder with 1 outputs", "node n"},
      {"a data input after a control input", with_nodes(node("n", "Add", "x ^c c", kFloat)),
       "corrupt", "a data input follows a control input", "node n"},
      {"too few inputs", with_nodes(node("n", "Add", "x", kFloat)), "corrupt",
       "it has 1 inputs, Add takes 2", "node n"},
      {"too many inputs", with_nodes(node("n", "Identity", "x c", kFloat)), "corrupt",
       "it has 2 inputs, Identity takes 1", "node n"},
      {"an input of another dtype",
       with_nodes(node("n", "Identity", "x", attr("T", "type: DT_INT32"))), "corrupt",
       "input 0 takes int32 and gets float32", "node n"},
      {"a missing type attribute", with_nodes(node("n", "Identity", "x")), "corrupt", "attribute T",
       "node n"},
      {"a type attribute of another kind",
       with_nodes(node("n", "Identity", "x", attr("T", "s: \"f\""))), "corrupt", "another kind",
       "node n"},
      {"an attribute twice",
       with_nodes(node("n", "NoOp", "", attr("a", "i: 1") + attr("a", "i: 2"))), "corrupt",
       "it is there twice", "attribute a"},
      {"a huge count",
       with_nodes(node("n", "Split", "c x", kFloat + attr("num_split", "i: 1000000"))), "corrupt",
       "more than", "node n"},
      {"a cycle",
       with_nodes(node("a", "Identity", "b", kFloat) + node("b", "Identity", "a", kFloat)),
       "corrupt", "cycle", "node "},
      {"a cycle of control edges", with_nodes(node("a", "NoOp", "^b") + node("b", "NoOp", "^a")),
       "corrupt", "cycle", "node "},
      {"a node that waits for itself", with_nodes(node("a", "NoOp", "^a")), "corrupt",
       "waits for itself", "node a"},
      {"_Arg in the main graph", with_nodes(node("a", "_Arg", "", kFloat + attr("index", "i: 0"))),
       "corrupt", "_Arg nodes exist only inside TensorFlow", "node a"},
      {"a Const without a value",
       with_nodes(node("k", "Const", "", attr("dtype", "type: DT_FLOAT"))), "corrupt",
       "the Const has no value", "node k"},
      {"a Const of another dtype", constant("dtype: DT_INT32 tensor_shape { } int_val: 1"),
       "corrupt", "the Const is float32 and its value int32", "node c"},
      {"a reference dtype", constant("dtype: 101 tensor_shape { }"), "corrupt",
       "a tensor has dtype", "attribute value"},
      {"an unknown dtype with no element", constant("dtype: 77 tensor_shape { dim { size: 0 } }"),
       "corrupt", "dtype(77)", "attribute value"},
      {"a negative dimension", constant("dtype: DT_FLOAT tensor_shape { dim { size: -5 } }"),
       "corrupt", "dimension of size -5", "attribute value"},
      {"an unknown dimension", constant("dtype: DT_FLOAT tensor_shape { dim { size: -1 } }"),
       "corrupt", "a tensor has the shape [?]", "attribute value"},
      {"an unknown rank", constant("dtype: DT_FLOAT tensor_shape { unknown_rank: true }"),
       "corrupt", "a tensor has the shape unknown", "attribute value"},
      {"a shape whose product overflows",
       constant(
           "dtype: DT_FLOAT tensor_shape { dim { size: 4611686018427387904 } dim { size: 4 } }"),
       "corrupt", "", "attribute value"},
      {"content that is too short",
       constant("dtype: DT_FLOAT tensor_shape { dim { size: 2 } } tensor_content: \"1234\""),
       "corrupt", "tensor_content has 4 bytes; float32[2] takes 8", "attribute value"},
      {"a few values over 4 TB",
       constant("dtype: DT_FLOAT tensor_shape { dim { size: 1099511627776 } } float_val: 1 "
                "float_val: 2"),
       "limit", "repeats its last value", "attribute value"},
      {"an input signature without a tensor", signature("inputs { key: \"x\" value { } }"),
       "corrupt", "it names no tensor", "input x"},
      {"a signature of a node that is gone",
       signature("outputs { key: \"y\" value { name: \"gone:0\" } }"), "corrupt",
       "node gone does not exist", "output y"},
      {"a signature of a port that is not there",
       signature("outputs { key: \"y\" value { name: \"y:1\" } }"), "corrupt", "has no output 1",
       "output y"},
      {"a signature key twice",
       signature("outputs { key: \"y\" value { name: \"y:0\" } } outputs { key: \"y\" value { "
                 "name: \"x:0\" } }"),
       "corrupt", "it is there twice", "output y"},
      {"a signature twice", with_rest(kSignature), "corrupt", "two signatures",
       "signature serving_default"},
      {"a default for no input", signature("defaults { key: \"z\" value { dtype: DT_FLOAT } }"),
       "corrupt", "there is no such input", "default z"},
      {"an init signature without its output",
       with_rest("signature_def { key: \"__saved_model_init_op\" value { } }"), "corrupt",
       "no output of its own name", "signature __saved_model_init_op"},
      {"an init op that is gone",
       with_rest(collection("saved_model_main_op", "node_list { value: \"gone\" }")), "corrupt",
       "node gone does not exist", "collection saved_model_main_op"},
      {"two init ops",
       with_rest(collection("legacy_init_op", "node_list { value: \"x\" value: \"y\" }")),
       "corrupt", "names 2 nodes", "collection legacy_init_op"},
      {"an asset outside", asset("../../etc/passwd"), "corrupt", "could leave the assets folder",
       "asset ../../etc/passwd"},
      {"an absolute asset", asset("/etc/passwd"), "corrupt", "could leave the assets folder",
       "asset /etc/passwd"},
      {"an asset on a drive", asset("C:vocab"), "corrupt", "could leave the assets folder",
       "asset C:vocab"},
      {"an asset with a backslash", asset("a\\\\..\\\\b"), "corrupt", "could leave",
       "asset a\\..\\b"},
      {"an asset with a NUL", asset("a\\000b"), "corrupt", "could leave", "asset a\\x00b"},
      {"an asset with an empty part", asset("a//b"), "corrupt", "could leave", "asset a//b"},
      {"an asset without its file", asset("vocab.txt"), "not_found", "missing in the assets folder",
       "asset vocab.txt"},
      {"tags that no MetaGraph has",
       binary("meta_graphs { meta_info_def { tags: \"train\" } } meta_graphs { meta_info_def { "
              "tags: \"a\" "
              "tags: \"b\" } }"),
       "not_found", "no MetaGraph has the tags {serve}; there are: {train}, {a,b}",
       "saved_model.pb"},
      {"no signature", saved_model(kHalf), "invalid_argument",
       "candidates for inputs: x; for outputs: y", "saved_model.pb"},
  };
}

TEST(BadModels, AreRefusedWithCodeSentenceAndPlace) {
  size_t refused = 0;
  for (const BadModel& bad : bad_models()) {
    MemoryFiles files({{"saved_model.pb", bad.file}});
    const Result<Model> model = read(files);
    const std::string said = outcome(model);
    EXPECT_EQ(said.substr(0, bad.code.size()), bad.code) << bad.what << ": " << said;
    EXPECT_NE(said.find(bad.sentence), std::string::npos) << bad.what << ": " << said;
    if (model.ok()) continue;
    ++refused;
    ASSERT_FALSE(model.error().where.empty()) << bad.what;
    const std::string& innermost = model.error().where.front();
    EXPECT_EQ(innermost.substr(0, bad.place.size()), bad.place) << bad.what << ": " << said;
    EXPECT_EQ(model.error().where.back(), "saved_model.pb") << bad.what << ": " << said;
  }
  EXPECT_GE(refused, 50u);
}

// Whatever is cut off: an answer, and the same one when it is asked again.
TEST(BadModels, EveryPrefixOfAModelIsAnswered) {
  const std::string good = saved_model(kHalf, kSignature);
  for (size_t length = 0; length < good.size(); ++length) {
    MemoryFiles files({{"saved_model.pb", good.substr(0, length)}});
    const Result<Model> model = read(files);
    EXPECT_FALSE(model.ok()) << length;
  }
}

TEST(BadModels, EveryFlippedByteIsAnswered) {
  const std::string good = saved_model(kHalf, kSignature);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      MemoryFiles files({{"saved_model.pb", bad}});
      const Result<Model> model = read(files);
      EXPECT_TRUE(!model.ok() || model->meta.graph.check().ok()) << at;
    }
  }
}

TEST(BadModels, AMarkerInTheInputNamesNoBytes) {
  // lazy_content (field 536870911) with offset 0 and length 16384, where only the reader may put it.
  const std::string marker("\xfa\xff\xff\xff\x0f\x04\x00\x80\x80\x01", 10);
  const std::string place = "PLACE";
  std::string file =
      saved_model(kHalf + node("k", "Const", "",
                               attr("dtype", "type: DT_FLOAT") +
                                   attr("value",
                                        "tensor { dtype: DT_FLOAT tensor_shape { dim { "
                                        "size: 4096 } } string_val: \"PLACEXYZ\" }")),
                  kSignature);
  // string_val (tag and length included) gives way to the marker of the same size.
  const size_t at = file.find(place) - 2;
  file.replace(at, marker.size(), marker);
  MemoryFiles files({{"saved_model.pb", file}});
  EXPECT_EQ(outcome(read(files)),
            "corrupt: a tensor names bytes that are not its own, in attribute value, in node k, "
            "in saved_model.pb");
}

TEST(BadModels, ManyControlInputsOnOneNodeAreReadInLinearTime) {
  std::string text = kHalf;
  for (int i = 0; i < 3000; ++i) text += node(cat("n", i), "NoOp");
  std::string group = "node { name: \"group\" op: \"NoOp\" ";
  for (int i = 0; i < 300000; ++i) group += cat("input: \"^n", i % 3000, "\" ");
  MemoryFiles files({{"saved_model.pb", saved_model(text + group + "}", kSignature)}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  EXPECT_EQ(model->meta.graph.node(model->meta.graph.find("group")).controls().size(), 3000u);
}

TEST(BadModels, ALongChainNeedsNoStack) {
  std::string text = kHalf + node("n0", "Identity", "x", kFloat);
  for (int i = 1; i < 50000; ++i) text += node(cat("n", i), "Identity", cat("n", i - 1), kFloat);
  MemoryFiles files({{"saved_model.pb", saved_model(text, kSignature)}});
  EXPECT_EQ(outcome(read(files)), "ok");
}

}  // namespace
}  // namespace whittle
