#include "wire_views.h"

namespace whittle::format {

Status for_each_field(std::string_view message, FieldVisitor visit) {
  WireReader fields(as_bytes(message));
  WireField field;
  for (;;) {
    WHITTLE_ASSIGN(const bool more, fields.next(&field));
    if (!more) return {};
    WHITTLE_CHECK(visit(field));
  }
}

Result<std::vector<std::string_view>> bytes_fields(std::string_view message, uint32_t number) {
  std::vector<std::string_view> out;
  WHITTLE_CHECK(for_each_field(message, [&](const WireField& field) -> Status {
    if (field.is(number, WireType::kBytes)) out.push_back(field.text());
    return {};
  }));
  return out;
}

Result<std::string_view> bytes_field(std::string_view message, uint32_t number) {
  std::string_view out;
  WHITTLE_CHECK(for_each_field(message, [&](const WireField& field) -> Status {
    if (field.is(number, WireType::kBytes)) out = field.text();
    return {};
  }));
  return out;
}

Result<MapEntry> map_entry(std::string_view message) {
  MapEntry entry;
  WHITTLE_CHECK(for_each_field(message, [&](const WireField& field) -> Status {
    if (field.is(1, WireType::kBytes)) entry.key = field.text();
    if (field.is(2, WireType::kBytes)) entry.value = field.text();
    return {};
  }));
  return entry;
}

}  // namespace whittle::format
