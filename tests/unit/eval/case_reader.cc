#include "eval/case_reader.h"

#include <cmath>
#include <cstdlib>

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle::testing {
namespace {

int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

std::string bytes_of(std::string_view hex) {
  std::string out;
  if (hex == "-") return out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return out;
}

int64_t number(std::string_view text) {
  int64_t v = 0;
  if (!parse_int64(text, &v)) std::abort();
  return v;
}

Shape shape_of(std::string_view text) {
  if (text == "?") return Shape::unknown();
  Shape s;
  if (text == "scalar") return s;
  for (std::string_view d : split(text, ',')) s.dims.push_back(number(d));
  return s;
}

float float_of(std::string_view hex) {
  uint32_t u = 0;
  for (char c : hex) u = u * 16 + static_cast<uint32_t>(digit(c));
  return bit_cast<float>(u);
}

Tensor tensor_of(const std::vector<std::string_view>& words) {
  const DType dtype = static_cast<DType>(number(words[1]));
  const Shape shape = shape_of(words[2]);
  if (dtype == DType::kString) {
    std::vector<std::string> strings;
    for (size_t i = 3; i < words.size(); ++i) strings.push_back(bytes_of(words[i]));
    return Tensor(shape, std::move(strings));
  }
  const std::string bytes = words.size() > 3 ? bytes_of(words[3]) : std::string();
  Result<Tensor> t = Tensor::make(dtype, shape);
  if (!t.ok() || t->byte_size() != bytes.size()) std::abort();
  if (!bytes.empty()) std::memcpy(t->mutable_bytes(), bytes.data(), bytes.size());
  return std::move(t).value();
}

AttrValue attr_of(const std::vector<std::string_view>& words) {
  const std::string_view kind = words[2];
  const std::string_view value = words.size() > 3 ? words[3] : std::string_view();
  if (kind == "type") return AttrValue::type(static_cast<DType>(number(value)));
  if (kind == "int") return AttrValue::integer(number(value));
  if (kind == "float") return AttrValue::real(float_of(value));
  if (kind == "bool") return AttrValue::boolean(value == "1");
  if (kind == "string") return AttrValue::string(bytes_of(value));
  if (kind == "shape") return AttrValue::shape(shape_of(value));
  AttrList list;
  for (size_t i = 3; i < words.size(); ++i) {
    if (kind == "types") list.types.push_back(static_cast<DType>(number(words[i])));
    if (kind == "ints") list.ints.push_back(number(words[i]));
    if (kind == "strings") list.strings.push_back(bytes_of(words[i]));
    if (kind == "floats") list.floats.push_back(float_of(words[i]));
    if (kind == "shapes") list.shapes.push_back(shape_of(words[i]));
  }
  return AttrValue::list(std::move(list));
}

double real_at(const Tensor& t, uint64_t i) {
  switch (t.dtype()) {
    case DType::kFloat: return t.values<float>()[i];
    case DType::kDouble: return t.values<double>()[i];
    case DType::kHalf: return half_to_float(t.values<uint16_t>()[i]);
    default: return bfloat16_to_float(t.values<uint16_t>()[i]);
  }
}

// The distance of neighbouring numbers of the dtype at x.
double ulp(DType dtype, double x) {
  int digits = 53;
  if (dtype == DType::kFloat) digits = 24;
  if (dtype == DType::kHalf) digits = 11;
  if (dtype == DType::kBfloat16) digits = 8;
  if (x == 0) return 0x1p-149;
  return std::ldexp(1.0, std::ilogb(x) + 1 - digits);
}

}  // namespace

std::vector<KernelCase> read_cases(std::string_view text) {
  std::vector<KernelCase> cases;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const std::vector<std::string_view> words = split(line, ' ');
    if (words[0] == "case") {
      cases.emplace_back();
      cases.back().name = std::string(words[1]);
      continue;
    }
    KernelCase& c = cases.back();
    if (words[0] == "op") c.op = std::string(words[1]);
    else if (words[0] == "attr") c.attrs.set(words[1], attr_of(words));
    else if (words[0] == "in") c.inputs.push_back(tensor_of(words));
    else if (words[0] == "out") c.outputs.push_back(tensor_of(words));
    else if (words[0] == "refused") c.refused = true;
    else if (words[0] == "bound") c.bound = std::strtod(std::string(words[1]).c_str(), nullptr);
    else std::abort();
  }
  return cases;
}

std::string difference(const Tensor& ours, const Tensor& theirs, Exactness exactness,
                       std::optional<double> bound) {
  if (ours.dtype() != theirs.dtype() || ours.shape() != theirs.shape()) {
    return cat(dtype_name(ours.dtype()), ours.shape().to_string(), " instead of ",
               dtype_name(theirs.dtype()), theirs.shape().to_string());
  }
  if (ours.identical(theirs)) return {};
  DType dtype = theirs.dtype();
  Tensor a = ours, b = theirs;
  if (dtype == DType::kComplex64 || dtype == DType::kComplex128) {
    dtype = dtype == DType::kComplex64 ? DType::kFloat : DType::kDouble;
    Shape flat{static_cast<int64_t>(ours.elements()) * 2};
    a = Tensor(dtype, flat, ours.buffer());
    b = Tensor(dtype, flat, theirs.buffer());
  }
  if (!is_floating(dtype)) {
    if (theirs.is_string()) {
      for (size_t i = 0; i < theirs.elements(); ++i) {
        if (ours.strings()[i] != theirs.strings()[i]) {
          return cat("string ", i, " is '", printable(ours.strings()[i]), "' instead of '",
                     printable(theirs.strings()[i]), "'");
        }
      }
    }
    const uint32_t width = byte_width(dtype);
    for (uint64_t i = 0; i < theirs.elements(); ++i) {
      int64_t x = 0, y = 0;
      std::memcpy(&x, ours.bytes().data() + i * width, width);
      std::memcpy(&y, theirs.bytes().data() + i * width, width);
      if (bound && dtype == DType::kQint32) {
        // Codes of 32 bits are finer than the float arithmetic they come from.
        const double off = static_cast<double>(static_cast<int32_t>(x)) - static_cast<int32_t>(y);
        if (std::fabs(off) <= *bound * 0x1p31) continue;
      }
      if (x != y) return cat("element ", i, " is ", x, " instead of ", y, " (bits)");
    }
    return {};
  }
  double largest = 0;
  for (uint64_t i = 0; i < b.elements(); ++i) {
    const double v = std::fabs(real_at(b, i));
    if (std::isfinite(v)) largest = std::max(largest, v);
  }
  // Narrow floats round every result, and TensorFlow rounds between steps where we do not.
  const double grain = dtype == DType::kHalf ? 0x1p-9 : dtype == DType::kBfloat16 ? 0x1p-6 : 0;
  for (uint64_t i = 0; i < b.elements(); ++i) {
    const double x = real_at(a, i), y = real_at(b, i);
    if (std::isnan(x) && std::isnan(y)) continue;
    if (x == y && std::signbit(x) == std::signbit(y)) continue;
    if (!std::isfinite(x) || !std::isfinite(y)) return cat("element ", i, " is ", x, " instead of ", y);
    double allowed = 0;
    if (exactness == Exactness::kUlp) {
      allowed = std::max(4 * ulp(dtype, y), (dtype == DType::kDouble ? 1e-15 : 2e-7) * largest);
    } else if (exactness == Exactness::kSum) {
      allowed = std::max(1e-5, grain) * largest;
      if (x == y) continue;
    }
    if (bound) allowed = std::max(*bound * largest, x == y ? 0x1p-1074 : 0.0);
    const double error = std::fabs(x - y);
    // Two zeros of unlike sign pass where rounding may.
    if (error <= allowed && (x != y || allowed > 0)) continue;
    return cat("element ", i, " is ", x, " instead of ", y, ", off by ", error, " (",
               error / ulp(dtype, y), " ulp), allowed ", allowed);
  }
  return {};
}

std::string run_case(const KernelCase& c) {
  Graph graph;
  const NodeId id = graph.add("n", c.op, {}, c.attrs);
  const KernelInfo* kernel = find_kernel(c.op);
  if (kernel == nullptr) return "no kernel";
  Context ctx;
  Result<std::vector<Tensor>> got = evaluate_node(graph.node(id), c.inputs, ctx);
  if (c.refused) {
    if (got.ok()) return "TensorFlow refuses this, we do not";
    return got.error().code == Code::kInvalidArgument || got.error().code == Code::kLimit
               ? ""
               : got.error().to_string();
  }
  if (!got.ok()) return got.error().to_string();
  if (got->size() < c.outputs.size()) return cat(got->size(), " outputs");
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    const std::string text = difference(got.value()[i], c.outputs[i], kernel->exactness, c.bound);
    if (!text.empty()) return cat("output ", i, ": ", text);
  }
  return {};
}

}  // namespace whittle::testing
