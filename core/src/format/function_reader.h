// function_reader.h: the functions of a GraphDef's library, decoded one by one when asked for.
//
//   index     every function's name, size and signature (into the op registry, so that a node whose
//             op is the function has named outputs); bodies stay bytes of the skeleton
//   decode    FunctionDef → Function: `node:out:i` becomes a port through the registry
//
//        FunctionDef                                   Function::body
//          input_arg  x                                  x        = _Arg(index=0)
//          node_def   mul = Mul(x, x)                    mul      = Mul(x, x)
//          ret        y -> mul:z:0                       y_RetVal = _Retval(mul, index=0)
//
// Errors  kCorrupt: formats.md §8 (bad ret, unknown argument, duplicates, itself as op, …);
//         kUnsupported: list arguments, attributes of the function itself, outputs of an op that
//         neither the registry nor the model's op list describes.
#ifndef WHITTLE_FORMAT_FUNCTION_READER_H_
#define WHITTLE_FORMAT_FUNCTION_READER_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode.h"
#include "skeleton.h"
#include "whittle/model.h"

namespace whittle::format {

// What lazily decoded functions keep alive.
struct Source {
  std::string bytes;  // the skeleton
  ValueDecoder values;
  std::vector<OriginalSize> function_sizes;

  Source(std::string b, LazyContents contents, std::vector<OriginalSize> sizes)
      : bytes(std::move(b)), values(std::move(contents)), function_sizes(std::move(sizes)) {}
  // Bytes in the file of a function, a view into `bytes`.
  uint64_t file_bytes(std::string_view function) const;
};

// Indexes FunctionDefLibraries (views into source->bytes), adds the signatures to `registry` and
// sets up `library`. The registry must not change afterwards.
Status read_library(const std::vector<std::string_view>& libraries,
                    std::shared_ptr<const Source> source,
                    const std::shared_ptr<OpRegistry>& registry, Library* library, Context& ctx);

// An OpList: the ops that the built-in registry lacks; it knows the others already.
Status read_op_list(std::string_view op_list, const ValueDecoder& values, OpRegistry* registry);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_FUNCTION_READER_H_
