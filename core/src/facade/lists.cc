#include "lists.h"

#include <nlohmann/json.hpp>

#include "whittle/kernel.h"
#include "whittle/recipe.h"
#include "whittle/text.h"

namespace whittle {
namespace {

using Json = nlohmann::ordered_json;

std::string_view fidelity_name(Fidelity f) {
  switch (f) {
    case Fidelity::kExact: return "exact";
    case Fidelity::kRounding: return "rounding";
    case Fidelity::kLossy: return "lossy";
  }
  return "";
}

std::string_view type_name(OptionType t) {
  switch (t) {
    case OptionType::kBool: return "bool";
    case OptionType::kInt: return "int";
    case OptionType::kFloat: return "float";
    case OptionType::kString: return "string";
    case OptionType::kStrings: return "strings";
  }
  return "";
}

Json transforms() {
  Json out = Json::array();
  for (const PassInfo* info : all_passes()) {
    Json options = Json::array();
    for (const OptionSpec& o : info->options) {
      options.push_back({{"name", o.name}, {"type", type_name(o.type)}, {"default", o.default_text}, {"help", o.help}});
    }
    out.push_back({{"name", info->name}, {"summary", info->summary}, {"fidelity", fidelity_name(info->fidelity)}, {"options", options}});
  }
  return out;
}

Json presets() {
  Json out = Json::array();
  for (const PresetInfo& p : all_presets()) {
    out.push_back({{"name", p.name}, {"summary", p.summary}, {"fidelity", fidelity_name(p.fidelity)}, {"transforms", p.transforms}});
  }
  return out;
}

Json schemes() {
  return Json::array(
      {{{"name", "half"}, {"bits", 16}, {"summary", "float16, decoded by Cast"}},
       {{"name", "int8"}, {"bits", 8}, {"summary", "int8 with one float scale per output channel, decoded by Cast and Mul"}},
       {{"name", "quantize_weights"}, {"bits", 8}, {"summary", "quint8 with one range per tensor, decoded by Dequantize (MIN_FIRST), as the classic tool writes it"}}});
}

Json kernels() {
  Json out = Json::array();
  constexpr const char* kExactness[] = {"exact", "ulp", "sum", "random"};
  constexpr const char* kCost[] = {"view", "move", "element", "reduce", "product"};
  for (const KernelInfo& k : all_kernels()) {
    Json dtypes = Json::array();
    for (int32_t t = 1; t < 64; ++t) {
      if (k.dtypes.has(static_cast<DType>(t))) dtypes.push_back(dtype_name(static_cast<DType>(t)));
    }
    out.push_back({{"op", k.op}, {"dtypes", std::move(dtypes)}, {"attrs", k.attrs},
                   {"exactness", kExactness[static_cast<size_t>(k.exactness)]}, {"cost", kCost[static_cast<size_t>(k.cost)]}});
  }
  return out;
}

}  // namespace

Result<std::string> list_json(std::string_view what) {
  Json out;
  if (what == "transforms") out = transforms();
  else if (what == "presets") out = presets();
  else if (what == "schemes") out = schemes();
  else if (what == "kernels") out = kernels();
  else return invalid_argument(cat("there is no list of ", printable(what), "; there are transforms, presets, schemes, kernels"));
  return out.dump();
}

}  // namespace whittle
