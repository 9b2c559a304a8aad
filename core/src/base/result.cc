#include "whittle/result.h"

namespace whittle {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kCorrupt: return "corrupt";
    case Code::kUnsupported: return "unsupported";
    case Code::kNotFound: return "not_found";
    case Code::kLimit: return "limit";
    case Code::kIo: return "io";
    case Code::kBoundMissed: return "bound_missed";
    case Code::kCancelled: return "cancelled";
    case Code::kInternal: return "internal";
    case Code::kNeedBytes: return "need_bytes";
  }
  return "internal";
}

std::string Error::to_string() const {
  std::string out(code_name(code));
  out += ": ";
  out += message;
  for (const std::string& place : where) {
    out += ", in ";
    out += place;
  }
  return out;
}

}  // namespace whittle
