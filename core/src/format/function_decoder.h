// function_decoder.h: one FunctionDef → Function; see function_reader.h.
#ifndef WHITTLE_FORMAT_FUNCTION_DECODER_H_
#define WHITTLE_FORMAT_FUNCTION_DECODER_H_

#include "decode.h"
#include "whittle/model.h"

namespace whittle::format {

Result<Function> decode_function(const pb::Function& proto, const ValueDecoder& values,
                                 const OpRegistry& registry);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_FUNCTION_DECODER_H_
