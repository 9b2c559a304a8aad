#include "whittle/pass.h"

namespace whittle {

#define WHITTLE_TRANSFORM(name) extern const PassInfo name##_info;
#include "transforms.def"
#undef WHITTLE_TRANSFORM

namespace {

#define WHITTLE_TRANSFORM(name) &name##_info,
constexpr const PassInfo* kPasses[] = {
#include "transforms.def"
};
#undef WHITTLE_TRANSFORM

}  // namespace

std::span<const PassInfo* const> all_passes() { return kPasses; }

const PassInfo* find_pass(std::string_view name) {
  for (const PassInfo* info : kPasses) {
    if (info->name == name) return info;
  }
  return nullptr;
}

}  // namespace whittle
