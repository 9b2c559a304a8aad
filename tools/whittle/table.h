// table.h: what people read on stdout; wasm/bin/table.mjs prints the same text.
#ifndef WHITTLE_TOOLS_TABLE_H_
#define WHITTLE_TOOLS_TABLE_H_

#include <string>

#include "command_line.h"
#include "nlohmann/json.hpp"

namespace whittle {

std::string describe_report(const nlohmann::ordered_json& report, const CommandLine& line, double seconds);
std::string describe_inspection(const nlohmann::ordered_json& summary);
std::string describe_comparison(const nlohmann::ordered_json& comparison);
std::string describe_list(const nlohmann::ordered_json& listing);

}  // namespace whittle

#endif  // WHITTLE_TOOLS_TABLE_H_
