// sink.h: where a result goes: a folder, a zip or one file; wasm/js/sinks_node.mjs in C++.
//
// Every piece is written at its final offset into a temporary sibling ".NAME.whittle-XXXXXXXX", which is flushed and renamed
// at the end. A place that is taken is refused; with `force` it is replaced, but only after success. A folder that is a mount,
// or whose parent may not be written, gets its temporary folder inside, and then file by file what is in it.
#ifndef WHITTLE_TOOLS_SINK_H_
#define WHITTLE_TOOLS_SINK_H_

#include <memory>
#include <string>
#include <vector>

#include "files.h"
#include "whittle/whittle.h"

namespace whittle {

class Sink {
 public:
  struct Target {
    std::string path;
    std::string shown;  // in errors
    uint64_t offset = 0;
  };

  // By the ending of `path`: .zip, .pb, else a folder. Refuses what is taken, missing or inside of the input.
  static Result<std::unique_ptr<Sink>> make(const std::string& path, const Source& input, bool force);
  virtual ~Sink();

  Status begin(const std::vector<OutputFile>& outputs);
  virtual Target target(size_t file, uint64_t offset) const = 0;
  virtual bool wants_crc() const { return false; }
  // `crcs`: of the output files, when they are wanted.
  Status finish(const std::vector<uint32_t>& crcs);
  // Bytes of a zip, else 0.
  virtual uint64_t zipped_bytes() const { return 0; }

 protected:
  Status prepare(const std::string& path, const Source& input, bool force);
  virtual Status check_taken(bool is_folder, const std::string& real);
  virtual Status create(const std::vector<OutputFile>& outputs) = 0;
  virtual Status complete(const std::vector<uint32_t>& crcs) = 0;
  virtual Status publish();
  Error failed(int number) const { return system_error(number, path_); }

  std::string path_;       // as given
  std::string full_;
  std::string temporary_;  // empty: nothing of ours is on the disk
  bool force_ = false;
};

}  // namespace whittle

#endif  // WHITTLE_TOOLS_SINK_H_
