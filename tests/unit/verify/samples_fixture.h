// samples_fixture.h: signatures for samples, and what was read as text.
#ifndef WHITTLE_TESTS_VERIFY_SAMPLES_FIXTURE_H_
#define WHITTLE_TESTS_VERIFY_SAMPLES_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "support/bytes.h"
#include "whittle/samples.h"
#include "whittle/text.h"

namespace whittle {

inline TensorInfo input_of(DType dtype, Shape shape) {
  TensorInfo info;
  info.dtype = dtype;
  info.shape = std::move(shape);
  info.has_shape = true;
  info.tensors.push_back({});
  return info;
}

inline Signature signature_of(std::vector<std::pair<std::string, TensorInfo>> inputs) {
  Signature s;
  s.key = "serving_default";
  for (auto& [key, info] : inputs) s.inputs[key] = std::move(info);
  return s;
}

inline Signature takes(DType dtype, Shape shape) {
  return signature_of({{"x", input_of(dtype, std::move(shape))}});
}

// "float32[1,4] 0 1 2 3"
inline std::string show(const Tensor& t) {
  std::string out = cat(dtype_name(t.dtype()), t.shape().to_string());
  for (size_t i = 0; i < t.elements(); ++i) {
    out += " ";
    if (t.is_string())
      out += cat("'", printable(t.strings()[i]), "'");
    else if (t.dtype() == DType::kFloat)
      out += cat(t.values<float>()[i]);
    else if (t.dtype() == DType::kDouble)
      out += cat(t.values<double>()[i]);
    else if (t.dtype() == DType::kInt32)
      out += cat(t.values<int32_t>()[i]);
    else if (t.dtype() == DType::kInt64)
      out += cat(t.values<int64_t>()[i]);
    else
      out += to_hex(t.bytes().subspan(i * byte_width(t.dtype()), byte_width(t.dtype())));
  }
  return out;
}

// "x: float32[1] 3, y: …" a probe; the error when there is one.
inline std::vector<std::string> show(const Result<SampleSet>& read) {
  if (!read.ok()) return {read.error().to_string()};
  std::vector<std::string> out;
  for (const auto& probe : read->probes) {
    std::string text;
    for (const auto& [key, tensor] : probe)
      text += cat(text.empty() ? "" : ", ", key, ": ", show(tensor));
    out.push_back(std::move(text));
  }
  return out;
}

inline std::vector<std::string> read_one(std::string path, std::string bytes,
                                         const Signature& signature) {
  return show(read_samples({{std::move(path), std::move(bytes)}}, signature));
}

using Lines = std::vector<std::string>;

}  // namespace whittle

#endif  // WHITTLE_TESTS_VERIFY_SAMPLES_FIXTURE_H_
