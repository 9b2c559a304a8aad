// files.h: reading and writing files, with errors in the words of wasm/js/errors.mjs.
#ifndef WHITTLE_TOOLS_FILES_H_
#define WHITTLE_TOOLS_FILES_H_

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "whittle/context.h"
#include "whittle/result.h"

namespace whittle {

// What errno says, as an Error at `place`.
Error system_error(int number, std::string place);

// Refuses output paths that leave their folder or that meet another one.
Status check_output_names(const std::vector<std::string>& paths);

// A model as it was given: one file, or the files below a folder.
struct Source {
  struct File {
    std::string path;  // relative, '/' separators
    uint64_t size = 0;
    std::string full;
  };
  std::string full;  // canonical path of the folder or file
  std::vector<File> files;  // sorted by path

  static Result<Source> open(const std::string& path);
};

// Open files by path, the oldest closed first. One for each thread.
class Handles {
 public:
  explicit Handles(int flags) : flags_(flags) {}
  ~Handles() { close_all(); }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  // `shown` is the name in errors.
  Result<int> get(const std::string& path, const std::string& shown);
  void close_all();

 private:
  int flags_;
  std::vector<std::pair<std::string, int>> open_;
};

// Whole ranges, however many system calls it takes. `shown` is the name in errors.
Status read_at(int fd, uint64_t offset, std::span<uint8_t> bytes, const std::string& shown);
Status write_at(int fd, uint64_t offset, std::span<const uint8_t> bytes, const std::string& shown);

}  // namespace whittle

#endif  // WHITTLE_TOOLS_FILES_H_
