#include "whittle/context.h"

#include <algorithm>

namespace whittle {
namespace {

constexpr size_t kMaxWarnings = 1000;

}  // namespace

Status Context::check_cancelled() const {
  if (cancelled()) return Error{Code::kCancelled, "cancelled by the caller", {}};
  return {};
}

void Context::warn(std::string sentence) {
  if (warnings_.size() >= kMaxWarnings) return;
  if (std::find(warnings_.begin(), warnings_.end(), sentence) != warnings_.end()) return;
  warnings_.push_back(std::move(sentence));
}

}  // namespace whittle
