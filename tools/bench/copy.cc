// whittle_copy TO FROM…: what a run is held against: every byte read and written in blocks of 8 MB, and one pass of
// CRC-32C over it. Plain read and write, so that no file system shares the blocks; not flushed. Prints the checksum.
#include <cstdio>
#include <vector>

#include "whittle/crc32c.h"

#include <fcntl.h>
#include <unistd.h>

namespace {

constexpr size_t kBlock = 8u << 20;

bool copy(int from, int to, std::vector<uint8_t>* block, uint32_t* crc) {
  for (;;) {
    const ssize_t n = read(from, block->data(), block->size());
    if (n <= 0) return n == 0;
    const auto size = static_cast<size_t>(n);
    *crc = whittle::crc32c_extend(*crc, {block->data(), size});
    for (size_t at = 0; at < size;) {
      const ssize_t written = write(to, block->data() + at, size - at);
      if (written <= 0) return false;
      at += static_cast<size_t>(written);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "whittle_copy TO FROM...\n");
    return 2;
  }
  std::vector<uint8_t> block(kBlock);
  uint32_t crc = 0;
  const int to = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  for (int i = 2; i < argc; ++i) {
    const int from = open(argv[i], O_RDONLY);
    if (from < 0 || to < 0 || !copy(from, to, &block, &crc)) {
      std::perror(from < 0 ? argv[i] : argv[1]);
      return 1;
    }
    close(from);
  }
  if (close(to) != 0) return 1;
  std::printf("%08x\n", static_cast<unsigned>(crc));
  return 0;
}
