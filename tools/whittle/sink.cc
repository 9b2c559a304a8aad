#include "sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <random>

#include "whittle/text.h"
#include "zip.h"

namespace whittle {
namespace fs = std::filesystem;
namespace {

bool is_inside(const std::string& path, const std::string& folder) {
  const fs::path way = fs::path(path).lexically_relative(folder);
  return !way.empty() && *way.begin() != "..";
}

std::string random_name() {
  std::random_device random;
  const uint32_t value = random();
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
  return out;
}

Status create_file(const std::string& path, const std::string& shown) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return system_error(errno, shown);
  ::close(fd);
  return {};
}

Status flush_file(const std::string& path, const std::string& shown) {
  Handles handles(O_RDWR);
  WHITTLE_ASSIGN(const int fd, handles.get(path, shown));
  if (::fdatasync(fd) != 0) return system_error(errno, shown);
  return {};
}

class FolderSink final : public Sink {
 public:
  Target target(size_t file, uint64_t offset) const override { return {files_[file].path, files_[file].shown, offset}; }

 protected:
  Status check_taken(bool is_folder, const std::string& real) override {
    if (!is_folder) return invalid_argument("the output is a file, not a folder").in(path_);
    full_ = real;
    taken_ = true;
    struct stat own, above;
    if (::stat(real.c_str(), &own) != 0 || ::stat(fs::path(real).parent_path().c_str(), &above) != 0) return failed(errno);
    inside_ = own.st_dev != above.st_dev;
    std::error_code error;
    const bool empty = fs::is_empty(real, error);
    if (error) return failed(error.value());
    if (!empty && !force_) return invalid_argument("the output folder is not empty; --force replaces it").in(path_);
    return {};
  }
  Status create(const std::vector<OutputFile>& outputs) override {
    if (!inside_ && ::mkdir(temporary_.c_str(), 0777) != 0) {
      if (!taken_ || (errno != EACCES && errno != EPERM && errno != EROFS)) return failed(errno);
      inside_ = true;
    }
    if (inside_) {
      temporary_ = (fs::path(full_) / fs::path(temporary_).filename()).string();
      if (::mkdir(temporary_.c_str(), 0777) != 0) return failed(errno);
    }
    std::error_code error;
    for (const OutputFile& output : outputs) {
      const fs::path path = fs::path(temporary_) / output.path;
      fs::create_directories(path.parent_path(), error);
      if (error) return failed(error.value());
      files_.push_back({path.string(), (fs::path(path_) / output.path).string(), 0});
      WHITTLE_CHECK(create_file(files_.back().path, path_));
    }
    return {};
  }
  Status complete(const std::vector<uint32_t>&) override {
    for (const Target& file : files_) WHITTLE_CHECK(flush_file(file.path, path_));
    return {};
  }
  Status publish() override {
    if (inside_) return publish_inside();
    if (!taken_) return Sink::publish();
    const std::string old = temporary_ + "-old";
    std::error_code error;
    fs::rename(full_, old, error);
    if (error) return failed(error.value());
    Status published = Sink::publish();
    if (!published.ok()) {
      fs::rename(old, full_, error);
      return published;
    }
    fs::remove_all(old, error);
    return {};
  }

 private:
  Status publish_inside() {
    const fs::path old = temporary_ + "-old";
    if (::mkdir(old.c_str(), 0777) != 0) return failed(errno);
    std::vector<std::pair<fs::path, fs::path>> moved;
    auto move = [&](const fs::path& from, const fs::path& to) -> Status {
      std::error_code error;
      std::vector<fs::path> names;
      for (fs::directory_iterator entries(from, error), end; !error && entries != end; entries.increment(error)) {
        names.push_back(entries->path().filename());
      }
      for (const fs::path& name : names) {
        if (from / name == old || from / name == temporary_) continue;
        if (!error) fs::rename(from / name, to / name, error);
        if (!error) moved.emplace_back(to / name, from / name);
      }
      return error ? Status(failed(error.value())) : Status();
    };
    Status status = move(full_, old);
    if (status.ok()) status = move(temporary_, full_);
    std::error_code error;
    if (!status.ok()) {
      for (auto undo = moved.rbegin(); undo != moved.rend(); ++undo) fs::rename(undo->first, undo->second, error);
      fs::remove(old, error);
      return status;
    }
    fs::remove(temporary_, error);
    fs::remove_all(old, error);
    return {};
  }

  std::vector<Target> files_;
  bool taken_ = false;
  bool inside_ = false;
};

class ZipSink final : public Sink {
 public:
  Target target(size_t file, uint64_t offset) const override { return {temporary_, path_, layout_.entries[file].data + offset}; }
  bool wants_crc() const override { return true; }
  uint64_t zipped_bytes() const override { return size_; }

 protected:
  Status create(const std::vector<OutputFile>& outputs) override {
    const std::string top = zip_folder_name(fs::path(full_).filename().string());
    std::vector<ZipEntry> entries;
    for (const OutputFile& output : outputs) entries.push_back({top + "/" + output.path, output.size, 0, 0});
    layout_ = zip_layout(std::move(entries));
    return create_file(temporary_, path_);
  }
  Status complete(const std::vector<uint32_t>& crcs) override {
    Handles handles(O_RDWR);
    WHITTLE_ASSIGN(const int fd, handles.get(temporary_, path_));
    auto put = [&](uint64_t offset, const std::string& bytes) {
      return write_at(fd, offset, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path_);
    };
    for (size_t i = 0; i < layout_.entries.size(); ++i) {
      WHITTLE_CHECK(put(layout_.entries[i].header, zip_local_header(layout_.entries[i], crcs[i])));
    }
    const std::string directory = zip_directory(layout_, crcs);
    WHITTLE_CHECK(put(layout_.directory, directory));
    size_ = layout_.directory + directory.size();
    if (::fdatasync(fd) != 0) return failed(errno);
    return {};
  }

 private:
  ZipLayout layout_;
  uint64_t size_ = 0;
};

class FileSink final : public Sink {
 public:
  Target target(size_t, uint64_t offset) const override { return {temporary_, path_, offset}; }

 protected:
  Status create(const std::vector<OutputFile>& outputs) override {
    if (outputs.size() != 1) return unsupported(cat("the result has ", outputs.size(), " files; name a folder or a zip")).in(path_);
    return create_file(temporary_, path_);
  }
  Status complete(const std::vector<uint32_t>&) override { return flush_file(temporary_, path_); }
};

bool ends_with(const std::string& text, std::string_view ending) {
  return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

Sink::~Sink() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

Result<std::unique_ptr<Sink>> Sink::make(const std::string& path, const Source& input, bool force) {
  std::unique_ptr<Sink> sink;
  if (ends_with(path, ".zip")) {
    sink = std::make_unique<ZipSink>();
  } else if (ends_with(path, ".pb")) {
    sink = std::make_unique<FileSink>();
  } else {
    sink = std::make_unique<FolderSink>();
  }
  WHITTLE_CHECK(sink->prepare(path, input, force));
  return sink;
}

Status Sink::prepare(const std::string& path, const Source& input, bool force) {
  path_ = path;
  force_ = force;
  std::error_code error;
  fs::path full = fs::absolute(path, error).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();  // "out/"
  const fs::path parent = fs::canonical(full.parent_path(), error);
  if (error) return not_found("the folder that should hold the output does not exist").in(path_);
  full_ = (parent / full.filename()).string();

  struct stat info;
  const bool there = ::stat(full_.c_str(), &info) == 0;
  if (!there && errno != ENOENT && errno != ENOTDIR) return failed(errno);
  const std::string real = there ? fs::canonical(full_, error).string() : full_;
  if (error) return failed(error.value());
  if (is_inside(real, input.full)) return invalid_argument("the output lies inside of the input").in(path_);
  if (is_inside(input.full, real)) return invalid_argument("the input lies inside of the output").in(path_);
  return there ? check_taken(S_ISDIR(info.st_mode), real) : Status();
}

Status Sink::check_taken(bool is_folder, const std::string&) {
  if (is_folder) return invalid_argument("the output is a folder").in(path_);
  if (!force_) return invalid_argument("the output exists; --force replaces it").in(path_);
  return {};
}

Status Sink::begin(const std::vector<OutputFile>& outputs) {
  std::vector<std::string> paths;
  for (const OutputFile& output : outputs) paths.push_back(output.path);
  WHITTLE_CHECK(check_output_names(paths));
  const fs::path full(full_);
  temporary_ = (full.parent_path() / cat(".", full.filename().string(), ".whittle-", random_name())).string();
  return create(outputs);
}

Status Sink::finish(const std::vector<uint32_t>& crcs) {
  WHITTLE_CHECK(complete(crcs));
  WHITTLE_CHECK(publish());
  temporary_.clear();
  return {};
}

Status Sink::publish() {
  std::error_code error;
  fs::rename(temporary_, full_, error);
  if (error) return failed(error.value());
  return {};
}

}  // namespace whittle
