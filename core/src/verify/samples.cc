#include "whittle/samples.h"

#include <algorithm>

#include "fit.h"
#include "json_samples.h"
#include "npy.h"
#include "npz.h"
#include "picture.h"
#include "png.h"
#include "whittle/text.h"

namespace whittle {
namespace {

using verify::Allowance;
using verify::NamedArray;
using verify::NamedArrays;

bool ends_with(std::string_view text, std::string_view end) {
  if (text.size() < end.size()) return false;
  text.remove_prefix(text.size() - end.size());
  return std::equal(text.begin(), text.end(), end.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// "a/b/x.npy" → "x"
std::string stem(std::string_view path) {
  const size_t slash = path.find_last_of("/\\");
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return std::string(path.substr(0, path.rfind('.')));
}

class SampleReader {
 public:
  explicit SampleReader(const Signature& signature) : signature_(signature) {
    for (const auto& [key, info] : signature.inputs) {
      if (info.encoding == TensorInfo::Encoding::kName) inputs_.push_back({&key, &info, {}});
    }
  }

  Status add(const SampleFile& file) {
    if (inputs_.empty()) return invalid_argument("the signature has no input that takes an array");
    const std::string_view bytes = file.bytes;
    if (ends_with(file.path, ".npy")) {
      WHITTLE_ASSIGN(Tensor t, verify::read_npy(bytes, allowance_));
      return keep({{stem(file.path), std::move(t)}}, true);
    }
    if (ends_with(file.path, ".npz")) return add_npz(bytes);
    if (ends_with(file.path, ".json")) {
      WHITTLE_ASSIGN(NamedArrays arrays, verify::read_json(bytes, signature_, allowance_));
      return keep(std::move(arrays), true);
    }
    if (ends_with(file.path, ".png")) return add_png(bytes);
    return invalid_argument("samples are .npz, .npy, .json or .png files");
  }

  // Every input has a tensor in every probe.
  Result<SampleSet> finish() {
    SampleSet out;
    out.source = "samples";
    size_t count = 0;
    for (const Input& input : inputs_) count = std::max(count, input.probes.size());
    for (const Input& input : inputs_) {
      if (input.probes.empty())
        return invalid_argument(cat("nothing is there for the input ", printable(*input.key)));
      if (input.probes.size() != 1 && input.probes.size() != count) {
        return invalid_argument(cat("the input ", printable(*input.key), " has ",
                                    input.probes.size(), " probes and another has ", count));
      }
    }
    for (size_t k = 0; k < count; ++k) {
      std::map<std::string, Tensor>& probe = out.probes.emplace_back();
      for (const Input& input : inputs_)
        probe[*input.key] = input.probes[input.probes.size() == 1 ? 0 : k];
    }
    return out;
  }

 private:
  struct Input {
    const std::string* key;
    const TensorInfo* info;
    std::vector<Tensor> probes;
  };

  Input* find(std::string_view key) {
    for (Input& input : inputs_) {
      if (*input.key == key) return &input;
    }
    return nullptr;
  }

  Status append(Input& input, const Tensor& array) {
    Result<std::vector<Tensor>> probes =
        verify::probes_of(array, *input.info, inputs_.size() == 1, allowance_);
    if (!probes.ok()) return probes.take_error().in(cat("input ", printable(*input.key)));
    for (Tensor& t : *probes) {
      if (input.probes.size() < kMostSamples) input.probes.push_back(std::move(t));
    }
    return {};
  }

  Error no_input(const std::vector<std::string>& names) const {
    std::vector<std::string> keys;
    for (const Input& input : inputs_) keys.push_back(printable(*input.key));
    return invalid_argument(
        cat("it has ", printable(join(names, ", ")), "; the inputs are ", join(keys, ", ")));
  }

  // `all`: an array of another name is a mistake.
  Status keep(const NamedArrays& arrays, bool all) {
    std::vector<std::string> names;
    bool any = false;
    for (const NamedArray& array : arrays) {
      Input* input = inputs_.size() == 1 && arrays.size() == 1 ? &inputs_[0] : find(array.name);
      names.push_back(array.name.empty() ? "an array without a name" : array.name);
      if (input == nullptr && all) return no_input(names);
      if (input == nullptr) continue;
      any = true;
      WHITTLE_CHECK(append(*input, array.tensor));
    }
    return any ? Status() : Status(no_input(names));
  }

  Status add_npz(std::string_view bytes) {
    WHITTLE_ASSIGN(const std::vector<verify::ZipMember> members, verify::npz_members(bytes));
    NamedArrays arrays;
    std::vector<std::string> names;
    for (const verify::ZipMember& m : members) {
      if (names.size() < 8) names.push_back(std::string(m.name));
      if (members.size() > 1 && find(m.name) == nullptr) continue;
      const std::string place = cat("array ", printable(m.name));
      WHITTLE_ASSIGN_IN(const std::string content, verify::npz_content(bytes, m, allowance_),
                        place);
      WHITTLE_ASSIGN_IN(Tensor t, verify::read_npy(content, allowance_), place);
      arrays.push_back({std::string(m.name), std::move(t)});
    }
    if (members.empty()) return invalid_argument("it holds no array");
    return arrays.empty() ? Status(no_input(names)) : keep(arrays, false);
  }

  Status add_png(std::string_view bytes) {
    Input* input = nullptr;
    for (const int rank : {4, 3}) {
      size_t found = 0;
      for (Input& i : inputs_) {
        if (!i.info->has_shape || i.info->shape.rank() != rank || i.info->dtype == DType::kString)
          continue;
        input = &i;
        ++found;
      }
      if (found > 1) return invalid_argument("several inputs take pictures: give an .npz");
      if (found == 1) break;
    }
    if (input == nullptr && inputs_.size() == 1) input = &inputs_[0];
    if (input == nullptr) return invalid_argument("no input takes pictures");
    if (base_dtype(input->info->dtype) == DType::kString) {
      WHITTLE_CHECK(allowance_.take(bytes.size()));
      return append(*input, Tensor(Shape{}, std::vector<std::string>{std::string(bytes)}));
    }
    WHITTLE_ASSIGN(const Tensor picture, verify::read_png(bytes, allowance_));
    Result<Tensor> fitted = verify::picture_for(picture, *input->info, allowance_);
    if (!fitted.ok()) return fitted.take_error().in(cat("input ", printable(*input->key)));
    if (input->probes.size() < kMostSamples) input->probes.push_back(std::move(fitted).value());
    return {};
  }

  const Signature& signature_;
  std::vector<Input> inputs_;
  Allowance allowance_;
};

}  // namespace

Result<SampleSet> read_samples(const std::vector<SampleFile>& files, const Signature& signature) {
  SampleReader reader(signature);
  for (const SampleFile& file : files)
    WHITTLE_CHECK_IN(reader.add(file), cat("samples ", printable(file.path)));
  if (files.empty()) return SampleSet{"samples", {}};
  Result<SampleSet> out = reader.finish();
  if (!out.ok()) return out.take_error().in("samples");
  return out;
}

}  // namespace whittle
