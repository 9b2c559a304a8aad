// pieces.h: pieces of the model's files, read into a window and handed on in order; wasm/js/reader.mjs in C++.
#ifndef WHITTLE_TOOLS_PIECES_H_
#define WHITTLE_TOOLS_PIECES_H_

#include <functional>
#include <vector>

#include "files.h"
#include "whittle/tensor_ref.h"

namespace whittle {

class PieceReader {
 public:
  explicit PieceReader(const Source& source);

  Status read(const FileRange& range, std::span<uint8_t> bytes);
  // Calls push with the window's bytes, again and again.
  Status read(const std::vector<FilePiece>& pieces, const std::function<Status(std::span<const uint8_t>)>& push);

 private:
  Status contiguous(FileRange range);
  Status spans(const FilePiece& piece);
  Status flush();

  const Source& source_;
  Handles handles_;
  std::vector<uint8_t> window_, span_;
  size_t filled_ = 0;
  const std::function<Status(std::span<const uint8_t>)>* push_ = nullptr;
};

}  // namespace whittle

#endif  // WHITTLE_TOOLS_PIECES_H_
