// The object graph of a SavedModel, on the wire: endpoints, and what tf.saved_model.load restores.
//
//   SavedObjectGraph (saved_model.pb)             TrackableObjectGraph (in the checkpoint)
//     0 ── "layers" ▶ 1 ── "kernel" ▶ 42            0 ── "layers" ▶ 3 ── "kernel" ▶ 9 ▶ checkpoint key
//     concrete function f captures 42, …
//
// Both are walked in parallel from the root, by name of the child, as TensorFlow does when it
// restores: in order of distance, an object of the checkpoint going to the first that asks for it.
//
// Hostile graphs  cycles end because an object of the checkpoint is walked once; numbers of objects
//                 that do not exist are passed over; more than kMaxObjects objects or children are
//                 refused. Work and memory are proportional to the two messages.
// Source          formats.md §1.13, §1.15, §4.3.
#include <algorithm>

#include "meta_reader.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

// A transformer of 200 variables with its optimizer has 5,000 objects.
constexpr size_t kMaxObjects = 1 << 20;
constexpr uint32_t kNone = UINT32_MAX;

struct Child {
  std::string_view name;
  uint32_t object = kNone;
};

// All the small messages: field 1 as a number, and the first three as text.
struct Small {
  uint32_t number = 0;
  std::string_view text[4];
};

Result<Small> read_small(std::string_view message) {
  Small out;
  WHITTLE_CHECK(for_each_field(message, [&](const WireField& field) -> Status {
    if (field.is(1, WireType::kVarint)) out.number = static_cast<uint32_t>(field.value);
    if (field.type == WireType::kBytes && field.number < 4) out.text[field.number] = field.text();
    return {};
  }));
  return out;
}

Error too_many() {
  return over_limit(cat("the object graph has more than ", kMaxObjects, " objects or children"));
}

// Field 1 of both graphs.
Result<std::vector<std::string_view>> objects_of(std::string_view graph) {
  std::vector<std::string_view> out;
  WHITTLE_CHECK(for_each_field(graph, [&](const WireField& field) -> Status {
    if (!field.is(1, WireType::kBytes)) return {};
    if (out.size() == kMaxObjects) return too_many();
    out.push_back(field.text());
    return {};
  }));
  return out;
}

// Field 1 of an object of either graph.
Status add_children(std::string_view object, std::vector<Child>* out) {
  return for_each_field(object, [&](const WireField& field) -> Status {
    if (!field.is(1, WireType::kBytes)) return {};
    if (out->size() == kMaxObjects) return too_many();
    WHITTLE_ASSIGN(const Small child, read_small(field.text()));
    out->push_back({child.text[2], child.number});
    return {};
  });
}

// Field 2 of an object of the checkpoint: the key of what a variable holds, "" for other objects.
Result<std::string_view> value_key(std::string_view object) {
  std::string_view key;
  WHITTLE_CHECK(for_each_field(object, [&](const WireField& field) -> Status {
    if (!field.is(2, WireType::kBytes)) return {};
    WHITTLE_ASSIGN(const Small attribute, read_small(field.text()));
    if (attribute.text[1] == "VARIABLE_VALUE") key = attribute.text[3];
    return {};
  }));
  return key;
}

// bound_inputs of a SavedConcreteFunction, packed or not.
Status read_captures(std::string_view function, std::vector<uint32_t>* out) {
  out->clear();
  return for_each_field(function, [&](const WireField& field) -> Status {
    if (field.is(2, WireType::kVarint)) out->push_back(static_cast<uint32_t>(field.value));
    if (!field.is(2, WireType::kBytes)) return {};
    for (std::span<const uint8_t> rest = field.bytes; !rest.empty();) {
      uint64_t object = 0;
      const size_t size = decode_varint(rest, &object);
      if (size == 0) return corrupt("a list of captures is cut off");
      out->push_back(static_cast<uint32_t>(object));
      rest = rest.subspan(size);
    }
    return {};
  });
}

// The children of every object, those of one in order of their names; of equal names the last counts.
class ChildTable {
 public:
  Status fill(const std::vector<std::string_view>& objects) {
    for (std::string_view object : objects) {
      begin_.push_back(children_.size());
      WHITTLE_CHECK(add_children(object, &children_));
      std::stable_sort(children_.begin() + static_cast<ptrdiff_t>(begin_.back()), children_.end(),
                       [](const Child& a, const Child& b) { return a.name < b.name; });
    }
    begin_.push_back(children_.size());
    return {};
  }

  uint32_t find(uint32_t object, std::string_view name) const {
    const Child* first = children_.data() + begin_[object];
    const Child* after =
        std::upper_bound(first, children_.data() + begin_[object + 1], name,
                         [](std::string_view n, const Child& c) { return n < c.name; });
    return after != first && after[-1].name == name ? after[-1].object : kNone;
  }

 private:
  std::vector<Child> children_;
  std::vector<size_t> begin_;  // of each object, and the end
};

Status walk(const std::vector<std::string_view>& saved, const std::vector<std::string_view>& stored,
            std::map<uint32_t, std::string>* keys) {
  if (saved.empty() || stored.empty()) return {};
  ChildTable names;
  WHITTLE_CHECK(names.fill(saved));
  std::vector<uint32_t> partner(stored.size(), kNone);  // in `saved`
  std::vector<uint32_t> order{0};
  partner[0] = 0;
  std::vector<Child> children;
  for (size_t at = 0; at < order.size(); ++at) {
    const std::string_view object = stored[order[at]];
    const uint32_t twin = partner[order[at]];
    WHITTLE_ASSIGN(const std::string_view key, value_key(object));
    if (!key.empty()) (*keys)[twin] = key;
    children.clear();
    WHITTLE_CHECK(add_children(object, &children));
    for (const Child& child : children) {
      const uint32_t found = names.find(twin, child.name);
      if (found >= saved.size() || child.object >= stored.size() || partner[child.object] != kNone)
        continue;
      partner[child.object] = found;
      order.push_back(child.object);
    }
  }
  return {};
}

class SavedObjects final : public ObjectGraph {
 public:
  SavedObjects(std::string_view bytes, std::shared_ptr<const Source> source)
      : bytes_(bytes), source_(std::move(source)) {}

  Status pair(std::string_view checkpoint_graph, ObjectPairs* pairs) const override {
    WHITTLE_ASSIGN(const std::vector<std::string_view> functions, bytes_fields(bytes_, 2));
    for (std::string_view entry : functions) {
      WHITTLE_ASSIGN(const Small function, read_small(entry));
      auto it = pairs->captures.find(function.text[1]);
      if (it != pairs->captures.end()) WHITTLE_CHECK(read_captures(function.text[2], &it->second));
    }
    WHITTLE_ASSIGN(const std::vector<std::string_view> saved, objects_of(bytes_));
    WHITTLE_ASSIGN(const std::vector<std::string_view> stored, objects_of(checkpoint_graph));
    return walk(saved, stored, &pairs->keys);
  }

 private:
  std::string_view bytes_;
  std::shared_ptr<const Source> source_;  // holds bytes_
};

}  // namespace

Status read_object_graph(std::string_view bytes, std::shared_ptr<const Source> source,
                         MetaGraph* meta) {
  Remainder& remainder = meta->remainder;
  std::vector<std::string>& names = remainder.object_functions;
  std::vector<Child> endpoints;  // children of the root, by object
  uint32_t id = 0;
  const auto read_object = [&](std::string_view object) -> Status {
    if (id == 0) {
      WHITTLE_CHECK(add_children(object, &endpoints));
      std::stable_sort(endpoints.begin(), endpoints.end(),
                       [](const Child& a, const Child& b) { return a.object < b.object; });
    }
    bool is_function = false;
    WHITTLE_CHECK(for_each_field(object, [&](const WireField& kind) -> Status {
      if (kind.type != WireType::kBytes) return {};
      is_function |= kind.number == 6 || kind.number == 8;  // function, bare_concrete_function
      if (kind.number != 4) return {};
      WHITTLE_ASSIGN(const Small user_object, read_small(kind.text()));
      remainder.is_keras |= user_object.text[1].substr(0, 10) == "_tf_keras_";
      return {};
    }));
    auto child = std::lower_bound(endpoints.begin(), endpoints.end(), id,
                                  [](const Child& c, uint32_t at) { return c.object < at; });
    for (; is_function && child != endpoints.end() && child->object == id; ++child) {
      names.emplace_back(child->name);
    }
    return {};
  };
  const auto read_field = [&](const WireField& field) -> Status {
    if (!field.is(1, WireType::kBytes)) return {};
    WHITTLE_CHECK_IN(read_object(field.text()), cat("object ", id, " of the object graph"));
    ++id;
    return {};
  };
  WHITTLE_CHECK(for_each_field(bytes, read_field));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (id != 0) meta->objects = std::make_shared<const SavedObjects>(bytes, std::move(source));
  return {};
}

}  // namespace whittle::format
