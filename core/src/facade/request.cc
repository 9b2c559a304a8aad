#include "request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "whittle/text.h"

namespace whittle {
namespace {

using Json = nlohmann::json;

Error bad(std::string_view field, std::string_view wanted) {
  return invalid_argument(cat("the request's ", field, " must be ", wanted)).in(cat("request field ", field));
}

Result<std::string> text(const Json& o, const char* field, std::string_view otherwise) {
  auto it = o.find(field);
  if (it == o.end() || it->is_null()) return std::string(otherwise);
  if (!it->is_string()) return bad(field, "a string");
  return it->get<std::string>();
}

Result<std::vector<std::string>> texts(const Json& o, const char* field) {
  std::vector<std::string> out;
  auto it = o.find(field);
  if (it == o.end() || it->is_null()) return out;
  if (!it->is_array()) return bad(field, "a list of strings");
  for (const Json& item : *it) {
    if (!item.is_string()) return bad(field, "a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

// An option's value as text: strings, numbers and booleans are welcome.
Result<std::string> scalar(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
  if (value.is_number()) return value.dump();
  return bad("recipe", "made of strings, numbers and booleans");
}

Result<Recipe> recipe_from(const Json& json) {
  Recipe recipe;
  if (!json.is_object()) return bad("recipe", "an object");
  WHITTLE_ASSIGN(const std::string preset, text(json, "preset", ""));
  auto it = json.find("transforms");
  if (it == json.end() || it->is_null()) {
    if (preset.empty()) return bad("recipe", "a preset or a list of transforms");
    return preset_recipe(preset);
  }
  if (!it->is_array()) return bad("recipe.transforms", "a list");
  for (const Json& item : *it) {
    TransformSpec spec;
    if (!item.is_object()) return bad("recipe.transforms", "a list of {name, args}");
    WHITTLE_ASSIGN(spec.name, text(item, "name", ""));
    auto args = item.find("args");
    if (args != item.end() && args->is_object()) {
      for (const auto& [name, value] : args->items()) {
        if (value.is_array()) {
          for (const Json& v : value) {
            WHITTLE_ASSIGN(std::string one, scalar(v));
            spec.args.emplace_back(name, std::move(one));
          }
          continue;
        }
        WHITTLE_ASSIGN(std::string one, scalar(value));
        spec.args.emplace_back(name, std::move(one));
      }
    } else if (args != item.end() && args->is_array()) {
      // The form of the report: [{"name": …, "value": …}].
      for (const Json& a : *args) {
        if (!a.is_object() || !a.contains("value")) return bad("recipe.transforms", "a list of {name, args}");
        WHITTLE_ASSIGN(std::string name, text(a, "name", ""));
        WHITTLE_ASSIGN(std::string one, scalar(a["value"]));
        spec.args.emplace_back(std::move(name), std::move(one));
      }
    }
    recipe.transforms.push_back(std::move(spec));
  }
  // A report's recipe names both: the preset, and what it stood for.
  if (!preset.empty()) {
    Result<Recipe> known = preset_recipe(preset);
    if (known.ok()) return known;
  }
  return recipe;
}

Status files_from(const Json& json, Request& request) {
  auto it = json.find("files");
  if (it == json.end()) return {};
  if (!it->is_array()) return bad("files", "a list of {path, size}");
  if (it->size() > 1'000'000) return over_limit("the input has more than 1,000,000 files");
  for (const Json& f : *it) {
    if (!f.is_object() || !f.contains("path") || !f["path"].is_string() || !f.contains("size") ||
        !f["size"].is_number_unsigned()) {
      return bad("files", "a list of {path, size}");
    }
    WHITTLE_ASSIGN(const std::string role, text(f, "role", "model"));
    if (role == "model") request.roles.push_back(FileRole::kModel);
    else if (role == "other") request.roles.push_back(FileRole::kOther);
    else if (role == "samples") request.roles.push_back(FileRole::kSamples);
    else return bad("files.role", "model, other or samples");
    request.files.push_back({f["path"].get<std::string>(), f["size"].get<uint64_t>()});
  }
  if (!std::is_sorted(request.roles.begin(), request.roles.end())) return bad("files", "in the order model, other, samples");
  return {};
}

Result<bool> flag(const Json& o, const char* field) {
  auto it = o.find(field);
  if (it == o.end() || it->is_null()) return false;
  if (!it->is_boolean()) return bad(field, "true or false");
  return it->get<bool>();
}

// {"file", "count", "shape", "offset", "scale", "labels", "signature", "input", "output"}
Result<SampleSpec> samples_from(const Json& o) {
  SampleSpec s;
  auto it = o.find("samples");
  if (it == o.end() || !it->is_object()) return bad("samples", "an object");
  const Json& j = *it;
  WHITTLE_ASSIGN(s.file, text(j, "file", ""));
  WHITTLE_ASSIGN(s.signature, text(j, "signature", "serving_default"));
  WHITTLE_ASSIGN(s.input, text(j, "input", ""));
  WHITTLE_ASSIGN(s.output, text(j, "output", ""));
  if (!j.contains("count") || !j["count"].is_number_unsigned()) return bad("samples.count", "a number");
  s.count = static_cast<int64_t>(std::min<uint64_t>(j["count"].get<uint64_t>(), 1'000'001));
  if (!j.contains("shape") || !j["shape"].is_array() || j["shape"].size() > 8) return bad("samples.shape", "a list of numbers");
  for (const Json& d : j["shape"]) {
    if (!d.is_number_unsigned() || d.get<uint64_t>() > 1'000'000) return bad("samples.shape", "a list of numbers");
    s.shape.dims.push_back(d.get<int64_t>());
  }
  if (j.contains("offset") && j["offset"].is_number_unsigned()) s.offset = j["offset"].get<uint64_t>();
  if (j.contains("scale") && j["scale"].is_number()) s.scale = j["scale"].get<float>();
  if (j.contains("labels") && j["labels"].is_number_unsigned()) s.labels = j["labels"].get<uint64_t>();
  return s;
}

// "verify": false, true (as many probes as are cheap) or a number of probes.
Result<VerifyRequest> verify_from(const Json& o) {
  VerifyRequest r;
  auto it = o.find("verify");
  if (it != o.end() && !it->is_null()) {
    if (it->is_boolean()) r.wanted = it->get<bool>();
    else if (it->is_number_unsigned() && it->get<uint64_t>() >= 1 && it->get<uint64_t>() <= 1000) r.probes = it->get<uint64_t>();
    else return bad("verify", "true, false or a number of probes from 1 to 1000");
  }
  for (const auto& [field, into] : {std::pair{"min_sqnr", &r.min_sqnr_db}, std::pair{"min_agreement", &r.min_agreement}}) {
    it = o.find(field);
    if (it == o.end() || it->is_null()) continue;
    if (!it->is_number()) return bad(field, "a number");
    *into = it->get<double>();
  }
  if (r.min_agreement && (*r.min_agreement < 0 || *r.min_agreement > 1)) return bad("min_agreement", "a share from 0 to 1");
  if (!r.wanted && (r.min_sqnr_db || r.min_agreement)) return bad("verify", "on where a bound is given");
  WHITTLE_ASSIGN(r.keep_anyway, flag(o, "keep_anyway"));
  WHITTLE_ASSIGN(r.why_not, text(o, "why_not_verified", r.why_not));
  return r;
}

}  // namespace

Result<Request> parse_request(std::string_view text_json) {
  const Json json = Json::parse(text_json.begin(), text_json.end(), nullptr, false);
  if (json.is_discarded() || !json.is_object()) return invalid_argument("the request is not a JSON object").in("request");
  Request r;
  WHITTLE_ASSIGN(const std::string command, text(json, "command", "optimize"));
  if (command == "optimize") r.command = Command::kOptimize;
  else if (command == "inspect") r.command = Command::kInspect;
  else if (command == "list") r.command = Command::kList;
  else if (command == "evaluate") r.command = Command::kEvaluate;
  else if (command == "compare") r.command = Command::kCompare;
  else return bad("command", "optimize, inspect, list, evaluate or compare");
  WHITTLE_CHECK(files_from(json, r));
  const Json empty = Json::object();
  const Json& o = json.contains("options") && json["options"].is_object() ? json["options"] : empty;
  WHITTLE_ASSIGN(const std::string preset, text(o, "preset", ""));
  WHITTLE_ASSIGN(const std::string transforms, text(o, "transforms", ""));
  const bool has_recipe = o.contains("recipe") && !o["recipe"].is_null();
  if ((preset.empty() ? 0 : 1) + (transforms.empty() ? 0 : 1) + (has_recipe ? 1 : 0) > 1) {
    return invalid_argument("give one of preset, transforms and recipe").in("request");
  }
  if (has_recipe) {
    WHITTLE_ASSIGN(r.recipe, recipe_from(o["recipe"]));
  } else if (!transforms.empty()) {
    WHITTLE_ASSIGN(r.recipe.transforms, parse_transforms(transforms));
  } else {
    WHITTLE_ASSIGN(r.recipe, preset_recipe(preset.empty() ? "int8" : preset));
  }
  if (r.command == Command::kEvaluate) {
    WHITTLE_ASSIGN(r.samples, samples_from(o));
    WHITTLE_ASSIGN(r.recipe, preset_recipe("exact"));
  }
  WHITTLE_CHECK(check_recipe(r.recipe));
  WHITTLE_ASSIGN(const std::string format, text(o, "format", "saved_model"));
  if (format != "saved_model" && format != "graph_def") {
    return invalid_argument(cat("there is no format ", printable(format), "; there are saved_model, graph_def")).in("option format");
  }
  r.graph_def = format == "graph_def";
  WHITTLE_ASSIGN(const std::string form, text(o, "form", "frozen"));
  if (form != "frozen") {
    return invalid_argument(cat("there is no form ", printable(form), "; there is frozen")).in("option form");
  }
  WHITTLE_ASSIGN(r.pipeline.keep_devices, flag(o, "keep_devices"));
  WHITTLE_ASSIGN(r.pipeline.explain, texts(o, "explain"));
  if (o.contains("stop_after") && !o["stop_after"].is_null()) {
    if (!o["stop_after"].is_number_unsigned()) return bad("stop_after", "a number of transforms");
    r.pipeline.stop_after = o["stop_after"].get<uint64_t>();
  }
  if (o.contains("tags") && !o["tags"].is_null()) {
    WHITTLE_ASSIGN(std::vector<std::string> tags, texts(o, "tags"));
    r.tags = std::move(tags);
  }
  WHITTLE_ASSIGN(r.signatures, texts(o, "signatures"));
  WHITTLE_ASSIGN(r.inputs, texts(o, "inputs"));
  WHITTLE_ASSIGN(r.outputs, texts(o, "outputs"));
  WHITTLE_ASSIGN(r.what, text(o, "what", ""));
  WHITTLE_ASSIGN(r.verify, verify_from(o));
  return r;
}

std::vector<FileEntry> files_of(const Request& request, FileRole role) {
  std::vector<FileEntry> out;
  for (size_t k = 0; k < request.files.size() && request.roles[k] <= role; ++k) {
    out.push_back(request.roles[k] == role ? request.files[k] : FileEntry{});
  }
  return out;
}

}  // namespace whittle
