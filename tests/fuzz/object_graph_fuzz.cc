// Any bytes as the object graph of a SavedModel and as the one in its checkpoint: two bytes say how long the first is.
#include <cstdio>
#include <cstdlib>

#include "format/meta_reader.h"
#include "fuzz.h"
#include "whittle/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace whittle;
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t first = std::min<size_t>(size_t{data[0]} | size_t{data[1]} << 8, all.size());
  auto source = std::make_shared<const format::Source>(std::string(all.substr(0, first)),
                                                       format::LazyContents(),
                                                       std::vector<format::OriginalSize>());
  MetaGraph meta;
  const Status read = format::read_object_graph(source->bytes, source, &meta);
  if (!read.ok() || meta.objects == nullptr) return 0;
  ObjectPairs pairs;
  pairs.captures["f"] = {};
  pairs.captures[""] = {};
  const Status paired = meta.objects->pair(all.substr(first), &pairs);
  if (pairs.captures.size() != 2 || (paired.ok() && pairs.keys.size() > size)) {
    std::fprintf(stderr, "pairs that nobody asked for\n");
    std::abort();
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using whittle::WireWriter;
  const auto object = [](std::vector<std::pair<std::string, int>> children,
                         const std::string& key) {
    WireWriter out;
    for (const auto& [name, id] : children) {
      WireWriter child;
      child.int64(1, id);
      child.bytes(2, name);
      out.bytes(1, child.data());
    }
    if (!key.empty()) {
      WireWriter attribute;
      attribute.bytes(1, "VARIABLE_VALUE");
      attribute.bytes(3, key);
      out.bytes(2, attribute.data());
    }
    return out.take();
  };
  const auto graph = [&](int shift) {
    WireWriter out;
    out.bytes(1, object({{"a", 1 + shift}, {"b", 2 - shift}, {"me", 0}}, ""));
    out.bytes(1, object({{"v", 3}, {"up", 0}}, shift == 0 ? "" : "a key"));
    out.bytes(1, object({{"v", 3}}, "b key"));
    out.bytes(1, object({}, "v key"));
    return out.take();
  };
  WireWriter function, entry, saved;
  function.bytes(2, std::string("\x03\x01\xac\x02", 4));
  function.int64(2, 3);
  entry.bytes(1, "f");
  entry.bytes(2, function.data());
  saved.bytes(2, entry.data());
  const std::string first = graph(0) + saved.data();
  std::string seed(2, '\0');
  seed[0] = static_cast<char>(first.size());
  return {seed + first + graph(1), seed + first + graph(0)};
}
