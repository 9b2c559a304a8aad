#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "whittle/text.h"

namespace whittle {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxFiles = 50'000;
constexpr size_t kMaxOpen = 32;
constexpr int kMaxDepth = 32;  // a link that leads to its own parent ends here

struct Known {
  int number;
  Code code;
  const char* sentence;
};
constexpr Known kKnown[] = {
    {ENOSPC, Code::kIo, "no space left on the disk"},
    {EDQUOT, Code::kIo, "the disk quota is used up"},
    {EACCES, Code::kIo, "permission denied"},
    {EPERM, Code::kIo, "operation not permitted"},
    {ENOENT, Code::kNotFound, "no such file or folder"},
    {EISDIR, Code::kIo, "is a folder"},
    {ENOTDIR, Code::kIo, "a part of the path is not a folder"},
    {EROFS, Code::kIo, "the file system is read-only"},
    {EFBIG, Code::kIo, "the file would become too large for its file system"},
    {EIO, Code::kIo, "the disk reported an error"},
    {EMFILE, Code::kIo, "too many open files"},
    {ENAMETOOLONG, Code::kIo, "the name is too long"},
};

// Left by file managers and archivers; never part of a model.
bool is_junk(const std::string& name) {
  return name == ".DS_Store" || name == "__MACOSX" || name == "Thumbs.db" || name == "desktop.ini" || name.compare(0, 2, "._") == 0;
}

Status walk(const fs::path& folder, const std::string& prefix, const std::string& shown, int depth, std::vector<Source::File>* files) {
  if (depth > kMaxDepth) return over_limit(cat("folders lie deeper than ", kMaxDepth)).in(prefix);
  std::error_code failed;
  fs::directory_iterator entries(folder, failed);
  if (failed) return system_error(failed.value(), prefix.empty() ? shown : prefix);
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    const std::string name = entries->path().filename().string();
    if (is_junk(name)) continue;
    const std::string relative = prefix + name;
    struct stat info;
    if (stat(entries->path().c_str(), &info) != 0) return system_error(errno, relative);
    if (S_ISDIR(info.st_mode)) {
      WHITTLE_CHECK(walk(entries->path(), relative + "/", shown, depth + 1, files));
    } else if (S_ISREG(info.st_mode)) {
      files->push_back({relative, static_cast<uint64_t>(info.st_size), entries->path().string()});
    }
    if (files->size() > kMaxFiles) {
      return over_limit(cat("the folder holds more than ", kMaxFiles, " files; choose the model's own folder"));
    }
  }
  if (failed) return system_error(failed.value(), prefix.empty() ? shown : prefix);
  return {};
}

}  // namespace

Error system_error(int number, std::string place) {
  for (const Known& known : kKnown) {
    if (known.number == number) return {known.code, known.sentence, {std::move(place)}};
  }
  return {Code::kIo, std::strerror(number), {std::move(place)}};
}

Status check_output_names(const std::vector<std::string>& paths) {
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    for (std::string_view part : split(path, '/')) {
      if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos) {
        return internal_error("an output path leaves its folder").in(path);
      }
    }
    if (!seen.insert(path).second) {
      return unsupported(cat("this system takes the names for those of one file: ", path)).in(path);
    }
  }
  return {};
}

Result<Source> Source::open(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return system_error(errno, path);
  std::error_code failed;
  const fs::path full = fs::canonical(path, failed);
  if (failed) return system_error(failed.value(), path);

  Source source;
  source.full = full.string();
  if (S_ISREG(info.st_mode)) {
    const std::string name = fs::absolute(path, failed).lexically_normal().filename().string();
    source.files.push_back({name, static_cast<uint64_t>(info.st_size), source.full});
    return source;
  }
  if (!S_ISDIR(info.st_mode)) return io_error("is neither a file nor a folder").in(path);
  WHITTLE_CHECK(walk(full, "", path, 0, &source.files));
  std::sort(source.files.begin(), source.files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return source;
}

Result<int> Handles::get(const std::string& path, const std::string& shown) {
  for (const auto& [name, fd] : open_) {
    if (name == path) return fd;
  }
  if (open_.size() >= kMaxOpen) {
    ::close(open_.front().second);
    open_.erase(open_.begin());
  }
  const int fd = ::open(path.c_str(), flags_ | O_CLOEXEC);
  if (fd < 0) return system_error(errno, shown);
  open_.emplace_back(path, fd);
  return fd;
}

void Handles::close_all() {
  for (const auto& entry : open_) ::close(entry.second);
  open_.clear();
}

Status read_at(int fd, uint64_t offset, std::span<uint8_t> bytes, const std::string& shown) {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(errno, shown);
    if (count == 0) return io_error("the file became shorter while it was read").in(shown);
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Status write_at(int fd, uint64_t offset, std::span<const uint8_t> bytes, const std::string& shown) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(errno, shown);
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

}  // namespace whittle
