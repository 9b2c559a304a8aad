#include "whittle/whittle.h"

#ifndef WHITTLE_VERSION
#error "WHITTLE_VERSION comes from the file VERSION, by way of CMake"
#endif

namespace whittle {

std::string_view version() { return WHITTLE_VERSION; }

}  // namespace whittle
