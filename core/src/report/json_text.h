// json_text.h: names from files may be any bytes; JSON must be UTF-8.
#ifndef WHITTLE_REPORT_JSON_TEXT_H_
#define WHITTLE_REPORT_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "whittle/text.h"

namespace whittle {

inline std::string text(const std::string& raw) { return is_valid_utf8(raw) ? raw : printable(raw, raw.size()); }

inline nlohmann::ordered_json texts(const std::vector<std::string>& list) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const std::string& s : list) out.push_back(text(s));
  return out;
}

}  // namespace whittle

#endif  // WHITTLE_REPORT_JSON_TEXT_H_
