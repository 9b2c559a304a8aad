#include "command_line.h"

#include <algorithm>
#include <cstdlib>

#include "whittle/text.h"

namespace whittle {
namespace {

struct CommandInfo {
  std::string name;
  std::vector<std::string> operands, choices;
  bool missing;
  std::string help;
};

struct OptionInfo {
  std::string name, short_name;
  OptionKind kind;
  std::vector<std::string> commands, choices;
  int minimum, maximum;
  bool required;
};

#include "options.inc"

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

const OptionInfo* find_option(const std::string& spelled) {
  for (const OptionInfo& option : kOptions) {
    if (spelled == "--" + option.name) return &option;
    if (!option.short_name.empty() && spelled == "-" + option.short_name) return &option;
  }
  return nullptr;
}

// The value, or what is wrong with it.
std::string convert(const OptionInfo& info, const std::string& text, OptionValue* value) {
  switch (info.kind) {
    case OptionKind::kChoice:
      if (!contains(info.choices, text)) return cat("--", info.name, " must be one of ", join(info.choices, ", "));
      break;
    case OptionKind::kList:
      if (text.empty()) return "";
      for (std::string_view piece : split(text, ',')) value->list.emplace_back(piece);
      return "";
    case OptionKind::kCount: {
      int64_t count = -1;
      const bool digits = !text.empty() && text.size() <= 6 && text.find_first_not_of("0123456789") == text.npos;
      if (!digits || !parse_int64(text, &count) || count < info.minimum || count > info.maximum) {
        return cat("--", info.name, " must be a whole number from ", info.minimum, " to ", info.maximum);
      }
      value->count = static_cast<int>(count);
      return "";
    }
    case OptionKind::kNumber: {
      // -12.5: at most six digits before and nine behind the point.
      const std::string_view digits = std::string_view(text).substr(text[0] == '-' ? 1 : 0);
      const size_t point = digits.find('.'), whole = std::min(point, digits.size());
      const size_t behind = point == digits.npos ? 1 : digits.size() - point - 1;
      const bool plain = digits.find_first_not_of("0123456789.") == digits.npos && digits.find('.', whole + 1) == digits.npos;
      if (!plain || whole < 1 || whole > 6 || behind < 1 || behind > 9) return cat("--", info.name, " must be a number");
      value->number = std::strtod(text.c_str(), nullptr);
      return "";
    }
    default:
      if (text.empty()) return cat("--", info.name, " needs a value");
  }
  value->text = text;
  return "";
}

class Parser {
 public:
  CommandLine parse(const std::vector<std::string>& words) {
    if (words.empty()) return wrong("a command is missing");
    const std::string& name = words[0];
    if (name == "--help" || name == "-h") return help(kMainHelp);
    if (name == "--version") {
      line_.version = true;
      return line_;
    }
    auto command = std::find_if(kCommands.begin(), kCommands.end(), [&](const CommandInfo& c) { return c.name == name; });
    if (command == kCommands.end()) return wrong(cat("there is no command '", name, "'"));
    line_.command = name;
    if (std::string bad = read_words(words); !bad.empty()) return wrong(bad);
    if (line_.has("help")) return help(command->help);
    if (command->missing) return wrong(cat(name, " is not in this version"));
    if (std::string bad = check(*command); !bad.empty()) return wrong(bad);
    return line_;
  }

 private:
  CommandLine wrong(std::string sentence) {
    line_.usage_error = std::move(sentence);
    return line_;
  }
  CommandLine help(std::string text) {
    line_.help = std::move(text);
    return line_;
  }

  std::string read_words(const std::vector<std::string>& words) {
    bool ended = false;
    for (size_t at = 1; at < words.size(); ++at) {
      const std::string& word = words[at];
      if (ended || word.empty() || word[0] != '-' || word == "-") {
        line_.operands.push_back(word);
        continue;
      }
      if (word == "--") {
        ended = true;
        continue;
      }
      const size_t equals = word.compare(0, 2, "--") == 0 ? word.find('=') : word.npos;
      const std::string spelled = word.substr(0, equals);
      const OptionInfo* info = find_option(spelled);
      if (info == nullptr || !contains(info->commands, line_.command)) return cat(line_.command, " has no option ", spelled);
      if (line_.has(info->name)) return cat("--", info->name, " is given twice");
      OptionValue value;
      if (info->kind == OptionKind::kFlag) {
        if (equals != word.npos) return cat("--", info->name, " takes no value");
      } else {
        std::string text;
        if (equals != word.npos) {
          text = word.substr(equals + 1);
        } else if (++at < words.size()) {
          text = words[at];
        } else {
          return cat("--", info->name, " needs a value");
        }
        if (std::string bad = convert(*info, text, &value); !bad.empty()) return bad;
      }
      line_.options.emplace(info->name, std::move(value));
    }
    return "";
  }

  std::string check(const CommandInfo& command) {
    if (line_.operands.size() != command.operands.size()) {
      return cat(command.name, " takes ", join(command.operands, " "), ", and ", line_.operands.size(), " operands are given");
    }
    if (!command.choices.empty() && !contains(command.choices, line_.operands[0])) {
      return cat(command.operands[0], " must be one of ", join(command.choices, ", "));
    }
    for (const OptionInfo& info : kOptions) {
      if (info.required && contains(info.commands, command.name) && !line_.has(info.name)) {
        return cat(command.name, " needs --", info.name);
      }
    }
    for (const std::vector<std::string>& group : kExcludes) {
      std::vector<std::string> given;
      for (const std::string& option : group) {
        if (line_.has(option)) given.push_back(option);
      }
      if (given.size() > 1) return cat("--", given[0], " and --", given[1], " exclude each other");
    }
    for (const std::vector<std::string>& group : kTogether) {
      auto has = [&](const std::string& option) { return line_.has(option); };
      auto missing = std::find_if_not(group.begin(), group.end(), has);
      auto given = std::find_if(group.begin(), group.end(), has);
      if (missing != group.end() && given != group.end()) return cat("--", *given, " needs --", *missing);
    }
    const OptionValue* output = line_.find("output");
    if (output != nullptr && output->text.size() >= 3 && output->text.compare(output->text.size() - 3, 3, ".pb") == 0) {
      const OptionValue* format = line_.find("format");
      if (format != nullptr && format->text == "saved_model") {
        return "a .pb holds a graph_def; name a folder or a .zip for a saved_model";
      }
      line_.options["format"].text = "graph_def";
    }
    return "";
  }

  CommandLine line_;
};

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& words) { return Parser().parse(words); }

}  // namespace whittle
