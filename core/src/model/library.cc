#include "whittle/model.h"
#include "whittle/text.h"

namespace whittle {

bool Library::has(std::string_view name) const {
  return decoded_.find(name) != decoded_.end() || undecoded_.find(name) != undecoded_.end();
}

Result<const Function*> Library::get(const std::string& name) {
  if (auto it = decoded_.find(name); it != decoded_.end()) return it->second.get();
  auto raw = undecoded_.find(name);
  if (raw == undecoded_.end()) {
    return not_found(cat("function ", printable(name), " is not in the library"));
  }
  WHITTLE_ASSIGN_IN(Function f, source_->decode(name), cat("function ", printable(name)));
  f.serialized_bytes = raw->second;
  auto shared = std::make_shared<Function>(std::move(f));
  const Function* out = shared.get();
  decoded_.emplace(name, std::move(shared));
  undecoded_.erase(raw);
  return out;
}

Result<Function*> Library::get_mutable(const std::string& name) {
  WHITTLE_CHECK(get(name));
  std::shared_ptr<Function>& f = decoded_.find(name)->second;
  // Savepoints share bodies with the model they were copied from.
  if (f.use_count() != 1) f = std::make_shared<Function>(*f);
  return f.get();
}

const Function* Library::find_decoded(std::string_view name) const {
  auto it = decoded_.find(name);
  return it == decoded_.end() ? nullptr : it->second.get();
}

void Library::add(Function f) {
  undecoded_.erase(f.name);
  std::string name = f.name;
  decoded_[name] = std::make_shared<Function>(std::move(f));
}

void Library::erase(const std::string& name) {
  decoded_.erase(name);
  undecoded_.erase(name);
}

std::string Library::unique_name(std::string_view base) const {
  std::string name(base);
  for (uint64_t k = 1; has(name); ++k) name = cat(base, "_", k);
  return name;
}

std::vector<std::string> Library::names() const {
  std::vector<std::string> out;
  auto a = decoded_.begin();
  auto b = undecoded_.begin();
  while (a != decoded_.end() || b != undecoded_.end()) {
    if (b == undecoded_.end() || (a != decoded_.end() && a->first < b->first)) {
      out.push_back((a++)->first);
    } else {
      out.push_back((b++)->first);
    }
  }
  return out;
}

uint64_t Library::serialized_bytes(std::string_view name) const {
  if (auto it = undecoded_.find(name); it != undecoded_.end()) return it->second;
  const Function* f = find_decoded(name);
  return f == nullptr ? 0 : f->serialized_bytes;
}

uint64_t Library::node_count(const std::string& name) const {
  if (const Function* f = find_decoded(name)) return f->body.size() - f->args.size() - f->rets.size();
  return has(name) ? source_->node_count(name) : 0;
}

void Library::set_source(std::shared_ptr<const FunctionSource> source,
                         std::map<std::string, uint64_t, std::less<>> name_to_bytes) {
  source_ = std::move(source);
  undecoded_ = std::move(name_to_bytes);
}

}  // namespace whittle
