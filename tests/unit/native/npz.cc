#include "native/npz.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "whittle/inflate.h"
#include "whittle/text.h"

namespace whittle {
namespace {

uint64_t little(const std::string& s, size_t at, size_t n) {
  uint64_t v = 0;
  for (size_t i = 0; i < n; ++i) v |= uint64_t{static_cast<uint8_t>(s[at + i])} << (8 * i);
  return v;
}

// The text between `from` and `to` after the key of the header dictionary.
std::string between(const std::string& header, const std::string& key, char from, char to) {
  const size_t at = header.find("'" + key + "'");
  const size_t start = header.find(from, at + key.size() + 2) + 1;
  return header.substr(start, header.find(to, start) - start);
}

bool parse_npy(const std::string& npy, Tensor* out) {
  if (npy.compare(0, 6, "\x93NUMPY", 6) != 0) return false;
  const bool v1 = npy[6] == 1;
  const size_t length = static_cast<size_t>(little(npy, 8, v1 ? 2 : 4)), start = (v1 ? 10 : 12);
  const std::string header = npy.substr(start, length);
  std::string data = npy.substr(start + length);
  const std::string descr = between(header, "descr", '\'', '\'');
  if (header.find("'fortran_order': True") != std::string::npos) return false;
  Shape shape;
  for (std::string_view d : split(between(header, "shape", '(', ')'), ',')) {
    while (!d.empty() && d.front() == ' ') d.remove_prefix(1);
    int64_t v = 0;
    if (parse_int64(d, &v)) shape.dims.push_back(v);
  }
  if (descr[0] == '|' && descr[1] == 'S') {
    const size_t width = std::strtoul(descr.c_str() + 2, nullptr, 10);
    std::vector<std::string> strings;
    for (uint64_t i = 0; i < shape.elements().value(); ++i) {
      std::string s = data.substr(i * width, width);
      while (!s.empty() && s.back() == '\0') s.pop_back();
      strings.push_back(std::move(s));
    }
    *out = Tensor(shape, std::move(strings));
    return true;
  }
  static const std::map<std::string, DType> kTypes = {
      {"f4", DType::kFloat}, {"f8", DType::kDouble}, {"f2", DType::kHalf},   {"i1", DType::kInt8},
      {"i2", DType::kInt16}, {"i4", DType::kInt32},  {"i8", DType::kInt64},  {"u1", DType::kUint8},
      {"u2", DType::kUint16}, {"u4", DType::kUint32}, {"u8", DType::kUint64}, {"b1", DType::kBool},
      {"c8", DType::kComplex64}, {"c16", DType::kComplex128}, {"V2", DType::kBfloat16}};
  const auto type = kTypes.find(descr.substr(1));
  if (type == kTypes.end()) return false;
  Result<Tensor> t = Tensor::make(type->second, shape);
  if (!t.ok() || t->byte_size() != data.size()) return false;
  if (!data.empty()) std::memcpy(t->mutable_bytes(), data.data(), data.size());
  *out = std::move(t).value();
  return true;
}

}  // namespace

std::string file_content(const std::string& path) {
  std::string out;
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    char buffer[65536];
    for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) out.append(buffer, n);
    std::fclose(file);
  }
  return out;
}

std::map<std::string, Tensor> read_npz(const std::string& path) {
  std::map<std::string, Tensor> arrays;
  const std::string zip = file_content(path);
  const size_t end = zip.rfind("PK\x05\x06");
  if (end == std::string::npos) return arrays;
  size_t at = little(zip, end + 16, 4);
  for (uint64_t i = 0; i < little(zip, end + 10, 2); ++i) {
    const uint64_t method = little(zip, at + 10, 2), packed = little(zip, at + 20, 4);
    const uint64_t name_size = little(zip, at + 28, 2);
    const size_t local = little(zip, at + 42, 4);
    std::string name = zip.substr(at + 46, name_size);
    at += 46 + name_size + little(zip, at + 30, 2) + little(zip, at + 32, 2);
    const size_t data = local + 30 + little(zip, local + 26, 2) + little(zip, local + 28, 2);
    std::string content = zip.substr(data, packed);
    if (method == 8) {
      const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(content.data()),
                                           content.size());
      Result<std::string> plain = inflate(bytes, Wrapper::kNone, uint64_t{1} << 30);
      if (!plain.ok()) return {};
      content = std::move(plain).value();
    }
    if (name.size() > 4 && name.compare(name.size() - 4, 4, ".npy") == 0) name.resize(name.size() - 4);
    Tensor t;
    if (parse_npy(content, &t)) arrays[name] = std::move(t);
  }
  return arrays;
}

}  // namespace whittle
