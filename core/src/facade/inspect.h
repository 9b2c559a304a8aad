// inspect.h: what is in a model and why it is big, without reading a weight.
#ifndef WHITTLE_FACADE_INSPECT_H_
#define WHITTLE_FACADE_INSPECT_H_

#include "whittle/report.h"
#include "whittle/saved_model.h"

namespace whittle {

Inspection inspect_model(Model& model, const ModelReader& reader, const std::vector<FileEntry>& files,
                         uint64_t nodes, Context& ctx);

}  // namespace whittle

#endif  // WHITTLE_FACADE_INSPECT_H_
