#include "text_model.h"

namespace whittle {

std::string content_of(const PlannedFile& file, MemoryFiles& source) {
  std::string out;
  for (const PlannedSegment& segment : file.segments) {
    const size_t before = out.size();
    const auto append = [&](const FileRange& range) {
      const auto bytes = source.run([&](Context& ctx) { return ctx.bytes()->fetch(range); });
      if (bytes.ok()) out.append(bytes->begin(), bytes->end());
    };
    switch (segment.kind) {
      case PlannedSegment::Kind::kLiteral: out += segment.literal; break;
      case PlannedSegment::Kind::kCopy: append(segment.copy); break;
      case PlannedSegment::Kind::kTensor:
        if (segment.tensor.kind() == TensorRef::Kind::kOwned) {
          const auto bytes = segment.tensor.tensor().bytes();
          out.append(bytes.begin(), bytes.end());
        } else {
          for (const FilePiece& piece : segment.tensor.pieces()) append(piece.range);
        }
        break;
    }
    EXPECT_EQ(out.size() - before, segment.size) << segment.name;
  }
  EXPECT_EQ(out.size(), file.size);
  return out;
}

Result<std::vector<MemoryFile>> write(const Model& model, MemoryFiles& source,
                                      const std::string& root) {
  WHITTLE_ASSIGN(const std::vector<PlannedFile> files, source.run([&](Context& ctx) {
    WriteOptions options;
    options.load_small = [&](const TensorRef& ref) { return load_stored(ref, ctx); };
    return plan_saved_model(model, source.cache().files(), root, options, ctx);
  }));
  std::vector<MemoryFile> out;
  for (const PlannedFile& file : files) out.push_back({file.path, content_of(file, source)});
  return out;
}

}  // namespace whittle
