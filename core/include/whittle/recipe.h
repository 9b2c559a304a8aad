// recipe.h: what to do with a model, as data.
//
// One Recipe for page, JavaScript, command line and report. It comes from a preset, from the classic
// language `fold_constants quantize_weights(minimum_size=1024)`, or from JSON:
//
//   {"transforms": [{"name": "quantize_weights", "args": {"minimum_size": "1024"}}]}
//
// Presets  exact  only exact passes: the same bits in TensorFlow
//          float  folds and fusions too, weights stay float32
//          half   float, then weights as half
//          int8   float, then weights as int8 with a scale per output channel (default)
#ifndef WHITTLE_RECIPE_H_
#define WHITTLE_RECIPE_H_

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "whittle/pass.h"
#include "whittle/result.h"

namespace whittle {

struct TransformSpec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> args;  // in order; names may repeat
};

struct Recipe {
  std::string preset;  // "" when the transforms were given one by one
  std::vector<TransformSpec> transforms;
};

struct PresetInfo {
  std::string_view name;
  std::string_view summary;
  Fidelity fidelity;
  std::string_view transforms;  // in the classic language
};

// In the order of the list above.
std::span<const PresetInfo> all_presets();

// invalid_argument for an unknown name, listing those that exist.
Result<Recipe> preset_recipe(std::string_view name);

// The classic language (graph-transforms.md §2.2) with its parser's defects made right: white space
// is free around every token, '#' starts a comment, an unfinished list is an error. Errors name the
// place as "character N".
Result<std::vector<TransformSpec>> parse_transforms(std::string_view text);

// invalid_argument when a transform or an option is unknown, or a value does not parse.
Status check_recipe(const Recipe& recipe);

// The recipe with ignore_errors taken out of the arguments of step k.
Result<bool> ignores_errors(const TransformSpec& spec);

}  // namespace whittle

#endif  // WHITTLE_RECIPE_H_
