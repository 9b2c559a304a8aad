#include "format/skeleton.h"

#include "text_model.h"
#include "whittle/wire.h"

namespace whittle {
namespace {

using format::kLargeContent;
using format::Skeleton;

// A file of any size whose bytes are made on demand: `content` with a hole of equal bytes at `hole`.
class HoleyFile final : public ByteCache {
 public:
  HoleyFile(std::string head, uint64_t hole, std::string tail)
      : head_(std::move(head)), tail_(std::move(tail)), hole_(hole) {}
  Result<std::span<const uint8_t>> fetch(const FileRange& range) override {
    fetched_ += range.length;
    longest_ = std::max(longest_, range.length);
    window_.resize(static_cast<size_t>(range.length));
    for (uint64_t i = 0; i < range.length; ++i)
      window_[static_cast<size_t>(i)] = at(range.offset + i);
    return std::span<const uint8_t>(window_);
  }
  void want(const FileRange&) override {}
  uint64_t file_size(FileId) const override { return head_.size() + hole_ + tail_.size(); }
  const std::string& file_name(FileId) const override { return name_; }
  uint64_t fetched() const { return fetched_; }
  uint64_t longest() const { return longest_; }

 private:
  uint8_t at(uint64_t offset) const {
    if (offset < head_.size()) return static_cast<uint8_t>(head_[static_cast<size_t>(offset)]);
    if (offset < head_.size() + hole_) return 7;
    return static_cast<uint8_t>(tail_[static_cast<size_t>(offset - head_.size() - hole_)]);
  }
  std::string head_, tail_, name_ = "big.pb";
  uint64_t hole_, fetched_ = 0, longest_ = 0;
  std::vector<uint8_t> window_;
};

std::string header(uint32_t field, uint64_t length) {
  std::string out;
  append_varint(out, uint64_t{field} << 3 | 2);
  append_varint(out, length);
  return out;
}

// A GraphDef node, up to the content of a Const of `bytes` bytes of float32 values.
std::string big_const(std::string_view name, uint64_t bytes) {
  std::string shape = header(2, 1 + varint_size(bytes / 4)) + "\x08";
  append_varint(shape, bytes / 4);
  std::string out = "\x08\x01" + header(2, shape.size()) + shape + header(4, bytes);
  const auto wrap = [&](uint32_t field, std::string_view before) {
    out = std::string(before) + header(field, out.size() + bytes) + out;
  };
  wrap(8, "");
  wrap(2, header(1, 5) + "value");
  const std::string dtype = header(5, 11) + header(1, 5) + "dtype" + header(2, 2) + "\x30\x01";
  wrap(5, header(1, name.size()) + std::string(name) + header(2, 5) + "Const" + dtype);
  wrap(1, "");
  return out;
}

bool keep_all(const std::vector<std::string>*, size_t) { return true; }

TEST(Skeleton, IndexesATwoGigabyteConstantWithoutReadingIt) {
  const uint64_t bytes = uint64_t{2} << 30;
  const std::string head = big_const("w", bytes);
  HoleyFile file(head, bytes, graph_def(node("n", "NoOp")));
  Skeleton skeleton(FileId(0), Skeleton::Root::kGraphDef, keep_all);
  Context ctx(&file);
  ASSERT_TRUE(skeleton.run(file, ctx).ok());
  EXPECT_LT(file.fetched(), 200u << 10);
  EXPECT_LE(file.longest(), 1u << 20);
  EXPECT_LT(skeleton.take_bytes().size(), 200u);
  EXPECT_TRUE(skeleton.take_contents().has({head.size(), bytes}));
}

TEST(Skeleton, LargeConstantsBecomeFileTensorsAndSmallOnesStay) {
  const std::string large = big_const("large", kLargeContent);
  const std::string small = big_const("small", kLargeContent - 4);
  const std::string file =
      large + std::string(kLargeContent, '\1') + small + std::string(kLargeContent - 4, '\2');
  MemoryFiles files({{"graph.pb", file}});
  const Result<Model> model = read(files, without_signature());
  ASSERT_EQ(outcome(model), "ok");
  const Graph& graph = model->meta.graph;
  const TensorRef& a = graph.node(graph.find("large")).attrs.find("value")->tensor();
  const TensorRef& b = graph.node(graph.find("small")).attrs.find("value")->tensor();
  ASSERT_EQ(a.kind(), TensorRef::Kind::kFile);
  EXPECT_EQ(a.pieces()[0].range.offset, large.size());
  EXPECT_EQ(a.byte_size(), kLargeContent);
  EXPECT_EQ(b.kind(), TensorRef::Kind::kOwned);
  const Result<Tensor> loaded = files.run([&](Context& ctx) { return load_stored(a, ctx); });
  ASSERT_EQ(outcome(loaded), "ok");
  EXPECT_EQ(loaded->bytes()[17], 1);
}

TEST(Skeleton, ReadsInWindowsThatMayBeEvictedOnceTheyWereUsed) {
  std::string text;
  for (int i = 0; i < 60000; ++i) text += node(cat("node_with_a_rather_long_name_", i), "NoOp");
  const std::string content = graph_def(text);
  BlockCache cache({{"graph.pb", content.size()}});
  Context ctx(&cache);
  ModelReader reader(cache.files(), without_signature());
  uint64_t most = 0;
  for (;;) {
    Result<Model> model = reader.read(ctx);
    if (model.ok()) {
      EXPECT_EQ(model->meta.graph.size(), 60000u);
      break;
    }
    ASSERT_EQ(model.error().code, Code::kNeedBytes) << outcome(model);
    cache.evict_all();
    for (const FileRange& range : cache.take_missing()) {
      most = std::max(most, range.length);
      ASSERT_TRUE(cache
                      .provide(range, bytes_of(content).subspan(static_cast<size_t>(range.offset),
                                                                static_cast<size_t>(range.length)))
                      .ok());
    }
  }
  EXPECT_GT(content.size(), 2u << 20);
  EXPECT_LE(most, 1u << 20);
}

TEST(Skeleton, TheGraphOfAnotherMetaGraphIsNotRead) {
  const uint64_t bytes = uint64_t{1} << 30;
  const std::string node_head = big_const("w", bytes);
  const std::string tags = header(1, 7) + header(4, 5) + "train";
  const std::string graph = header(2, node_head.size() + bytes) + node_head;
  const std::string meta = header(2, tags.size() + graph.size() + bytes) + tags + graph;
  HoleyFile file(meta, bytes, saved_model(kHalf, kSignature));
  Skeleton skeleton(FileId(0), Skeleton::Root::kSavedModel,
                    [](const std::vector<std::string>* t, size_t) {
                      return *t == std::vector<std::string>{"serve"};
                    });
  Context ctx(&file);
  ASSERT_TRUE(skeleton.run(file, ctx).ok());
  ASSERT_EQ(skeleton.meta_graphs().size(), 2u);
  EXPECT_TRUE(skeleton.meta_graphs()[0].skipped);
  EXPECT_EQ(skeleton.meta_graphs()[0].file_bytes, tags.size() + graph.size() + bytes);
  EXPECT_EQ(skeleton.meta_graphs()[1].tags, std::vector<std::string>{"serve"});
  EXPECT_LT(file.fetched(), 1u << 20);
}

TEST(Skeleton, RefusesMoreStructureThanItsLimit) {
  const uint64_t bytes = format::kMaxSkeleton + 1;
  HoleyFile file(header(9, bytes), bytes, "");  // an unknown field is copied
  Skeleton skeleton(FileId(0), Skeleton::Root::kGraphDef, keep_all);
  Context ctx(&file);
  const Status status = skeleton.run(file, ctx);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kLimit);
}

}  // namespace
}  // namespace whittle
