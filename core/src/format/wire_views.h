// wire_views.h: messages as views. A SavedModel is decoded straight from the wire: the views point
// into the skeleton, so nothing is copied before it becomes a value of the Model.
//
// A singular field that is there twice has its last value; messages are not merged.
#ifndef WHITTLE_FORMAT_WIRE_VIEWS_H_
#define WHITTLE_FORMAT_WIRE_VIEWS_H_

#include <span>
#include <string_view>
#include <vector>

#include "whittle/wire.h"

namespace whittle::format {

inline std::span<const uint8_t> as_bytes(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

// A callable that takes a field and answers a Status. One loop serves them all: a loop for each
// would be a tenth of the reader's code.
class FieldVisitor {
 public:
  template <class Visit>
  FieldVisitor(const Visit& visit)  // NOLINT
      : visit_(&visit), call_([](const void* v, const WireField& field) -> Status {
          return (*static_cast<const Visit*>(v))(field);
        }) {}
  Status operator()(const WireField& field) const { return call_(visit_, field); }

 private:
  const void* visit_;
  Status (*call_)(const void*, const WireField&);
};

// Calls visit for every field, in order.
Status for_each_field(std::string_view message, FieldVisitor visit);

// Every occurrence of a length-delimited field, in order.
Result<std::vector<std::string_view>> bytes_fields(std::string_view message, uint32_t number);
// Its value; empty when it is absent.
Result<std::string_view> bytes_field(std::string_view message, uint32_t number);

// An entry of a map field whose keys are strings and whose values are strings or messages.
struct MapEntry {
  std::string_view key, value;
};
Result<MapEntry> map_entry(std::string_view message);

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_WIRE_VIEWS_H_
