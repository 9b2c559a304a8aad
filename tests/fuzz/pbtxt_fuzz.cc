// Any text as saved_model.pbtxt and as a GraphDef in text form: converted and read.
#include "format/text_model.h"
#include "fuzz.h"

namespace {

using namespace whittle;

void use(const std::string& path, const std::string& content) {
  MemoryFiles files({{path, content}});
  (void)read(files, without_signature());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string content(reinterpret_cast<const char*>(data), size);
  use("saved_model.pbtxt", content);
  use("graph.pbtxt", content);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {
      cat("saved_model_schema_version: 1 meta_graphs { meta_info_def { tags: 'serve' } graph_def "
          "< ",
          kHalf, " > ", kSignature, "}"),
      kHalf + "versions: { producer: 0x15, min_consumer: 017; bad_consumers: [1, 2] } # end\n",
      node("n", "Const", "",
           attr("v",
                "tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: [1e-5, "
                "-inf] tensor_content: \"\\001\\x02\" \"\\n\" }")) +
          "library { function { signature { name: \"f\" } gradient { a: < b: [\"c\"] > } } }",
      "meta_graphs { collection_def { key: \"saved_model_assets\" value { any_list { value { "
      "[type.googleapis.com/tensorflow.AssetFileDef] { filename: \"f\" } } } } } object_graph_def "
      "{ nodes { "
      "function { concrete_functions: \"x\" } } } }",
  };
}
