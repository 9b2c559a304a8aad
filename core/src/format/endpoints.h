// endpoints.h: which signatures a read model has in the end: those asked for, or one made of named
// tensors, for graphs that bring none.
#ifndef WHITTLE_FORMAT_ENDPOINTS_H_
#define WHITTLE_FORMAT_ENDPOINTS_H_

#include "whittle/model.h"
#include "whittle/saved_model.h"

namespace whittle::format {

// Applies ReadOptions::signatures, inputs, outputs and need_signature.
Status choose_signatures(const ReadOptions& options, MetaGraph* meta);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_ENDPOINTS_H_
