#include "op_table.h"

#include <cassert>
#include <cstring>

#include "whittle/text.h"

namespace whittle {
namespace {

constexpr std::string_view kTable =
#include "op_table.inc"
    ;

struct TypeName {
  char code;
  std::string_view one, list;
};
constexpr TypeName kTypeNames[] = {
    {'t', "type", "list(type)"},     {'i', "int", "list(int)"},       {'f', "float", "list(float)"},
    {'b', "bool", "list(bool)"},     {'s', "string", "list(string)"}, {'h', "shape", "list(shape)"},
    {'e', "tensor", "list(tensor)"}, {'u', "func", "list(func)"},
};

std::string_view type_of_code(char code) {
  for (const TypeName& t : kTypeNames) {
    if (code == t.code) return t.one;
    if (code == t.code - 'a' + 'A') return t.list;
  }
  assert(false);
  return {};
}

// Takes `text` up to `separator`, and both off it; all of it when the separator is not there.
std::string_view take(std::string_view& text, char separator) {
  const size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return head;
}

// "name^2" → name, 2.
int take_mark(std::string_view& text, char mark, int otherwise) {
  if (text.size() < 2 || text[text.size() - 2] != mark) return otherwise;
  const int digit = text.back() - '0';
  text.remove_suffix(2);
  return digit;
}

bool take_flag(std::string_view& text, char flag) {
  if (text.empty() || text.back() != flag) return false;
  text.remove_suffix(1);
  return true;
}

AttrSpec decode_attr(std::string_view text, int op_since) {
  AttrSpec attr;
  const size_t equals = text.find('=');
  std::string_view head = text.substr(0, equals);
  const size_t colon = head.find(':');
  attr.type = type_of_code(colon == std::string_view::npos ? 't' : head[colon + 1]);
  attr.name = head.substr(0, colon);
  attr.since = take_mark(attr.name, '^', op_since);
  attr.default_since = attr.since;
  if (equals != std::string_view::npos) {
    attr.has_default = true;
    attr.default_text = text.substr(equals + 1);
    attr.default_since = take_mark(attr.default_text, '@', attr.since);
  }
  return attr;
}

std::vector<ArgSpec> decode_args(std::string_view text, const OpSpec& spec) {
  std::vector<ArgSpec> args;
  while (!text.empty()) {
    std::string_view rest = take(text, ',');
    ArgSpec arg;
    arg.is_ref = take_flag(rest, '&');
    const size_t after_name = rest.find_first_of("=:");
    arg.name = rest.substr(0, after_name);
    const bool is_fixed = rest[after_name] == '=';
    rest.remove_prefix(after_name + 1);
    const std::string_view type = take(rest, '*');
    arg.number_attr = rest;
    if (is_fixed) {
      arg.fixed_type = dtype_from_name(type);
      assert(arg.fixed_type != DType::kInvalid);
    } else {
      const AttrSpec* attr = spec.find_attr(type);
      assert(attr != nullptr);
      (attr->type == "list(type)" ? arg.type_list_attr : arg.type_attr) = type;
    }
    args.push_back(std::move(arg));
  }
  return args;
}

OpSpec decode_op(std::string_view line) {
  OpSpec spec;
  std::string_view head = take(line, ' ');
  spec.since = take_mark(head, '^', 0);
  spec.is_commutative = take_flag(head, '~');
  spec.is_stateful = take_flag(head, '!');
  spec.name = head;
  const std::string_view inputs = take(line, '>');
  const std::string_view outputs = take(line, '|');
  while (!line.empty()) spec.attrs.push_back(decode_attr(take(line, ' '), spec.since));
  spec.inputs = decode_args(inputs, spec);
  spec.outputs = decode_args(outputs, spec);
  return spec;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c - 'a' + 10;
}

std::string parse_string(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

float parse_float_bits(std::string_view text) {
  uint32_t bits = 0;
  for (char c : text) bits = bits << 4 | static_cast<uint32_t>(hex_digit(c));
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

int64_t parse_int(std::string_view text) {
  int64_t value = 0;
  [[maybe_unused]] const bool is_int = parse_int64(text, &value);
  assert(is_int);
  return value;
}

Shape parse_shape(std::string_view text) {
  if (text == "?") return Shape::unknown();
  Shape shape;
  while (!text.empty()) shape.dims.push_back(parse_int(take(text, '.')));
  return shape;
}

}  // namespace

std::deque<OpSpec> decode_op_table() {
  std::deque<OpSpec> specs;
  for (std::string_view rest = kTable; !rest.empty();) specs.push_back(decode_op(take(rest, '\n')));
  return specs;
}

AttrValue parse_default(std::string_view type, std::string_view text) {
  if (type == "type") return AttrValue::type(dtype_from_name(text));
  if (type == "int") return AttrValue::integer(parse_int(text));
  if (type == "float") return AttrValue::real(parse_float_bits(text));
  if (type == "bool") return AttrValue::boolean(text == "1");
  if (type == "string") return AttrValue::string(parse_string(text));
  if (type == "shape") return AttrValue::shape(parse_shape(text));
  AttrList list;
  while (!text.empty()) {
    const std::string_view item = take(text, ',');
    if (type == "list(type)") list.types.push_back(dtype_from_name(item));
    if (type == "list(int)") list.ints.push_back(parse_int(item));
    if (type == "list(float)") list.floats.push_back(parse_float_bits(item));
    if (type == "list(bool)") list.bools.push_back(item == "1");
    if (type == "list(string)") list.strings.push_back(parse_string(item));
    if (type == "list(shape)") list.shapes.push_back(parse_shape(item));
  }
  return AttrValue::list(std::move(list));
}

}  // namespace whittle
