// tf.Example: ParseExample, ParseExampleV2, ParseSingleExample.
//
//   Example  features(1) { map entry(1) { key(1), Feature(2) { bytes(1) | floats(2) | ints(3) } } }
//
// Of a feature that stands twice the last one counts, as in a protobuf map.
#include <algorithm>
#include <map>

#include "families.h"
#include "whittle/wire.h"

namespace whittle::eval {
namespace {

// The values of one feature of one example.
struct Feature {
  DType dtype = DType::kInvalid;  // kInvalid: present without values
  std::vector<std::string> texts;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  int64_t size() const {
    return static_cast<int64_t>(texts.size() + floats.size() + ints.size());
  }
};
using Example = std::map<std::string, Feature, std::less<>>;

Status read_list(std::span<const uint8_t> bytes, Feature& f) {
  WireReader values(bytes);
  WireField v;
  for (;;) {
    WHITTLE_ASSIGN(const bool more, values.next(&v));
    if (!more) return {};
    if (v.number != 1) continue;
    if (f.dtype == DType::kString && v.type == WireType::kBytes) {
      f.texts.emplace_back(v.text());
    } else if (f.dtype == DType::kFloat && v.type == WireType::kFixed32) {
      f.floats.push_back(v.f32());
    } else if (f.dtype == DType::kFloat && v.type == WireType::kBytes) {
      if (v.bytes.size() % 4 != 0) return corrupt("a packed list of floats is cut off");
      const size_t n = f.floats.size();
      f.floats.resize(n + v.bytes.size() / 4);
      if (!v.bytes.empty()) std::memcpy(f.floats.data() + n, v.bytes.data(), v.bytes.size());
    } else if (f.dtype == DType::kInt64 && v.type == WireType::kVarint) {
      f.ints.push_back(v.i64());
    } else if (f.dtype == DType::kInt64 && v.type == WireType::kBytes) {
      for (std::span<const uint8_t> rest = v.bytes; !rest.empty();) {
        uint64_t value = 0;
        const size_t n = decode_varint(rest, &value);
        if (n == 0) return corrupt("a packed list of integers is cut off");
        f.ints.push_back(static_cast<int64_t>(value));
        rest = rest.subspan(n);
      }
    }
  }
}

Result<Feature> read_feature(std::span<const uint8_t> bytes) {
  Feature f;
  WireReader kinds(bytes);
  WireField kind;
  for (;;) {
    WHITTLE_ASSIGN(const bool more, kinds.next(&kind));
    if (!more) return f;
    if (kind.type != WireType::kBytes || kind.number < 1 || kind.number > 3) continue;
    f = Feature();
    f.dtype = kind.number == 1 ? DType::kString : kind.number == 2 ? DType::kFloat : DType::kInt64;
    WHITTLE_CHECK(read_list(kind.bytes, f));
  }
}

Result<Example> read_example(const std::string& serialized) {
  Example example;
  WireReader top({reinterpret_cast<const uint8_t*>(serialized.data()), serialized.size()});
  WireField features;
  for (;;) {
    WHITTLE_ASSIGN(const bool more, top.next(&features));
    if (!more) return example;
    if (!features.is(1, WireType::kBytes)) continue;
    WireReader entries(features.bytes);
    WireField entry;
    for (;;) {
      WHITTLE_ASSIGN(const bool more_entries, entries.next(&entry));
      if (!more_entries) break;
      if (!entry.is(1, WireType::kBytes)) continue;
      std::string key;
      Feature value;
      WireReader parts(entry.bytes);
      WireField part;
      for (;;) {
        WHITTLE_ASSIGN(const bool more_parts, parts.next(&part));
        if (!more_parts) break;
        if (part.is(1, WireType::kBytes)) key = std::string(part.text());
        if (part.is(2, WireType::kBytes)) {
          WHITTLE_ASSIGN(value, read_feature(part.bytes));
        }
      }
      example[key] = std::move(value);
    }
  }
}

// Values of features, collected in order.
class Column {
 public:
  explicit Column(DType dtype) : dtype_(dtype) {}
  Status add(const Feature& f, Context& ctx) {
    for (const std::string& s : f.texts) {
      bytes_ += s.size();
      texts_.push_back(s);
    }
    floats_.insert(floats_.end(), f.floats.begin(), f.floats.end());
    ints_.insert(ints_.end(), f.ints.begin(), f.ints.end());
    count_ += f.size();
    return within_budget(bytes_ + static_cast<uint64_t>(count_) * 40, ctx);
  }
  int64_t size() const { return count_; }
  Result<Tensor> take(Dims dims, Context& ctx) {
    if (dtype_ == DType::kString) return Tensor(Shape(std::move(dims)), std::move(texts_));
    WHITTLE_ASSIGN(Tensor t, make_tensor(dtype_, std::move(dims), ctx));
    if (count_ == 0) return t;
    const void* from = dtype_ == DType::kFloat ? static_cast<const void*>(floats_.data())
                                               : static_cast<const void*>(ints_.data());
    std::memcpy(t.mutable_bytes(), from, static_cast<size_t>(t.byte_size()));
    return t;
  }

 private:
  DType dtype_;
  std::vector<std::string> texts_;
  std::vector<float> floats_;
  std::vector<int64_t> ints_;
  int64_t count_ = 0;
  uint64_t bytes_ = 0;
};

struct Request {
  std::vector<std::string> sparse, dense, ragged;
  std::vector<DType> sparse_types, dense_types, ragged_types, split_types;
  std::vector<Shape> dense_shapes;
  std::vector<Tensor> defaults;
  bool scalar = false;  // one example, no batch dimension
};

Status wrong_type(const std::string& key, const Feature& f, DType want) {
  if (f.dtype == DType::kInvalid || f.dtype == want) return {};
  return invalid_argument(cat("feature ", printable(key), " holds ", dtype_name(f.dtype), ", not ",
                              dtype_name(want)));
}

Result<Tensors> parse(const Request& r, const std::vector<std::string>& serialized, Context& ctx) {
  std::vector<Example> examples;
  for (const std::string& s : serialized) {
    Result<Example> e = read_example(s);
    if (!e.ok()) return invalid_argument(cat("could not parse an example: ", e.error().message));
    examples.push_back(std::move(e).value());
  }
  const int64_t batch = static_cast<int64_t>(examples.size());
  Tensors indices, values, shapes, dense, ragged_values, ragged_splits;
  for (size_t k = 0; k < r.sparse.size(); ++k) {
    Column column(r.sparse_types[k]);
    std::vector<int64_t> index;
    int64_t widest = 0;
    for (int64_t b = 0; b < batch; ++b) {
      const auto at = examples[static_cast<size_t>(b)].find(r.sparse[k]);
      if (at == examples[static_cast<size_t>(b)].end()) continue;
      WHITTLE_CHECK(wrong_type(r.sparse[k], at->second, r.sparse_types[k]));
      WHITTLE_CHECK(column.add(at->second, ctx));
      widest = std::max(widest, at->second.size());
      for (int64_t i = 0; i < at->second.size(); ++i) {
        if (!r.scalar) index.push_back(b);
        index.push_back(i);
      }
    }
    const int64_t n = column.size(), rank = r.scalar ? 1 : 2;
    WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt64, {n, rank}, index, ctx));
    indices.push_back(std::move(t));
    WHITTLE_ASSIGN(t, column.take({n}, ctx));
    values.push_back(std::move(t));
    WHITTLE_ASSIGN(t, int_tensor(DType::kInt64, {rank}, r.scalar ? Dims{widest} : Dims{batch, widest}, ctx));
    shapes.push_back(std::move(t));
  }
  for (size_t k = 0; k < r.dense.size(); ++k) {
    const Shape& shape = r.dense_shapes[k];
    const Tensor& fallback = r.defaults[k];
    if (shape.unknown_rank) return no_kernel("dense features of unknown rank");
    const bool variable = !shape.dims.empty() && shape.dims[0] < 0;
    Dims row_dims = shape.dims;
    if (variable) row_dims[0] = 1;
    WHITTLE_ASSIGN(const uint64_t stride, element_count(row_dims));
    if (stride == 0) return no_kernel("dense features without elements");
    std::vector<Feature> rows;
    int64_t longest = 0;
    const Feature nothing;
    std::vector<const Feature*> found;
    for (const Example& e : examples) {
      const auto at = e.find(r.dense[k]);
      const bool present = at != e.end() && at->second.dtype != DType::kInvalid;
      const Feature* f = present ? &at->second : &nothing;
      if (present) WHITTLE_CHECK(wrong_type(r.dense[k], *f, r.dense_types[k]));
      if (variable) {
        if (f->size() % static_cast<int64_t>(stride) != 0) {
          return invalid_argument(cat("feature ", printable(r.dense[k]), " does not fit its shape"));
        }
        longest = std::max(longest, f->size() / static_cast<int64_t>(stride));
      } else if (!present) {
        if (fallback.elements() != stride) {
          return invalid_argument(cat("feature ", printable(r.dense[k]), " is required"));
        }
      } else if (f->size() != static_cast<int64_t>(stride)) {
        return invalid_argument(cat("feature ", printable(r.dense[k]), " has ", f->size(),
                                    " values, not ", stride));
      }
      found.push_back(present ? f : nullptr);
    }
    Dims dims = shape.dims;
    if (variable) dims[0] = longest;
    if (!r.scalar) dims.insert(dims.begin(), batch);
    WHITTLE_ASSIGN(Mover out, Mover::make(r.dense_types[k], dims, ctx));
    const uint64_t row = variable ? stride * static_cast<uint64_t>(longest) : stride;
    for (size_t b = 0; b < found.size(); ++b) {
      Column column(r.dense_types[k]);
      const uint64_t n = found[b] == nullptr ? 0 : static_cast<uint64_t>(found[b]->size());
      if (n != 0) {
        WHITTLE_CHECK(column.add(*found[b], ctx));
        WHITTLE_ASSIGN(Tensor t, column.take({static_cast<int64_t>(n)}, ctx));
        out.copy(b * row, t, 0, n);
      }
      if (!variable && n == 0) out.copy(b * row, fallback, 0, row);
      // Short rows are padded with the default, or zeros.
      if (variable && n < row && fallback.elements() == 1) {
        out.copy_strided(b * row + n, fallback, 0, 0, row - n);
      }
    }
    WHITTLE_ASSIGN(Tensor t, out.take());
    dense.push_back(std::move(t));
  }
  for (size_t k = 0; k < r.ragged.size(); ++k) {
    Column column(r.ragged_types[k]);
    std::vector<int64_t> splits{0};
    for (const Example& e : examples) {
      const auto at = e.find(r.ragged[k]);
      if (at != e.end()) {
        WHITTLE_CHECK(wrong_type(r.ragged[k], at->second, r.ragged_types[k]));
        WHITTLE_CHECK(column.add(at->second, ctx));
      }
      splits.push_back(column.size());
    }
    if (r.scalar) splits.clear();
    const int64_t n = column.size();
    WHITTLE_ASSIGN(Tensor t, column.take({n}, ctx));
    ragged_values.push_back(std::move(t));
    WHITTLE_ASSIGN(t, int_tensor(r.split_types[k], {static_cast<int64_t>(splits.size())}, splits, ctx));
    ragged_splits.push_back(std::move(t));
  }
  Tensors all;
  for (Tensors* group : {&indices, &values, &shapes, &dense, &ragged_values, &ragged_splits}) {
    for (Tensor& t : *group) all.push_back(std::move(t));
  }
  return all;
}

std::vector<Shape> shapes_attr(const Node& node) {
  const AttrValue* v = node.attrs.find("dense_shapes");
  return v != nullptr && v->kind() == AttrValue::Kind::kList ? v->list().shapes : std::vector<Shape>();
}

Status check(const Request& r) {
  if (r.sparse.size() != r.sparse_types.size() || r.dense.size() != r.dense_types.size() ||
      r.dense.size() != r.dense_shapes.size() || r.dense.size() != r.defaults.size() ||
      r.ragged.size() != r.ragged_types.size() || r.ragged.size() != r.split_types.size()) {
    return invalid_argument("keys, dtypes, shapes and defaults differ in number");
  }
  for (const std::vector<DType>* types : {&r.sparse_types, &r.dense_types, &r.ragged_types}) {
    for (DType t : *types) {
      if (t != DType::kString && t != DType::kFloat && t != DType::kInt64) {
        return invalid_argument("features are strings, floats or int64");
      }
    }
  }
  for (size_t k = 0; k < r.dense.size(); ++k) {
    if (r.defaults[k].dtype() != r.dense_types[k]) return invalid_argument("a default of another dtype");
  }
  return {};
}

Result<Tensors> parse_example(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  Request r;
  r.sparse_types = types_attr(call.node, "sparse_types");
  r.dense_types = types_attr(call.node, "Tdense");
  r.dense_shapes = shapes_attr(call.node);
  const size_t sparse = r.sparse_types.size(), dense = r.dense_types.size();
  WHITTLE_CHECK(need_inputs(call, 2 + sparse + 2 * dense));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kString, "serialized"));
  WHITTLE_CHECK(need_rank(call.in[0], 1, "serialized"));
  for (size_t i = 0; i < sparse + dense; ++i) {
    WHITTLE_ASSIGN(std::string key, scalar_string(call.in[2 + i], "a key"));
    (i < sparse ? r.sparse : r.dense).push_back(std::move(key));
  }
  for (size_t i = 0; i < dense; ++i) r.defaults.push_back(call.in[2 + sparse + dense + i]);
  WHITTLE_CHECK(check(r));
  return parse(r, call.in[0].strings(), call.ctx);
}

Result<Tensors> parse_example_v2(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 5));
  Request r;
  r.sparse_types = types_attr(call.node, "sparse_types");
  r.dense_types = types_attr(call.node, "Tdense");
  r.ragged_types = types_attr(call.node, "ragged_value_types");
  r.split_types = types_attr(call.node, "ragged_split_types");
  r.dense_shapes = shapes_attr(call.node);
  WHITTLE_CHECK(need_inputs(call, 5 + r.dense_types.size()));
  for (size_t i : {size_t{0}, size_t{2}, size_t{3}, size_t{4}}) {
    WHITTLE_CHECK(need_dtype(call.in[i], DType::kString, "serialized and keys"));
  }
  if (rank_of(call.in[0]) > 1) return invalid_argument("serialized must be a scalar or a vector");
  r.scalar = rank_of(call.in[0]) == 0;
  r.sparse = call.in[2].strings();
  r.dense = call.in[3].strings();
  r.ragged = call.in[4].strings();
  r.defaults.assign(call.in.begin() + 5, call.in.end());
  WHITTLE_CHECK(check(r));
  return parse(r, call.in[0].strings(), call.ctx);
}

Result<Tensors> parse_single_example(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  Request r;
  const auto strings = [&](std::string_view name) {
    const AttrValue* v = call.node.attrs.find(name);
    return v != nullptr && v->kind() == AttrValue::Kind::kList ? v->list().strings
                                                               : std::vector<std::string>();
  };
  r.sparse = strings("sparse_keys");
  r.dense = strings("dense_keys");
  r.sparse_types = types_attr(call.node, "sparse_types");
  r.dense_types = types_attr(call.node, "Tdense");
  r.dense_shapes = shapes_attr(call.node);
  WHITTLE_ASSIGN(std::string serialized, scalar_string(call.in[0], "serialized"));
  r.scalar = true;
  r.defaults.assign(call.in.begin() + 1, call.in.end());
  WHITTLE_CHECK(check(r));
  return parse(r, {std::move(serialized)}, call.ctx);
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&), std::string_view attrs) {
  return {.op = op, .dtypes = kStringOnly, .attrs = attrs, .cost = Cost::kElement, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("ParseExample", parse_example, "sparse_types,Tdense,dense_shapes"),
    row("ParseExampleV2", parse_example_v2,
        "sparse_types,Tdense,dense_shapes,ragged_value_types,ragged_split_types"),
    row("ParseSingleExample", parse_single_example,
        "sparse_keys,dense_keys,sparse_types,Tdense,dense_shapes"),
};

}  // namespace

Rows parse_kernels() { return kRows; }

}  // namespace whittle::eval
