// verification_json.h: the object {"state", "why", "bound", "signatures"} of a report.
#ifndef WHITTLE_REPORT_VERIFICATION_JSON_H_
#define WHITTLE_REPORT_VERIFICATION_JSON_H_

#include <nlohmann/json.hpp>

#include "whittle/verification.h"

namespace whittle {

nlohmann::ordered_json verification_json(const Verification& v);

}  // namespace whittle

#endif  // WHITTLE_REPORT_VERIFICATION_JSON_H_
