// text_model.h: SavedModels for tests, written as protobuf text and turned into the binary file.
//
//   MemoryFiles files({{"saved_model.pb", saved_model(kHalf)}});
//   Result<Model> model = read(files);
//
// The text form has tests of its own (pbtxt_test.cc), so it may serve here.
#ifndef WHITTLE_TESTS_FORMAT_TEXT_MODEL_H_
#define WHITTLE_TESTS_FORMAT_TEXT_MODEL_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "format/pbtxt.h"
#include "support/files.h"
#include "whittle/saved_model.h"
#include "whittle/text.h"

namespace whittle {

inline std::string binary(std::string_view text,
                          format::TextRoot root = format::TextRoot::kSavedModel) {
  Result<std::string> bytes = format::pbtxt_to_binary(text, root);
  if (!bytes.ok()) ADD_FAILURE() << bytes.error().to_string();
  return bytes.ok() ? std::move(bytes).value() : std::string();
}

// One MetaGraph with the tag "serve".
inline std::string saved_model(std::string_view graph_def, std::string_view rest = {}) {
  return binary(
      cat("saved_model_schema_version: 1 meta_graphs { meta_info_def { tags: \"serve\" } "
          "graph_def { ",
          graph_def, " versions { producer: 100 } } ", rest, " }"));
}

inline std::string graph_def(std::string_view text) {
  return binary(text, format::TextRoot::kGraphDef);
}

inline std::string node(std::string_view name, std::string_view op, std::string_view inputs = {},
                        std::string_view attrs = {}) {
  std::string out = cat("node { name: \"", name, "\" op: \"", op, "\" ");
  for (std::string_view input : split(inputs, ' ')) {
    if (!input.empty()) out += cat("input: \"", input, "\" ");
  }
  return out + cat(attrs, " } ");
}

inline std::string attr(std::string_view key, std::string_view value) {
  return cat("attr { key: \"", key, "\" value { ", value, " } } ");
}

// x: float[?] placeholder; c = 0.5; y = x * c.
inline const std::string kFloat = attr("T", "type: DT_FLOAT");
inline const std::string kX = node("x", "Placeholder", "", attr("dtype", "type: DT_FLOAT"));
inline const std::string kC =
    node("c", "Const", "",
         attr("dtype", "type: DT_FLOAT") +
             attr("value", "tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0.5 }"));
inline const std::string kY = node("y", "Mul", "x c", kFloat);
inline const std::string kHalf = kX + kC + kY;
inline const std::string kSignature =
    "signature_def { key: \"serving_default\" value { "
    "inputs { key: \"x\" value { name: \"x:0\" dtype: DT_FLOAT tensor_shape { dim { size: -1 } } } "
    "} "
    "outputs { key: \"y\" value { name: \"y:0\" dtype: DT_FLOAT } } "
    "method_name: \"tensorflow/serving/predict\" } } ";

inline Result<Model> read(MemoryFiles& files, ReadOptions options = {}) {
  ModelReader reader(files.cache().files(), std::move(options));
  return files.run([&](Context& ctx) { return reader.read(ctx); });
}

inline ReadOptions without_signature() {
  ReadOptions options;
  options.need_signature = false;
  return options;
}

// "corrupt: … , in node x, in saved_model.pb", or "ok".
template <class T>
std::string outcome(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().to_string();
}

// The bytes of a planned file, tensors taken from where they are.
std::string content_of(const PlannedFile& file, MemoryFiles& source);

// Plans with small tensors loaded, and gives the files.
Result<std::vector<MemoryFile>> write(const Model& model, MemoryFiles& source,
                                      const std::string& root = {});

}  // namespace whittle

#endif  // WHITTLE_TESTS_FORMAT_TEXT_MODEL_H_
