// The command `whittle`, natively. docs/command-line.md says what it does; wasm/bin/whittle.mjs is the same on Node.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "command_line.h"
#include "nlohmann/json.hpp"
#include "progress.h"
#include "run.h"
#include "stop.h"
#include "table.h"
#include "whittle/text.h"
#include "whittle/whittle.h"

namespace whittle {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }
void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Result<Json> read_recipe(const std::string& path) {
  WHITTLE_ASSIGN(const Source source, Source::open(path));
  if (source.files.size() != 1 || source.files[0].full != source.full) return io_error("is a folder").in(path);
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof()) return io_error("permission denied").in(path);
  Json recipe = Json::parse(text, nullptr, false);
  if (recipe.is_discarded()) return invalid_argument("the recipe is not JSON").in(path);
  return recipe;
}

Result<Json> core_options(const CommandLine& line) {
  Json options = Json::object();
  if (const OptionValue* recipe = line.find("recipe")) {
    WHITTLE_ASSIGN(options["recipe"], read_recipe(recipe->text));
  }
  for (const char* name : {"preset", "transforms", "format", "form"}) {
    if (const OptionValue* value = line.find(name)) options[name] = value->text;
  }
  for (const char* name : {"tags", "signatures", "inputs", "outputs"}) {
    if (const OptionValue* value = line.find(name)) options[name] = value->list;
  }
  if (line.has("keep-devices")) options["keep_devices"] = true;
  if (const OptionValue* value = line.find("explain")) options["explain"] = value->list;
  if (const OptionValue* value = line.find("stop-after")) options["stop_after"] = value->count;
  if (line.has("keep-anyway")) options["keep_anyway"] = true;
  if (line.has("no-verify")) options["verify"] = false;
  if (const OptionValue* value = line.find("verify")) options["verify"] = value->count;
  if (const OptionValue* value = line.find("min-sqnr")) options["min_sqnr"] = value->number;
  if (const OptionValue* value = line.find("min-agreement")) options["min_agreement"] = value->number;
  if (line.command == "list") options["what"] = line.operands[0];
  return options;
}

int default_workers() { return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 4); }

Result<Json> run(const CommandLine& line, ProgressBar* bar) {
  WHITTLE_ASSIGN(const Json options, core_options(line));
  Source source;
  std::unique_ptr<Sink> sink;
  if (line.command != "list") {
    WHITTLE_ASSIGN(source, Source::open(line.operands[0]));
  }
  if (line.command == "optimize") {
    WHITTLE_ASSIGN(sink, Sink::make(line.find("output")->text, source, line.has("force")));
  }
  std::vector<std::string> roles(source.files.size(), "model");
  // The files of other roles follow under one list of files; only the first source has a folder.
  const auto append = [&](const std::string& path, const char* role) -> Status {
    WHITTLE_ASSIGN(const Source more, Source::open(path));
    source.files.insert(source.files.end(), more.files.begin(), more.files.end());
    roles.resize(source.files.size(), role);
    return {};
  };
  if (line.command == "compare") WHITTLE_CHECK(append(line.operands[1], "other"));
  if (const OptionValue* samples = line.find("samples")) {
    for (const std::string& path : samples->list) WHITTLE_CHECK(append(path, "samples"));
  }
  Json files = Json::array();
  for (size_t k = 0; k < source.files.size(); ++k) {
    files.push_back({{"path", source.files[k].path}, {"size", source.files[k].size}, {"role", roles[k]}});
  }
  const Json request = {{"command", line.command}, {"files", std::move(files)}, {"options", options}};
  const OptionValue* workers = line.find("workers");
  WHITTLE_ASSIGN(const std::string text, run_session(source, request.dump(-1, ' ', false, Json::error_handler_t::replace), sink.get(),
                                                     workers == nullptr ? default_workers() : workers->count,
                                                     [bar](const Progress& progress) { bar->show(progress); }));
  Json report = Json::parse(text, nullptr, false);
  if (line.command == "list") return report;
  if (!report.is_object()) return internal_error("the report is not JSON");
  if (sink != nullptr && sink->zipped_bytes() > 0) report["output"]["zipped_bytes"] = sink->zipped_bytes();
  if (line.command == "compare") {
    report["a"]["path"] = line.operands[0];
    report["b"]["path"] = line.operands[1];
    return report;
  }
  report["input"]["path"] = line.operands[0];
  if (sink != nullptr) report["output"]["path"] = line.find("output")->text;
  return report;
}

int run_and_print(const CommandLine& line) {
  const auto started = std::chrono::steady_clock::now();
  ProgressBar bar(line.has("quiet"));
  Result<Json> outcome = run(line, &bar);
  bar.clear();
  if (!outcome.ok()) {
    const Error& error = outcome.error();
    std::fprintf(stderr, "error: %s\n", error.to_string().c_str());
    if (line.has("json")) {
      print(dump({{"error", {{"code", code_name(error.code)}, {"message", error.message}, {"where", error.where}}}}));
    }
    return error.code == Code::kCancelled ? 130 : error.code == Code::kBoundMissed ? 3 : 1;
  }
  const Json& report = outcome.value();
  // A missed bound that did not end the run.
  const Json* checked = line.command == "compare" ? &report : report.contains("verification") ? &report["verification"] : nullptr;
  const int code = checked != nullptr && (*checked)["state"] == "missed" ? 3 : 0;
  if (line.has("json")) {
    print(dump(report));
  } else if (line.has("quiet")) {
    return code;
  } else if (line.command == "compare") {
    print(describe_comparison(report));
  } else if (line.command == "list") {
    print(describe_list(report));
  } else if (line.command == "inspect") {
    print(describe_inspection(report));
  } else {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    print(describe_report(report, line, seconds.count()));
  }
  return code;
}

int main_of(const std::vector<std::string>& words) {
  const CommandLine line = parse_command_line(words);
  if (!line.usage_error.empty()) {
    std::fprintf(stderr, "whittle: %s; see whittle --help\n", line.usage_error.c_str());
    return 2;
  }
  if (!line.help.empty()) {
    print(line.help);
    return 0;
  }
  if (line.version) {
    print(cat(version(), "\n"));
    return 0;
  }
  return run_and_print(line);
}

}  // namespace
}  // namespace whittle

int main(int argc, char** argv) {
  whittle::install_signal_handlers();
  return whittle::main_of(std::vector<std::string>(argv + 1, argv + argc));
}
