#include "text_model.h"

namespace whittle {
namespace {

std::string detected(std::vector<MemoryFile> list) {
  MemoryFiles files = MemoryFiles::of(std::move(list));
  const Result<DetectedInput> found =
      files.run([&](Context& ctx) { return detect_input(files.cache().files(), ctx); });
  if (!found.ok()) return outcome(found);
  constexpr std::string_view kForms[] = {"SavedModel", "SavedModel text", "GraphDef",
                                         "GraphDef text"};
  return cat(kForms[static_cast<size_t>(found->form)], " ",
             files.cache().files()[static_cast<size_t>(found->file)].path, " root '", found->root,
             "'");
}

TEST(DetectInput, FindsTheModelInItsFolderOrBelow) {
  EXPECT_EQ(detected({{"variables/variables.index", ""}, {"saved_model.pb", ""}}),
            "SavedModel saved_model.pb root ''");
  EXPECT_EQ(detected({{"export/1/saved_model.pb", ""}, {"export/1/assets/x.pb", ""}}),
            "SavedModel export/1/saved_model.pb root 'export/1/'");
  EXPECT_EQ(detected({{"m/saved_model.pbtxt", ""}}),
            "SavedModel text m/saved_model.pbtxt root 'm/'");
  EXPECT_EQ(detected({{"m/saved_model.pbtxt", ""}, {"m/saved_model.pb", ""}}),
            "SavedModel m/saved_model.pb root 'm/'");
  EXPECT_EQ(detected({{"m/saved_model.pb", ""}, {"m/assets.extra/old/saved_model.pb", ""}}),
            "SavedModel m/saved_model.pb root 'm/'");
  EXPECT_EQ(
      detected({{"__MACOSX/m/saved_model.pb", ""}, {"m/saved_model.pb", ""}, {".DS_Store", ""}}),
      "SavedModel m/saved_model.pb root 'm/'");
}

TEST(DetectInput, DoesNotChooseAmongVersions) {
  EXPECT_EQ(detected({{"1/saved_model.pb", ""}, {"2/saved_model.pb", ""}}),
            "invalid_argument: there are several models: 1, 2; give the folder of one of them");
  EXPECT_EQ(detected({{"a.pb", "\n"}, {"b.pb", "\n"}}),
            "invalid_argument: there are several graphs: a.pb, b.pb; give one of them");
}

TEST(DetectInput, TellsGraphsFromModelsByTheirFirstBytes) {
  EXPECT_EQ(detected({{"f.pb", graph_def(kHalf)}}), "GraphDef f.pb root ''");
  EXPECT_EQ(detected({{"d/f.pb", saved_model(kHalf)}}), "SavedModel d/f.pb root 'd/'");
  EXPECT_EQ(detected({{"f.pb", binary("meta_graphs { }")}}), "SavedModel f.pb root ''");
  EXPECT_EQ(detected({{"f.pbtxt", "\n# a graph\nnode { }"}}), "GraphDef text f.pbtxt root ''");
  EXPECT_EQ(detected({{"f.pb", "node { name: \"x\" }"}}), "GraphDef text f.pb root ''");
  EXPECT_EQ(detected({{"f.pbtxt", "saved_model_schema_version: 1"}}),
            "SavedModel text f.pbtxt root ''");
  EXPECT_EQ(detected({{"f.pb", graph_def(kHalf)}, {"fingerprint.pb", "\t"}}),
            "GraphDef f.pb root ''");
  EXPECT_EQ(detected({{"f.pb", ""}}), "corrupt: the file is empty, in f.pb");
  EXPECT_EQ(detected({{"f.pb", "\xff\xff"}}),
            "unsupported: f.pb is neither a SavedModel nor a GraphDef");
}

TEST(DetectInput, SaysWhatWasGivenByMistake) {
  struct Given {
    std::string path, content;
    std::string_view said;
  };
  const std::vector<Given> all = {
      {"model.h5", "\x89HDF\r\n\x1a\n", "is a Keras HDF5 file"},
      {"model.bin", "\x89HDF\r\n\x1a\n", "is a Keras HDF5 file"},
      {"frozen.pb", "\x89HDF\r\n\x1a\n", "is a Keras HDF5 file"},
      {"model.keras", "PK\x03\x04", "is a Keras archive"},
      {"model.tflite", std::string("\x1c\0\0\0TFL3", 8), "is a TensorFlow Lite model"},
      {"model.bin", std::string("\x1c\0\0\0TFL3", 8), "is a TensorFlow Lite model"},
      {"model.onnx", "\x08\x07", "is an ONNX model"},
      {"model.zip", "PK\x03\x04", "is a zip archive"},
      {"model.bin", "PK\x03\x04", "is a zip archive"},
      {"model.tar.gz", "\x1f\x8b", "is a gzip archive"},
      {"saved_model.cpb", "x", "save it again without experimental_image_format"},
      {"model.ckpt.meta", "\n", "export it as a SavedModel"},
      {"model.ckpt.index", "x", "is a checkpoint without its graph"},
      {"model.ckpt.data-00000-of-00002", "x", "is a checkpoint without its graph"},
      {"checkpoint", "model_checkpoint_path: \"x\"", "only names a checkpoint"},
      {"model.pt", "PK\x03\x04", "is a PyTorch file"},
      {"model.json", "{}", "TensorFlow.js"},
  };
  for (const Given& given : all) {
    const std::string said = detected({{given.path, given.content}});
    EXPECT_EQ(said.substr(0, 12), "unsupported:") << given.path << ": " << said;
    EXPECT_NE(said.find(given.said), std::string::npos) << given.path << ": " << said;
  }
  EXPECT_EQ(detected({}), "not_found: the folder is empty");
  EXPECT_EQ(detected({{"a.txt", "x"}, {"b.txt", "y"}}),
            "not_found: no saved_model.pb, saved_model.pbtxt or graph (.pb, .pbtxt) was found");
  EXPECT_NE(
      detected({{"variables/variables.index", "x"}, {"notes.txt", "x"}}).find("without its graph"),
      std::string::npos);
}

}  // namespace
}  // namespace whittle
