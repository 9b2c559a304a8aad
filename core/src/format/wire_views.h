// wire_views.h: nested messages as views, for the outer messages that have no generated class.
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

// Calls visit(field) for every field; visit answers a Status.
template <class Visit>
Status for_each_field(std::string_view message, const Visit& visit) {
  WireReader fields(as_bytes(message));
  WireField field;
  for (;;) {
    WHITTLE_ASSIGN(const bool more, fields.next(&field));
    if (!more) return {};
    WHITTLE_CHECK(visit(field));
  }
}

// Every occurrence of a field of wire type "length-delimited", in order.
inline Result<std::vector<std::string_view>> bytes_fields(std::string_view message,
                                                          uint32_t number) {
  std::vector<std::string_view> out;
  WHITTLE_CHECK(for_each_field(message, [&](const WireField& field) -> Status {
    if (field.is(number, WireType::kBytes)) out.push_back(field.text());
    return {};
  }));
  return out;
}

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_WIRE_VIEWS_H_
