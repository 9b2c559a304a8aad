#include "whittle/recipe.h"

#include <algorithm>

#include "whittle/text.h"

namespace whittle {
namespace {

// What `float` and the presets with smaller weights have in common. Branches go before anything is folded
// (graphs with v1 control flow fold less) and again where folding decided a condition.
#define WHITTLE_FLOAT_STEPS(MOVEMENT)                                                        \
  "clean_attributes prune_branches(defaults=true) remove_identities(checks=true) "           \
  "merge_duplicate_nodes fold_constants prune_branches fold_old_batch_norms "                \
  "fold_batch_norms fold_constants " MOVEMENT " cancel_transposes simplify_arithmetic "       \
  "fold_constants " MOVEMENT " remove_identities merge_duplicate_nodes prune_unused"

constexpr PresetInfo kPresets[] = {
    {"exact", "smaller without changing a bit of any output", Fidelity::kExact,
     "clean_attributes prune_branches remove_identities merge_duplicate_nodes simplify_movement "
     "cancel_transposes merge_duplicate_nodes prune_unused"},
    {"float", "batch norms folded, constants folded; weights stay float32", Fidelity::kRounding,
     WHITTLE_FLOAT_STEPS("simplify_movement(lookups=true)")},
    {"half", "like float, weights as half: about half the size", Fidelity::kLossy,
     WHITTLE_FLOAT_STEPS("simplify_movement") " half_weights"},
    {"int8", "like float, weights as int8: about a quarter of the size", Fidelity::kLossy,
     WHITTLE_FLOAT_STEPS("simplify_movement") " int8_weights"},
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r'; }
bool is_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_bare(char c) { return is_name(c) || c == '.' || c == '/' || c == '-'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<TransformSpec>> run() {
    std::vector<TransformSpec> out;
    for (skip(); at_ < text_.size(); skip()) {
      TransformSpec spec;
      spec.name = std::string(take(is_name));
      if (spec.name.empty()) return error("transform name");
      skip();
      if (peek('(')) WHITTLE_CHECK(arguments(spec));
      out.push_back(std::move(spec));
    }
    return out;
  }

 private:
  Status arguments(TransformSpec& spec) {
    ++at_;
    for (skip(); !peek(')'); skip()) {
      if (at_ >= text_.size()) return error("parameter name or ')'");
      std::string name(take(is_name));
      if (name.empty()) return error("parameter name");
      skip();
      if (!peek('=')) return error("=");
      ++at_;
      skip();
      WHITTLE_ASSIGN(std::string value, this->value());
      spec.args.emplace_back(std::move(name), std::move(value));
      skip();
      if (peek(',')) ++at_;
    }
    ++at_;
    return {};
  }

  Result<std::string> value() {
    if (!peek('"')) {
      std::string bare(take(is_bare));
      if (bare.empty()) return error("parameter value");
      return bare;
    }
    const size_t start = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) return error("closing quote");
    return std::string(text_.substr(start, at_++ - start));
  }

  // White space, comments, and the backslash before a line's end that shells leave behind.
  void skip() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (text_[at_] == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == '\n' || text_[at_ + 1] == '\r')) {
        at_ += 2;
      } else {
        return;
      }
    }
  }

  template <class Predicate>
  std::string_view take(Predicate allowed) {
    const size_t start = at_;
    while (at_ < text_.size() && allowed(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  bool peek(char c) const { return at_ < text_.size() && text_[at_] == c; }

  Error error(std::string_view wanted) const {
    const std::string_view rest = at_ < text_.size() ? text_.substr(at_) : std::string_view();
    return invalid_argument(cat("Looking for ", wanted, ", but found ",
                                rest.empty() ? std::string("the end") : printable(rest, 60)))
        .in(cat("transforms at character ", std::min(at_, text_.size()) + 1));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::span<const PresetInfo> all_presets() { return kPresets; }

Result<Recipe> preset_recipe(std::string_view name) {
  std::vector<std::string> names;
  for (const PresetInfo& preset : kPresets) {
    names.emplace_back(preset.name);
    if (preset.name != name) continue;
    Recipe recipe;
    recipe.preset = std::string(name);
    WHITTLE_ASSIGN(recipe.transforms, parse_transforms(preset.transforms));
    return recipe;
  }
  return invalid_argument(cat("there is no preset ", printable(name), "; there are ", join(names, ", ")));
}

Result<std::vector<TransformSpec>> parse_transforms(std::string_view text) { return Parser(text).run(); }

Result<bool> ignores_errors(const TransformSpec& spec) {
  for (const auto& [name, value] : spec.args) {
    if (name != "ignore_errors") continue;
    std::string lower = value;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower == "true") return true;
    if (lower == "false") return false;
    return invalid_argument(cat("ignore_errors should be true or false, found ", printable(value)));
  }
  return false;
}

Status check_recipe(const Recipe& recipe) {
  for (const TransformSpec& spec : recipe.transforms) {
    const PassInfo* info = find_pass(spec.name);
    if (info == nullptr) {
      return invalid_argument(cat("Transform '", printable(spec.name), "' not recognized.")).in("recipe");
    }
    WHITTLE_CHECK_IN(ignores_errors(spec), cat("transform ", spec.name));
    std::vector<std::pair<std::string, std::string>> args;
    for (const auto& a : spec.args) {
      if (a.first != "ignore_errors") args.push_back(a);
    }
    WHITTLE_CHECK_IN(Options::make(info->name, info->options, args), cat("transform ", spec.name));
  }
  return {};
}

}  // namespace whittle
