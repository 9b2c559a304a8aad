#include "table.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "whittle/text.h"

namespace whittle {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr size_t kCauses = 10;
constexpr size_t kTensors = 6;
constexpr size_t kNotes = 8;
constexpr size_t kNameWidth = 56;

const Json kNothing;
const Json& at(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) ? json[key] : kNothing;
}
std::string text_of(const Json& json) { return json.is_string() ? json.get<std::string>() : json.is_null() ? "" : json.dump(); }
double number_of(const Json& json) { return json.is_number() ? json.get<double>() : 0; }
std::string bytes_of(const Json& json) {
  const double bytes = number_of(json);
  return (bytes < 0 ? "-" : "") + human_bytes(static_cast<uint64_t>(std::abs(bytes)));
}

// UTF-8 letters, one string each.
std::vector<std::string> letters_of(const std::string& text) {
  std::vector<std::string> out;
  for (char c : text) {
    if (out.empty() || (static_cast<unsigned char>(c) & 0xC0) != 0x80) out.emplace_back();
    out.back().push_back(c);
  }
  return out;
}

// Names come from files: control characters would drive the terminal.
bool is_hidden(const std::string& letter) {
  const auto c = [&](size_t i) { return static_cast<unsigned char>(letter[i]); };
  if (letter.size() == 1) return c(0) < 0x20 || c(0) == 0x7F;
  if (letter.size() == 2) return c(0) == 0xC2 && c(1) < 0xA0;
  if (letter.size() != 3 || c(0) != 0xE2) return false;
  if (c(1) == 0x80) return c(2) == 0x8E || c(2) == 0x8F || (c(2) >= 0xAA && c(2) <= 0xAE);
  return c(1) == 0x81 && c(2) >= 0xA6 && c(2) <= 0xA9;
}
std::string shown(const std::string& text) {
  std::string out;
  for (const std::string& letter : letters_of(text)) out += is_hidden(letter) ? "?" : letter;
  return out;
}

// Long names keep their end, which tells them apart.
std::string shorten(const std::string& name) {
  const std::string clean = shown(name);
  const std::vector<std::string> letters = letters_of(clean);
  if (letters.size() <= kNameWidth) return clean;
  std::string out = "…";
  for (size_t i = letters.size() - (kNameWidth - 1); i < letters.size(); ++i) out += letters[i];
  return out;
}

std::string one_decimal(double value) {
  const auto tenths = static_cast<int64_t>(std::floor(std::abs(value) * 10 + 0.5));
  return cat(value < 0 && tenths > 0 ? "-" : "", tenths / 10, ".", tenths % 10);
}
std::string percent(double part, double whole) {
  return whole > 0 ? cat(static_cast<int64_t>(std::floor(part / whole * 100 + 0.5)), " %") : "-";
}

std::string shape_of(const Json& tensor) {
  std::string out = text_of(at(tensor, "dtype"));
  const Json& shape = at(tensor, "shape");
  if (!shape.is_array()) return out;
  std::vector<std::string> dims;
  for (const Json& dim : shape) dims.push_back(dim.is_null() ? "?" : dim.dump());
  return out + "[" + join(dims, ",") + "]";
}

std::string name_of(std::string path) {
  const std::string given = path;
  path.erase(path.find_last_not_of("\\/") + 1);
  path.erase(0, path.find_last_of("\\/") + 1);
  return path.empty() ? given : path;
}

std::vector<const Json*> largest(const Json& list, const char* key) {
  std::vector<const Json*> items;
  if (list.is_array()) {
    for (const Json& item : list) items.push_back(&item);
  }
  std::stable_sort(items.begin(), items.end(), [key](const Json* a, const Json* b) { return number_of(at(*a, key)) > number_of(at(*b, key)); });
  return items;
}

class Text {
 public:
  Text() : colours_(::isatty(1) && (std::getenv("NO_COLOR") == nullptr || *std::getenv("NO_COLOR") == '\0')) {}
  std::string out;

  void line(const std::string& text = "") { out += text + "\n"; }
  std::string strong(const std::string& text) const { return colours_ ? "\x1b[1m" + text + "\x1b[0m" : text; }
  std::string faint(const std::string& text) const { return colours_ ? "\x1b[2m" + text + "\x1b[0m" : text; }

  // Rows of cells below a heading; the first column is left-aligned.
  void table(const Row& heading, const std::vector<Row>& rows) {
    if (rows.empty()) return;
    std::vector<Row> cells = {heading};
    for (const Row& row : rows) {
      cells.push_back(row);
      cells.back()[0] = "  " + shorten(row[0]);
    }
    std::vector<size_t> widths(heading.size(), 0);
    for (const Row& row : cells) {
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], letters_of(row[i]).size());
    }
    for (size_t index = 0; index < cells.size(); ++index) {
      std::string text;
      for (size_t i = 0; i < widths.size(); ++i) {
        const std::string fill(widths[i] - letters_of(cells[index][i]).size(), ' ');
        text += (i == 0 ? "" : "  ") + (i == 0 ? cells[index][i] + fill : fill + cells[index][i]);
      }
      text.erase(text.find_last_not_of(' ') + 1);
      line(index == 0 ? faint(text) : text);
    }
  }
  void more(size_t count, size_t all) {
    if (all > count) line(cat("  … and ", all - count, " more"));
  }
  void notes(const Json& list) {
    if (!list.is_array()) return;
    for (size_t i = 0; i < std::min(list.size(), kNotes); ++i) line("note: " + shown(text_of(list[i])));
    if (list.size() > kNotes) line(cat("note: … and ", list.size() - kNotes, " more; --json lists them all"));
  }
  void causes(const Json& list, const std::string& title) {
    const std::vector<const Json*> sorted = largest(list, "bytes");
    std::vector<Row> rows;
    for (size_t i = 0; i < std::min(sorted.size(), kCauses); ++i) {
      const double nodes = number_of(at(*sorted[i], "nodes"));
      rows.push_back({text_of(at(*sorted[i], "cause")), bytes_of(at(*sorted[i], "bytes")),
                      nodes > 0 ? cat(static_cast<uint64_t>(nodes)) : ""});
    }
    table({title, "bytes", "nodes"}, rows);
    more(kCauses, sorted.size());
  }

 private:
  bool colours_;
};

std::string next_of(const CommandLine& line) {
  if (line.has("transforms") || line.has("recipe")) return "whittle list transforms";
  const OptionValue* preset = line.find("preset");
  const std::string name = preset == nullptr ? "int8" : preset->text;
  if (name == "half") return "--preset int8 halves the weights again";
  if (name == "int8") return "--preset half, if the outputs differ too much";
  return "--preset int8 stores weights in a quarter of the bytes";
}

}  // namespace

std::string describe_report(const Json& report, const CommandLine& line, double seconds) {
  Text text;
  const Json &input = at(report, "input"), &output = at(report, "output"), &bytes = at(report, "bytes"), &nodes = at(report, "nodes");
  const Json& before = bytes.is_object() ? at(bytes, "before") : at(input, "bytes");
  const Json& after = bytes.is_object() ? at(bytes, "after") : at(output, "bytes");
  std::string counted;
  if (nodes.is_object()) counted = cat(", ", text_of(at(nodes, "before")), " -> ", text_of(at(nodes, "after")), " nodes");
  text.line(text.strong(cat(shown(name_of(text_of(at(input, "path")))), ": ", bytes_of(before), " -> ", bytes_of(after), " (",
                            percent(number_of(after), number_of(before)), ")", counted, ", ", one_decimal(seconds), " s")));
  if (const std::string verdict = text_of(at(report, "verdict")); !verdict.empty() && verdict != "smaller") text.line(shown(verdict));
  text.line();
  text.causes(at(report, "causes"), "what went");

  std::vector<Row> rows;
  size_t all = 0;
  for (const Json* tensor : largest(at(report, "tensors"), "bytes_before")) {
    if (++all > kTensors) continue;
    const std::string scheme = text_of(at(*tensor, "scheme"));
    const Json& sqnr = at(*tensor, "sqnr_db");
    rows.push_back({text_of(at(*tensor, "name")) + " " + shape_of(*tensor), bytes_of(at(*tensor, "bytes_before")),
                    bytes_of(at(*tensor, "bytes_after")), scheme == "none" ? "kept" : shown(scheme),
                    sqnr.is_number() ? one_decimal(number_of(sqnr)) + " dB" : ""});
  }
  text.table({"largest tensors", "before", "after", "scheme", "SQNR"}, rows);
  text.more(kTensors, all);
  if (number_of(at(report, "eligible_bytes")) > 0) {
    text.line("  " + percent(number_of(at(report, "quantized_bytes")), number_of(at(report, "eligible_bytes"))) +
              " of the bytes that may be quantized are");
  }
  for (const Json& e : at(report, "explained")) {
    const std::string pass = text_of(at(e, "pass"));
    text.line(cat(shown(text_of(at(e, "node"))), pass.empty() ? "" : cat(", ", shown(pass)), ": ", shown(text_of(at(e, "what")))));
  }
  if (const std::string summary = text_of(at(at(report, "verification"), "summary")); !summary.empty()) text.line("check: " + shown(summary));
  text.notes(at(report, "warnings"));
  if (const Json& lost = at(report, "lost"); lost.is_array() && !lost.empty()) {
    std::vector<std::string> names;
    for (size_t i = 0; i < std::min(lost.size(), kNotes); ++i) names.push_back(text_of(lost[i]));
    text.line("gone: " + shown(join(names, ", ")) + (lost.size() > kNotes ? ", …" : ""));
  }
  const double zipped = number_of(at(output, "zipped_bytes")), files = number_of(at(output, "files"));
  const std::string size = zipped > 0 ? "zip of " + human_bytes(static_cast<uint64_t>(zipped))
                                      : cat(static_cast<uint64_t>(files), files == 1 ? " file" : " files");
  text.line(cat("result: ", shown(text_of(at(output, "path"))), " (", shown(text_of(at(output, "format"))), ", ", size, ")"));
  text.line("next: " + next_of(line));
  return text.out;
}

std::string describe_inspection(const Json& summary) {
  Text text;
  const Json& input = at(summary, "input");
  text.line(text.strong(cat(shown(name_of(text_of(at(input, "path")))), ": ", bytes_of(at(input, "bytes")), ", ",
                            shown(text_of(at(input, "format"))))));
  if (const Json& signatures = at(summary, "signatures"); signatures.is_array()) {
    for (const Json& signature : signatures) {
      text.line("signature " + shown(signature.is_string() ? text_of(signature) : text_of(at(signature, "key"))));
      for (const auto& [word, key] : {std::pair("in ", "inputs"), std::pair("out", "outputs")}) {
        const Json& list = at(signature, key);
        if (!list.is_array()) continue;
        for (const Json& tensor : list) text.line(cat("  ", word, " ", shown(text_of(at(tensor, "key"))), " ", shown(shape_of(tensor))));
      }
    }
  }
  text.causes(at(summary, "causes"), "what it holds");
  std::vector<Row> rows;
  const std::vector<const Json*> tensors = largest(at(summary, "tensors"), "bytes");
  for (size_t i = 0; i < std::min(tensors.size(), kTensors); ++i) {
    rows.push_back({text_of(at(*tensors[i], "name")) + " " + shape_of(*tensors[i]), bytes_of(at(*tensors[i], "bytes"))});
  }
  text.table({"largest tensors", "bytes"}, rows);
  text.more(kTensors, tensors.size());
  text.notes(at(summary, "warnings"));
  return text.out;
}

std::string describe_comparison(const Json& comparison) {
  Text text;
  const auto model = [&](const char* side) {
    const Json& m = at(comparison, side);
    return cat(shown(name_of(text_of(at(m, "path")))), " (", bytes_of(at(m, "bytes")), ", ", text_of(at(m, "nodes")), " nodes)");
  };
  text.line(text.strong(cat(model("a"), " and ", model("b"))));
  const auto decimal = [](const Json& value, const char* unit) { return value.is_number() ? one_decimal(number_of(value)) + unit : std::string(); };
  for (const Json& signature : at(comparison, "signatures")) {
    text.line(cat("signature ", shown(text_of(at(signature, "key"))), ": ", shown(text_of(at(signature, "state"))), ", ",
                  text_of(at(signature, "probes")), " probes (", shown(text_of(at(signature, "source"))), ")"));
    if (const std::string why = text_of(at(signature, "why")); !why.empty()) text.line("  " + shown(why));
    std::vector<Row> rows;
    for (const Json& output : at(signature, "outputs")) {
      const Json& agreement = at(output, "agreement");
      rows.push_back({text_of(at(output, "key")) + " " + text_of(at(output, "dtype")),
                      at(output, "equal").get<bool>() ? "equal" : decimal(at(output, "sqnr_db"), " dB"),
                      agreement.is_number() ? one_decimal(number_of(agreement) * 100) + " %" : ""});
    }
    text.table({"outputs", "worst SQNR", "same answers"}, rows);
  }
  text.line("check: " + shown(text_of(at(comparison, "summary"))));
  text.notes(at(comparison, "warnings"));
  return text.out;
}

// A listing is [{name or op, summary}].
std::string describe_list(const Json& listing) {
  Text text;
  auto name = [](const Json& row) { return text_of(row.contains("name") ? at(row, "name") : at(row, "op")); };
  size_t width = 0;
  for (const Json& row : listing) width = std::max(width, name(row).size());
  for (const Json& row : listing) {
    std::string out = shown(name(row));
    out += std::string(width - std::min(width, out.size()), ' ') + "  " + shown(text_of(at(row, "summary")));
    out.erase(out.find_last_not_of(' ') + 1);
    text.line(out);
  }
  return text.out;
}

}  // namespace whittle
