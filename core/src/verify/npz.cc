#include "npz.h"

#include "whittle/crc32.h"
#include "whittle/inflate.h"
#include "whittle/text.h"

namespace whittle::verify {
namespace {

constexpr size_t kEnd = 22, kEntry = 46, kLocal = 30;

uint32_t little(std::string_view s, size_t at, size_t n) {
  uint32_t v = 0;
  for (size_t k = n; k-- > 0;) v = v << 8 | static_cast<uint8_t>(s[at + k]);
  return v;
}

Error broken() { return invalid_argument("its directory is broken"); }

}  // namespace

Result<std::vector<ZipMember>> npz_members(std::string_view file) {
  const size_t end = file.rfind(std::string_view("PK\x05\x06", 4));
  if (end == std::string_view::npos || file.size() - end < kEnd)
    return invalid_argument("it is no zip, or it ends too early");
  const uint32_t count = little(file, end + 10, 2);
  size_t at = little(file, end + 16, 4);
  if (at > end) return broken();
  std::vector<ZipMember> out;
  for (uint32_t k = 0; k < count; ++k) {
    if (end - at < kEntry || file.substr(at, 4) != std::string_view("PK\x01\x02", 4))
      return broken();
    const size_t name_size = little(file, at + 28, 2);
    const size_t whole = kEntry + name_size + little(file, at + 30, 2) + little(file, at + 32, 2);
    if (end - at < whole) return broken();
    ZipMember m{file.substr(at + kEntry, name_size),
                little(file, at + 10, 2),
                little(file, at + 16, 4),
                little(file, at + 20, 4),
                little(file, at + 24, 4),
                little(file, at + 42, 4)};
    const bool encrypted = (little(file, at + 8, 2) & 1) != 0;
    at += whole;
    if (m.name.size() < 4 || m.name.substr(m.name.size() - 4) != ".npy") continue;
    m.name.remove_suffix(4);
    if (encrypted || (m.method != 0 && m.method != 8) || m.size == UINT32_MAX ||
        m.packed == UINT32_MAX) {
      return unsupported(cat("its member ", printable(m.name),
                             " is encrypted, above 4 GB, or neither stored nor deflated"));
    }
    out.push_back(m);
  }
  return out;
}

Result<std::string> npz_content(std::string_view file, const ZipMember& m, Allowance& allowance) {
  const size_t at = m.local;
  if (at > file.size() || file.size() - at < kLocal ||
      file.substr(at, 4) != std::string_view("PK\x03\x04", 4))
    return broken();
  const size_t data = at + kLocal + little(file, at + 26, 2) + little(file, at + 28, 2);
  if (data > file.size() || m.packed > file.size() - data)
    return invalid_argument("it ends too early");
  WHITTLE_CHECK(allowance.take(m.size));
  std::string out;
  if (m.method == 0) {
    out = std::string(file.substr(data, m.packed));
  } else {
    WHITTLE_ASSIGN(out, inflate(bytes_of(file.substr(data, m.packed)), Wrapper::kNone, m.size));
  }
  if (out.size() != m.size || crc32(0, bytes_of(out)) != m.crc)
    return invalid_argument("its bytes do not fit their checksum");
  return out;
}

}  // namespace whittle::verify
