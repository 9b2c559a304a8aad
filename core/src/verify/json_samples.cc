#include "json_samples.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "whittle/text.h"

namespace whittle::verify {
namespace {

using Json = nlohmann::json;

constexpr int kMostDepth = 64;

// Bytes of memory that the parsed text takes at most, from its punctuation, and how deep it nests.
Status check_size(std::string_view text, Allowance& allowance) {
  uint64_t cost = 0;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      i += c == '\\' ? 1 : 0;
      quoted = c != '"';
      cost += 2;
      continue;
    }
    switch (c) {
      case '"':
        quoted = true;
        cost += 48;
        break;
      case '[':
        ++depth;
        cost += 64;
        break;
      case '{':
        ++depth;
        cost += 96;
        break;
      case ']':
      case '}': --depth; break;
      case ',': cost += 32; break;
      case ':': cost += 96; break;
      default: break;
    }
    if (depth > kMostDepth)
      return invalid_argument(cat("its arrays are nested more than ", kMostDepth, " deep"));
  }
  return allowance.take(cost);
}

bool decode_base64(std::string_view text, std::string* out) {
  uint32_t bits = 0;
  int have = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    uint32_t v = 0;
    if (c >= 'A' && c <= 'Z')
      v = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      v = static_cast<uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9')
      v = static_cast<uint32_t>(c - '0' + 52);
    else if (c == '+' || c == '-')
      v = 62;
    else if (c == '/' || c == '_')
      v = 63;
    else
      return false;
    bits = (bits << 6 | v) & 0xffffff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      out->push_back(static_cast<char>(bits >> have & 0xff));
    }
  }
  return true;
}

bool is_base64(const Json& v) { return v.is_object() && v.size() == 1 && v.contains("b64"); }

// Nested arrays → one array.
class Flattener {
 public:
  // Values of `v`, whose own axis is number `axis`.
  Status add(const Json& v, size_t axis) {
    if (v.is_array()) {
      WHITTLE_CHECK(begin(axis, v.size()));
      for (const Json& item : v) WHITTLE_CHECK(add(item, axis + 1));
      return {};
    }
    begun_ = true;
    if (axis != dims_.size()) return ragged();
    if (v.is_string() || is_base64(v)) {
      const Json& text = v.is_string() ? v : v.front();
      if (!text.is_string()) return invalid_argument("the value of b64 is no text");
      std::string s;
      if (v.is_string())
        s = text.get_ref<const std::string&>();
      else if (!decode_base64(text.get_ref<const std::string&>(), &s))
        return invalid_argument("the value of b64 is no base64");
      strings_.push_back(std::move(s));
      return {};
    }
    if (v.is_boolean()) return number(v.get<bool>() ? 1 : 0);
    if (!v.is_number())
      return invalid_argument("it holds something that is neither number, text nor array");
    if (v.is_number_unsigned() && v.get<uint64_t>() <= INT64_MAX)
      return number(static_cast<int64_t>(v.get<uint64_t>()));
    if (v.is_number_integer() && !v.is_number_unsigned()) return number(v.get<int64_t>());
    spread();
    reals_.push_back(v.get<double>());
    return {};
  }
  // The outermost axis, when its items are not one Json array.
  Status begin(size_t axis, uint64_t size) {
    if (axis == dims_.size() && !begun_) {
      dims_.push_back(static_cast<int64_t>(size));
      begun_ = size == 0;
      return {};
    }
    return axis < dims_.size() && dims_[axis] == static_cast<int64_t>(size) ? Status()
                                                                            : Status(ragged());
  }
  Result<Tensor> finish(Allowance& allowance) {
    Shape shape(std::move(dims_));
    const size_t numbers = std::max(reals_.size(), whole_.size());
    const Result<uint64_t> elements = shape.elements();
    if (!elements.ok() || *elements != strings_.size() + numbers ||
        (numbers != 0 && !strings_.empty()))
      return ragged();
    WHITTLE_CHECK(allowance.take(8 * uint64_t{numbers}));
    if (!strings_.empty()) return Tensor(std::move(shape), std::move(strings_));
    if (!reals_.empty()) return Tensor::of<double>(DType::kDouble, std::move(shape), reals_);
    return Tensor::of<int64_t>(DType::kInt64, std::move(shape), whole_);
  }

 private:
  static Error ragged() {
    return invalid_argument("rows of an array have different lengths or kinds");
  }
  Status number(int64_t v) {
    if (reals_.empty())
      whole_.push_back(v);
    else
      reals_.push_back(static_cast<double>(v));
    return {};
  }
  // From the first fraction on all are float64.
  void spread() {
    for (int64_t v : whole_) reals_.push_back(static_cast<double>(v));
    whole_.clear();
  }

  std::vector<int64_t> dims_;
  bool begun_ = false;  // a first element was seen: the rank is known
  std::vector<std::string> strings_;
  std::vector<double> reals_;
  std::vector<int64_t> whole_;
};

class Reader {
 public:
  Reader(const Signature& signature, Allowance& allowance)
      : signature_(signature), allowance_(allowance) {}

  Status run(const Json& json) {
    if (!json.is_object()) return column("", json);
    const bool rows = json.contains("instances"), columns = json.contains("inputs");
    const size_t named = json.contains("signature_name") ? 1 : 0;
    if (rows == columns || json.size() != 1 + named) return by_key(json);
    if (named != 0) {
      const Json& name = json["signature_name"];
      if (!name.is_string() || name.get_ref<const std::string&>() != signature_.key) {
        return invalid_argument(
            cat("it is for the signature ",
                name.is_string() ? printable(name.get_ref<const std::string&>()) : std::string("?"),
                ", not for ", printable(signature_.key)));
      }
    }
    if (columns) {
      const Json& all = json["inputs"];
      return all.is_object() && !is_bytes(all) ? by_key(all) : column("", all);
    }
    return instances(json["instances"]);
  }
  NamedArrays take() { return std::move(out_); }

 private:
  bool is_bytes(const Json& v) const { return is_base64(v) && signature_.inputs.count("b64") == 0; }

  Status by_key(const Json& object) {
    for (const auto& [key, value] : object.items())
      WHITTLE_CHECK_IN(column(key, value), cat("input ", printable(key)));
    return {};
  }

  Status column(const std::string& key, const Json& value) {
    Flattener all;
    WHITTLE_CHECK(all.add(value, 0));
    return keep(key, all);
  }

  // Every instance is a value of the only input, or an object of all inputs.
  Status instances(const Json& rows) {
    if (!rows.is_array() || rows.empty())
      return invalid_argument("its instances are no list of examples");
    const Json& first = rows.front();
    if (!first.is_object() || is_bytes(first)) return column("", rows);
    for (const auto& [key, unused] : first.items()) {
      Flattener all;
      WHITTLE_CHECK(all.begin(0, rows.size()));
      for (const Json& row : rows) {
        if (!row.is_object() || row.size() != first.size() || !row.contains(key))
          return invalid_argument("its instances have different inputs");
        WHITTLE_CHECK_IN(all.add(row[key], 1), cat("input ", printable(key)));
      }
      WHITTLE_CHECK_IN(keep(key, all), cat("input ", printable(key)));
    }
    return {};
  }

  Status keep(const std::string& key, Flattener& all) {
    WHITTLE_ASSIGN(Tensor t, all.finish(allowance_));
    out_.push_back({key, std::move(t)});
    return {};
  }

  const Signature& signature_;
  Allowance& allowance_;
  NamedArrays out_;
};

}  // namespace

Result<NamedArrays> read_json(std::string_view text, const Signature& signature,
                              Allowance& allowance) {
  WHITTLE_CHECK(check_size(text, allowance));
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) return invalid_argument("it is no JSON");
  Reader reader(signature, allowance);
  WHITTLE_CHECK(reader.run(json));
  return reader.take();
}

}  // namespace whittle::verify
