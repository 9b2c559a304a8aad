// The wire reader on any bytes: every field lies within its message, and what is read can be
// written again unchanged.
#include <cstdlib>

#include "fuzz.h"
#include "support/bytes.h"
#include "whittle/wire.h"

namespace {

using namespace whittle;

void read(std::span<const uint8_t> message, int depth) {
  WireReader reader(message);
  WireField field;
  std::string again;
  for (;;) {
    Result<bool> more = reader.next(&field);
    if (!more.ok()) return;
    if (!*more) break;
    if (field.bytes.size() > message.size() || field.raw.empty()) std::abort();
    again.append(reinterpret_cast<const char*>(field.raw.data()), field.raw.size());
    if (field.type == WireType::kBytes && depth < 8) read(field.bytes, depth + 1);
  }
  if (again != std::string(message.begin(), message.end())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read({data, size}, 0);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  WireWriter inner, group;
  inner.int64(1, -1);
  inner.bytes(2, "name");
  WireWriter message;
  message.varint(1, 150);
  message.fixed32(2, 7);
  message.fixed64(3, 8);
  message.bytes(4, inner.data());
  message.raw(from_hex("2b 08 01 33 34 2c"));
  return {message.data(), inner.data(), from_hex("0b0b0b0c0c0c")};
}
