// command_line.h: the command line against the table of tools/options.json; wasm/bin/parse.mjs does the same.
#ifndef WHITTLE_TOOLS_COMMAND_LINE_H_
#define WHITTLE_TOOLS_COMMAND_LINE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace whittle {

enum class OptionKind { kFlag, kText, kChoice, kList, kCount, kNumber, kFile };

struct OptionValue {
  std::string text;               // kText, kChoice, kFile
  std::vector<std::string> list;  // kList
  int count = 0;                  // kCount
  double number = 0;              // kNumber
};

struct CommandLine {
  std::string command;
  std::vector<std::string> operands;
  std::map<std::string, OptionValue> options;
  std::string usage_error;  // wrong usage: what is wrong
  std::string help;         // help was asked for: its text
  bool version = false;

  bool has(const std::string& option) const { return options.count(option) != 0; }
  const OptionValue* find(const std::string& option) const {
    auto found = options.find(option);
    return found == options.end() ? nullptr : &found->second;
  }
};

CommandLine parse_command_line(const std::vector<std::string>& words);

}  // namespace whittle

#endif  // WHITTLE_TOOLS_COMMAND_LINE_H_
