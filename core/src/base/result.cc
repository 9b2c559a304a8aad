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

void ErrorDelete::operator()(Error* error) const noexcept { delete error; }

Failure::Failure(Error error) : box_(new Error(std::move(error))) {}

Failure&& Failure::in(std::string place) && {
  box_->where.push_back(std::move(place));
  return std::move(*this);
}

Failure invalid_argument(std::string m) { return Error{Code::kInvalidArgument, std::move(m), {}}; }
Failure corrupt(std::string m) { return Error{Code::kCorrupt, std::move(m), {}}; }
Failure unsupported(std::string m) { return Error{Code::kUnsupported, std::move(m), {}}; }
Failure not_found(std::string m) { return Error{Code::kNotFound, std::move(m), {}}; }
Failure over_limit(std::string m) { return Error{Code::kLimit, std::move(m), {}}; }
Failure io_error(std::string m) { return Error{Code::kIo, std::move(m), {}}; }
Failure internal_error(std::string m) { return Error{Code::kInternal, std::move(m), {}}; }

}  // namespace whittle
