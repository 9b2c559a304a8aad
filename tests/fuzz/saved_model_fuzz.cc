// Any bytes as saved_model.pb and as a GraphDef: read, with every function; what could be read is
// written, and what was written must read and write the same again.
#include <cstdio>
#include <cstdlib>

#include "format/text_model.h"
#include "fuzz.h"

namespace {

using namespace whittle;

void fail(std::string_view what, std::string_view how) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(how.size()), how.data());
  std::abort();
}

std::string written(const Model& model, MemoryFiles& files) {
  const Result<std::vector<MemoryFile>> out = write(model, files);
  // Reachable functions may be broken; nothing else may fail.
  return out.ok() ? out->back().content : std::string();
}

void use(const std::string& path, const std::string& content) {
  MemoryFiles files({{path, content}, {"assets/a.txt", "a"}});
  Result<Model> model = read(files, without_signature());
  if (!model.ok()) return;
  if (const Status status = model->meta.graph.check(); !status.ok())
    fail("graph", status.error().to_string());
  for (const std::string& name : model->meta.library.names()) {
    const Result<const Function*> f = model->meta.library.get(name);
    if (!f.ok()) continue;
    if (const Status status = (*f)->body.check(); !status.ok())
      fail("body", status.error().to_string());
  }
  const std::string first = written(*model, files);
  if (first.empty()) return;
  MemoryFiles again({{"saved_model.pb", first}, {"assets/a.txt", "a"}});
  ReadOptions options = without_signature();
  options.tags = model->meta.info.tags;
  if (model->source == Model::Source::kGraphDef) options.tags.reset();
  const Result<Model> back = read(again, options);
  if (!back.ok()) fail("what was written cannot be read", back.error().to_string());
  if (written(*back, again) != first) fail("what was written", "is not written the same again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string content(reinterpret_cast<const char*>(data), size);
  use("saved_model.pb", content);
  use("graph.pb", content);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string function =
      "library { function { signature { name: \"f\" input_arg { name: \"a\" type: DT_FLOAT } "
      "output_arg { "
      "name: \"r\" type: DT_FLOAT } control_output: \"c\" } node_def { name: \"n\" op: \"Split\" "
      "input: "
      "\"k:output:0\" input: \"a\" attr { key: \"T\" value { type: DT_FLOAT } } attr { key: "
      "\"num_split\" value "
      "{ i: 2 } } } node_def { name: \"k\" op: \"Const\" input: \"^a\" attr { key: \"dtype\" value "
      "{ type: "
      "DT_INT32 } } attr { key: \"value\" value { tensor { dtype: DT_INT32 tensor_shape { } } } } "
      "} ret { key: "
      "\"r\" value: \"n:output:1\" } control_ret { key: \"c\" value: \"n\" } arg_attr { key: 0 "
      "value { attr { "
      "key: \"s\" value { s: \"x\" } } } } attr { key: \"b\" value { b: true } } } } ";
  const std::string call =
      node("call", "PartitionedCall", "y",
           attr("f", "func { name: \"f\" attr { key: \"q\" value { f: 1.5 } } }") +
               attr("Tin", "list { type: DT_FLOAT }") + attr("Tout", "list { type: DT_FLOAT }"));
  const std::string values =
      node("s", "Const", "",
           attr("dtype", "type: DT_STRING") +
               attr("value",
                    "tensor { dtype: DT_STRING tensor_shape { dim { size: 3 } } string_val: \"a\" "
                    "string_val: \"b\" }")) +
      node("i", "Const", "",
           attr("dtype", "type: DT_INT8") + attr("value",
                                                 "tensor { dtype: DT_INT8 tensor_shape { dim { "
                                                 "size: 4 } } tensor_content: \"abcd\" }")) +
      node("l", "NoOp", "",
           attr("l", "list { i: [1, 2] }") +
               attr("m", "list { shape { dim { size: -1 } } shape { unknown_rank: true } }") +
               attr("f", "list { f: 1.5 b: true s: \"x\" }"));
  const std::string rest = kSignature +
                           "saver_def { restore_op_name: \"y\" } collection_def { key: "
                           "\"table_initializer\" value { node_list { value: \"l\" "
                           "value: \"y\" } } } asset_file_def { tensor_info { name: \"x:0\" } "
                           "filename: \"a.txt\" } object_graph_def { nodes { "
                           "children { node_id: 1 local_name: \"f\" } } nodes { function { } } } ";
  const std::string op_list =
      "stripped_op_list { op { name: \"My\" input_arg { name: \"a\" type_attr: \"T\" } output_arg "
      "{ name: \"b\" type: "
      "DT_FLOAT } attr { name: \"T\" type: \"type\" default_value { type: DT_FLOAT } } "
      "is_stateful: true } } ";
  return {
      saved_model(kHalf, kSignature),
      saved_model(kHalf + call + values + function, rest),
      binary(cat("meta_graphs { meta_info_def { tags: \"serve\" ", op_list, " } graph_def { ",
                 kHalf, node("my", "My", "x"), node("id", "Identity", "my ^s", kFloat), values,
                 " } ", rest, " }")),
      binary(cat("meta_graphs { meta_info_def { tags: \"train\" } graph_def { ", kX,
                 " } } meta_graphs { "
                 "meta_info_def { tags: \"serve\" } graph_def { ",
                 kHalf, " } ", kSignature, " }")),
      graph_def(kHalf + call + function),
  };
}
