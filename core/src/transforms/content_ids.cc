#include "content_ids.h"

#include <algorithm>

#include "whittle/text.h"

namespace whittle {
namespace {

void append_bytes(std::string& out, const void* data, size_t size) {
  out.append(static_cast<const char*>(data), size);
}

std::string type_key(DType dtype, const Shape& shape) {
  std::string out = cat(static_cast<int32_t>(dtype), "[");
  for (int64_t d : shape.dims) out += cat(d, ",");
  return out + "]";
}

std::string steps_key(const TensorRef& ref) {
  std::string out;
  for (const Step& s : ref.steps()) {
    out += cat("|", static_cast<int>(s.kind), " ", type_key(s.dtype, s.shape), " ", s.inner, " ");
    if (s.values != nullptr) append_bytes(out, s.values->data(), s.values->size() * sizeof(float));
  }
  return out;
}

std::string pieces_key(const TensorRef& ref) {
  std::string out = ref.swap_bytes() ? "swapped " : "";
  for (const FilePiece& p : ref.pieces()) {
    out += cat(static_cast<uint32_t>(p.range.file), " ", p.range.offset, " ", p.range.length, " ", p.stride, " ", p.count, ";");
  }
  return out;
}

std::string candidate_key(const TensorRef& ref) {
  std::string out = cat(type_key(ref.stored_dtype(), ref.stored_shape()), ref.swap_bytes() ? "s" : "");
  if (ref.crc32c()) out += cat(" crc ", *ref.crc32c());
  return out;
}

uint64_t fnv(std::span<const uint8_t> bytes) {
  uint64_t h = 1469598103934665603u;
  for (uint8_t b : bytes) h = (h ^ b) * 1099511628211u;
  return h;
}

// The one element that fills the tensor, or nothing.
std::span<const uint8_t> repeated_element(const Tensor& t) {
  const uint32_t width = byte_width(t.dtype());
  const std::span<const uint8_t> bytes = t.bytes();
  if (width == 0 || bytes.size() < width) return {};
  for (size_t k = width; k < bytes.size(); ++k) {
    if (bytes[k] != bytes[k - width]) return {};
  }
  return bytes.subspan(0, width);
}

}  // namespace

Status ContentIds::prepare(const std::vector<const TensorRef*>& refs, const std::vector<std::string>& names,
                           PassContext& pc) {
  struct Candidate { const TensorRef* ref; std::string pieces; const std::string* name; };
  std::map<std::string, std::vector<Candidate>> groups;
  std::map<std::string, bool> seen;
  for (size_t k = 0; k < refs.size(); ++k) {
    if (refs[k]->kind() != TensorRef::Kind::kFile) continue;
    std::string pieces = pieces_key(*refs[k]);
    if (!seen.emplace(cat(candidate_key(*refs[k]), "\n", pieces), true).second) continue;
    groups[candidate_key(*refs[k])].push_back({refs[k], std::move(pieces), &names[k]});
  }
  for (const auto& [key, group] : groups) {
    if (group.size() < 2) continue;
    for (const Candidate& c : group) pc.scans.want(*c.ref, 0, 1, *c.name);
  }
  Status missing;
  for (const auto& [key, group] : groups) {
    if (group.size() < 2) continue;
    for (const Candidate& c : group) {
      Result<const ScanResult*> scan = pc.scans.scan(*c.ref, 0, 1, *c.name);
      if (!scan.ok() && scan.error().code == Code::kNeedBytes) {
        missing = scan.take_error();
        continue;
      }
      if (!scan.ok()) return scan.take_error();
      hash_keys_[cat(key, "\n", c.pieces)] = cat(key, " hash ", scan.value()->hash.lo, " ", scan.value()->hash.hi);
    }
  }
  return missing;
}

uint32_t ContentIds::id_of(const TensorRef& ref) {
  std::string key;
  switch (ref.kind()) {
    case TensorRef::Kind::kNone: key = "none"; break;
    case TensorRef::Kind::kFile: {
      const std::string pieces = cat(candidate_key(ref), "\n", pieces_key(ref));
      const auto it = hash_keys_.find(pieces);
      key = it == hash_keys_.end() ? pieces : it->second;
      break;
    }
    case TensorRef::Kind::kSplat:
      key = cat("splat ", type_key(ref.stored_dtype(), ref.stored_shape()), ref.splat_text(), " ");
      append_bytes(key, ref.splat_element().data(), ref.splat_element().size());
      break;
    case TensorRef::Kind::kOwned: {
      const Tensor& t = ref.tensor();
      if (t.is_string()) {
        key = cat("strings ", type_key(t.dtype(), t.shape()));
        const std::vector<std::string>& strings = t.strings();
        const bool same = !strings.empty() && std::all_of(strings.begin(), strings.end(), [&](const std::string& s) { return s == strings[0]; });
        if (same) {
          key = cat("splat ", type_key(t.dtype(), t.shape()), strings[0], " ");
        } else {
          for (const std::string& s : strings) key += cat(s.size(), ":", s);
        }
        break;
      }
      const std::span<const uint8_t> element = repeated_element(t);
      if (!element.empty()) {
        key = cat("splat ", type_key(t.dtype(), t.shape()), " ");
        append_bytes(key, element.data(), element.size());
        break;
      }
      // Compared, not only hashed: a hash may collide.
      auto& bucket = owned_[cat(type_key(t.dtype(), t.shape()), fnv(t.bytes()))];
      const auto it = std::find_if(bucket.begin(), bucket.end(), [&](const auto& entry) { return entry.first.identical(t); });
      if (it != bucket.end()) {
        key = cat("owned ", it->second);
      } else {
        bucket.emplace_back(t, next_);
        key = cat("owned ", next_);
        ++next_;
      }
      break;
    }
  }
  key += steps_key(ref);
  const auto [it, fresh] = ids_.emplace(std::move(key), next_);
  if (fresh) ++next_;
  return it->second;
}

}  // namespace whittle
