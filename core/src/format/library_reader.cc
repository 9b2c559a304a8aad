#include <algorithm>

#include "function_decoder.h"
#include "function_reader.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

class SkeletonFunctions final : public FunctionSource {
 public:
  SkeletonFunctions(std::shared_ptr<const Source> source,
                    std::shared_ptr<const OpRegistry> registry)
      : source_(std::move(source)), registry_(std::move(registry)) {}

  void add(const std::string& name, std::string_view bytes) { parts_.emplace(name, bytes); }
  const std::string_view* find(const std::string& name) const {
    auto it = parts_.find(name);
    return it == parts_.end() ? nullptr : &it->second;
  }

  Result<Function> decode(const std::string& name) const override {
    const std::string_view* bytes = find(name);
    if (bytes == nullptr)
      return not_found(cat("function ", printable(name), " is not in the library"));
    pb::Function proto;
    if (!parse(*bytes, &proto)) return corrupt("it is no FunctionDef");
    WHITTLE_ASSIGN(Function f, decode_function(proto, source_->values, *registry_));
    f.serialized_bytes = source_->file_bytes(*bytes);
    return f;
  }

 private:
  std::shared_ptr<const Source> source_;
  std::shared_ptr<const OpRegistry> registry_;
  std::map<std::string, std::string_view> parts_;
};

// The signature of a FunctionDef; its name is what the library is indexed by.
Status peek_signature(std::string_view function, pb::OpDef* signature) {
  WHITTLE_ASSIGN(const std::vector<std::string_view> found, bytes_fields(function, 1));
  signature->Clear();
  for (std::string_view part : found) {
    pb::OpDef piece;
    if (!parse(part, &piece)) return corrupt("a function has a broken signature");
    signature->MergeFrom(piece);
  }
  return {};
}

}  // namespace

uint64_t Source::file_bytes(std::string_view function) const {
  const auto offset = static_cast<size_t>(function.data() - bytes.data());
  auto it = std::lower_bound(function_sizes.begin(), function_sizes.end(), offset,
                             [](const OriginalSize& s, size_t at) { return s.offset < at; });
  return it != function_sizes.end() && it->offset == offset ? it->bytes : function.size();
}

Status read_library(const std::vector<std::string_view>& libraries,
                    std::shared_ptr<const Source> source,
                    const std::shared_ptr<OpRegistry>& registry, Library* library, Context& ctx) {
  auto functions = std::make_shared<SkeletonFunctions>(source, registry);
  std::map<std::string, uint64_t, std::less<>> sizes;
  pb::OpDef signature;
  for (std::string_view part : libraries) {
    WHITTLE_ASSIGN(const std::vector<std::string_view> bodies, bytes_fields(part, 1));
    for (std::string_view body : bodies) {
      if (sizes.size() % 64 == 0) WHITTLE_CHECK(ctx.check_cancelled());
      WHITTLE_CHECK(peek_signature(body, &signature));
      const std::string& name = signature.name();
      if (name.empty()) return corrupt("a function has no name");
      const std::string place = cat("function ", printable(name));
      if (!is_valid_utf8(name)) return corrupt("the function name is not UTF-8").in(place);
      if (const std::string_view* first = functions->find(name)) {
        if (*first == body) continue;
        return corrupt("two functions have this name").in(place);
      }
      if (OpRegistry::builtin().find(name) != nullptr) {
        return corrupt("the function has the name of an op").in(place);
      }
      functions->add(name, body);
      sizes.emplace(name, source->file_bytes(body));
      WHITTLE_ASSIGN_IN(const OpSpec spec, decode_op_def(signature, source->values), place);
      Status added = registry->add(spec);
      // Above the limit the function is opaque as an op; calls by attribute do not need the spec.
      if (!added.ok() && added.error().code != Code::kLimit) return added.take_error().in(place);
    }
  }
  library->set_source(std::move(functions), std::move(sizes));
  return {};
}

Status read_op_list(std::string_view op_list, const ValueDecoder& values, OpRegistry* registry) {
  WHITTLE_ASSIGN(const std::vector<std::string_view> ops, bytes_fields(op_list, 1));
  pb::OpDef proto;
  for (std::string_view op : ops) {
    WHITTLE_ASSIGN(const std::vector<std::string_view> name, bytes_fields(op, 1));
    if (name.empty() || OpRegistry::builtin().find(name.back()) != nullptr) continue;
    const std::string place = cat("op ", printable(name.back()), " of stripped_op_list");
    if (!parse(op, &proto)) return corrupt("it is no OpDef").in(place);
    WHITTLE_ASSIGN_IN(const OpSpec spec, decode_op_def(proto, values), place);
    WHITTLE_CHECK_IN(registry->add(spec), place);
  }
  return {};
}

}  // namespace whittle::format
