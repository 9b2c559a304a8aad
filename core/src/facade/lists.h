// lists.h: `whittle list`: the tables of the core as JSON.
#ifndef WHITTLE_FACADE_LISTS_H_
#define WHITTLE_FACADE_LISTS_H_

#include <string>
#include <string_view>

#include "whittle/result.h"

namespace whittle {

// what: "transforms", "presets", "schemes" or "kernels"; invalid_argument otherwise.
Result<std::string> list_json(std::string_view what);

}  // namespace whittle

#endif  // WHITTLE_FACADE_LISTS_H_
