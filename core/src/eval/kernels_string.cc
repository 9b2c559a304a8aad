// Strings: numbers as text and back, splitting, joining, hashing, n-grams.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "families.h"
#include "hashes.h"
#include "lanes.h"

namespace whittle::eval {
namespace {

using Strings = std::vector<std::string>;

Status need_strings(const Tensor& t, std::string_view what) {
  return need_dtype(t, DType::kString, what);
}

// A tensor of strings made one by one, counted against the budget.
class Collector {
 public:
  explicit Collector(Context& ctx) : ctx_(ctx) {}
  Status add(std::string s) {
    bytes_ += s.size() + sizeof(std::string);
    WHITTLE_CHECK(within_budget(bytes_, ctx_));
    strings_.push_back(std::move(s));
    return {};
  }
  int64_t size() const { return static_cast<int64_t>(strings_.size()); }
  Tensor take(Dims dims) { return Tensor(Shape(std::move(dims)), std::move(strings_)); }

 private:
  Context& ctx_;
  Strings strings_;
  uint64_t bytes_ = 0;
};

template <class F>
Result<Tensors> map_strings(KernelCall& call, F f) {
  WHITTLE_CHECK(need_at_least(call, 1));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  Collector out(call.ctx);
  for (const std::string& s : call.in[0].strings()) WHITTLE_CHECK(out.add(f(s)));
  return one(out.take(dims_of(call.in[0])));
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_ascii(const std::string& s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<uint8_t>(c) < 128; });
}

template <bool kUpper>
Result<Tensors> change_case(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  if (call.node.attrs.string_or("encoding", "") == "utf-8") {
    for (const std::string& s : call.in[0].strings()) {
      if (!is_ascii(s)) return no_kernel("letter case outside of ASCII");
    }
  }
  return map_strings(call, [](std::string s) {
    for (char& c : s) {
      if (kUpper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z') c = static_cast<char>(c ^ 32);
    }
    return s;
  });
}

Result<Tensors> strip(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  return map_strings(call, [](const std::string& s) {
    size_t from = 0, to = s.size();
    while (from < to && is_space(s[from])) ++from;
    while (to > from && is_space(s[to - 1])) --to;
    return s.substr(from, to - from);
  });
}

// Bytes of the UTF-8 character that starts at `at`; 1 for anything malformed.
size_t character_size(const std::string& s, size_t at) {
  const uint8_t c = static_cast<uint8_t>(s[at]);
  const size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 1;
  return std::min(n, s.size() - at);
}

Result<Tensors> length(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  const bool chars = call.node.attrs.string_or("unit", "BYTE") == "UTF8_CHAR";
  std::vector<int64_t> sizes;
  for (const std::string& s : call.in[0].strings()) {
    int64_t n = static_cast<int64_t>(s.size());
    if (chars) {
      // Every byte that does not continue a character starts one.
      n = std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xc0) != 0x80; });
    }
    sizes.push_back(n);
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt32, dims_of(call.in[0]), sizes, call.ctx));
  return one(std::move(t));
}

// --- numbers ------------------------------------------------------------------------------------

Result<Tensors> as_string(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  if (x.is_string()) return one(x);
  const AttrMap& attrs = call.node.attrs;
  const int64_t precision = attrs.int_or("precision", -1), width = attrs.int_or("width", -1);
  const bool scientific = attrs.bool_or("scientific", false), shortest = attrs.bool_or("shortest", false);
  const std::string fill(attrs.string_or("fill", ""));
  if (scientific && shortest) return invalid_argument("scientific and shortest together");
  if (fill.size() > 1 || (fill.size() == 1 && std::string_view(" +-0#").find(fill[0]) == std::string_view::npos)) {
    return invalid_argument("fill must be one of ' +-0#'");
  }
  if (precision > 100 || width > 1000) return no_kernel("AsString as wide as that");
  const Lane lane = lane_of(x.dtype());
  const bool real = lane == Lane::kF32 || lane == Lane::kF64;
  if (!real && (scientific || shortest || precision >= 0)) {
    return invalid_argument("precision and notation are for floats");
  }
  std::string format = "%" + fill;
  if (width > 0) format += cat(width);
  if (precision >= 0) format += cat(".", precision);
  if (real) format += scientific ? "e" : shortest ? "g" : "f";
  Collector out(call.ctx);
  const uint32_t bytes = byte_width(x.dtype());
  for (uint64_t i = 0; i < x.elements(); ++i) {
    const uint8_t* at = x.bytes().data() + i * bytes;
    char buffer[1600];
    if (x.dtype() == DType::kBool) {
      WHITTLE_CHECK(out.add(*at != 0 ? "true" : "false"));
      continue;
    }
    if (real) {
      double v = 0;
      float f = 0;
      widen(x.dtype(), at, 1, lane == Lane::kF32 ? static_cast<void*>(&f) : static_cast<void*>(&v), 1);
      if (lane == Lane::kF32) v = f;
      std::snprintf(buffer, sizeof(buffer), format.c_str(), v);
    } else if (lane == Lane::kI64) {
      int64_t v = 0;
      widen(x.dtype(), at, 1, &v, 1);
      std::snprintf(buffer, sizeof(buffer), (format + "lld").c_str(), static_cast<long long>(v));
    } else if (lane == Lane::kU64) {
      uint64_t v = 0;
      widen(x.dtype(), at, 1, &v, 1);
      std::snprintf(buffer, sizeof(buffer), (format + "llu").c_str(), static_cast<unsigned long long>(v));
    } else {
      return no_kernel("AsString of that dtype");
    }
    WHITTLE_CHECK(out.add(buffer));
  }
  return one(out.take(dims_of(x)));
}

Result<Tensors> to_number(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  const DType dtype = call.node.attrs.type_or("out_type", DType::kFloat);
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, dims_of(call.in[0]), call.ctx));
  for (size_t i = 0; i < t.elements(); ++i) {
    const std::string& s = call.in[0].strings()[i];
    size_t from = 0, to = s.size();
    while (from < to && is_space(s[from])) ++from;
    while (to > from && is_space(s[to - 1])) --to;
    const std::string text = s.substr(from, to - from);
    const Error bad = invalid_argument(cat("'", printable(s, 60), "' is no number"));
    if (text.empty() || text.find('x') != std::string::npos || text.find('X') != std::string::npos) {
      return bad;
    }
    char* end = nullptr;
    if (dtype == DType::kFloat) {
      t.mutable_values<float>()[i] = std::strtof(text.c_str(), &end);
    } else if (dtype == DType::kDouble) {
      t.mutable_values<double>()[i] = std::strtod(text.c_str(), &end);
    } else {
      int64_t v = 0;
      if (!parse_int64(text[0] == '+' ? std::string_view(text).substr(1) : text, &v)) return bad;
      if (dtype == DType::kInt32) {
        if (v < INT32_MIN || v > INT32_MAX) return bad;
        t.mutable_values<int32_t>()[i] = static_cast<int32_t>(v);
      } else if (dtype == DType::kInt64) {
        t.mutable_values<int64_t>()[i] = v;
      } else {
        return no_kernel("StringToNumber of that dtype");
      }
      continue;
    }
    if (end != text.c_str() + text.size()) return bad;
  }
  return one(std::move(t));
}

// --- hashing ------------------------------------------------------------------------------------

Result<Tensors> to_bucket(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  const int64_t buckets = call.node.attrs.int_or("num_buckets", 0);
  if (buckets < 1) return invalid_argument("num_buckets must be positive");
  const std::vector<int64_t>& key = ints_attr(call.node, "key");
  const bool fast = call.node.op == "StringToHashBucketFast";
  const bool strong = call.node.op == "StringToHashBucketStrong";
  if (strong && key.size() != 2) return invalid_argument("key must have two elements");
  std::vector<int64_t> out;
  for (const std::string& s : call.in[0].strings()) {
    const uint64_t h = strong ? sip_hash(s, static_cast<uint64_t>(key[0]), static_cast<uint64_t>(key[1]))
                       : fast ? fingerprint64(s)
                              : hash64(s);
    out.push_back(static_cast<int64_t>(h % static_cast<uint64_t>(buckets)));
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt64, dims_of(call.in[0]), out, call.ctx));
  return one(std::move(t));
}

// --- splitting and joining ------------------------------------------------------------------------

// Pieces of each string as a sparse matrix: indices, values, shape.
Result<Tensors> sparse_pieces(const std::vector<std::vector<std::string>>& rows, Context& ctx) {
  Collector values(ctx);
  std::vector<int64_t> indices;
  int64_t widest = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    widest = std::max(widest, static_cast<int64_t>(rows[r].size()));
    for (size_t i = 0; i < rows[r].size(); ++i) {
      indices.push_back(static_cast<int64_t>(r));
      indices.push_back(static_cast<int64_t>(i));
      WHITTLE_CHECK(values.add(rows[r][i]));
    }
  }
  const int64_t n = values.size();
  WHITTLE_ASSIGN(Tensor index, int_tensor(DType::kInt64, {n, 2}, indices, ctx));
  WHITTLE_ASSIGN(Tensor shape,
                 int_tensor(DType::kInt64, {2}, {static_cast<int64_t>(rows.size()), widest}, ctx));
  Tensors out = one(std::move(index));
  out.push_back(values.take({n}));
  out.push_back(std::move(shape));
  return out;
}

Result<Tensors> string_split(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  WHITTLE_CHECK(need_rank(call.in[0], 1, "input"));
  WHITTLE_ASSIGN(const std::string delimiters, scalar_string(call.in[1], "delimiter"));
  const bool skip = call.node.attrs.bool_or("skip_empty", true);
  std::vector<Strings> rows;
  for (const std::string& s : call.in[0].strings()) {
    Strings pieces;
    std::string current;
    for (char c : s) {
      if (delimiters.empty()) {
        pieces.emplace_back(1, c);  // every byte by itself
      } else if (delimiters.find(c) != std::string::npos) {
        if (!skip || !current.empty()) pieces.push_back(current);
        current.clear();
      } else {
        current.push_back(c);
      }
    }
    // An empty string has no pieces at all.
    if (!delimiters.empty() && !s.empty() && (!skip || !current.empty())) pieces.push_back(current);
    rows.push_back(std::move(pieces));
  }
  return sparse_pieces(rows, call.ctx);
}

// As Python's str.split: an empty separator means runs of white space.
Result<Tensors> string_split_v2(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  WHITTLE_CHECK(need_rank(call.in[0], 1, "input"));
  WHITTLE_ASSIGN(const std::string separator, scalar_string(call.in[1], "sep"));
  const int64_t limit = call.node.attrs.int_or("maxsplit", -1);
  std::vector<Strings> rows;
  for (const std::string& s : call.in[0].strings()) {
    Strings pieces;
    size_t at = 0;
    int64_t splits = 0;
    if (separator.empty()) {
      for (;;) {
        while (at < s.size() && is_space(s[at])) ++at;
        if (at == s.size()) break;
        size_t end = at;
        if (limit >= 0 && splits == limit) {
          end = s.size();
        } else {
          while (end < s.size() && !is_space(s[end])) ++end;
        }
        pieces.push_back(s.substr(at, end - at));
        at = end;
        ++splits;
      }
    } else {
      for (;;) {
        const size_t end = limit >= 0 && splits == limit ? std::string::npos : s.find(separator, at);
        if (end == std::string::npos) break;
        pieces.push_back(s.substr(at, end - at));
        at = end + separator.size();
        ++splits;
      }
      pieces.push_back(s.substr(at));
    }
    rows.push_back(std::move(pieces));
  }
  return sparse_pieces(rows, call.ctx);
}

Result<Tensors> string_join(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  const std::string separator(call.node.attrs.string_or("separator", ""));
  Dims dims;
  for (const Tensor& t : call.in) {
    WHITTLE_CHECK(need_strings(t, "input"));
    if (rank_of(t) == 0) continue;
    if (!dims.empty() && dims_of(t) != dims) return invalid_argument("inputs differ in shape");
    dims = dims_of(t);
  }
  WHITTLE_ASSIGN(const uint64_t n, element_count(dims));
  Collector out(call.ctx);
  for (uint64_t i = 0; i < n; ++i) {
    std::string joined;
    for (size_t k = 0; k < call.in.size(); ++k) {
      if (k > 0) joined += separator;
      joined += call.in[k].strings()[rank_of(call.in[k]) == 0 ? 0 : i];
      WHITTLE_CHECK(within_budget(joined.size(), call.ctx));
    }
    WHITTLE_CHECK(out.add(std::move(joined)));
  }
  return one(out.take(std::move(dims)));
}

Result<Tensors> reduce_join(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_strings(x, "inputs"));
  WHITTLE_ASSIGN(Dims axes, int_vector(call.in[1], "reduction_indices"));
  const std::string separator(call.node.attrs.string_or("separator", ""));
  const bool keep = call.node.attrs.bool_or("keep_dims", false);
  const size_t rank = dims_of(x).size();
  std::vector<bool> reduced(rank, false);
  std::vector<size_t> order;  // reduced axes in the order given: the first runs fastest
  for (int64_t a : axes) {
    WHITTLE_ASSIGN(const int axis, axis_in(a, rank_of(x), "reduction index"));
    if (reduced[static_cast<size_t>(axis)]) return invalid_argument("an axis is named twice");
    reduced[static_cast<size_t>(axis)] = true;
    order.push_back(static_cast<size_t>(axis));
  }
  Dims dims, kept_dims;
  std::vector<size_t> kept;
  for (size_t i = 0; i < rank; ++i) {
    if (!reduced[i]) {
      kept.push_back(i);
      kept_dims.push_back(dims_of(x)[i]);
      dims.push_back(dims_of(x)[i]);
    } else if (keep) {
      dims.push_back(1);
    }
  }
  const Dims strides = row_major_strides(dims_of(x));
  WHITTLE_ASSIGN(const uint64_t count, element_count(kept_dims));
  uint64_t terms = 1;
  for (size_t a : order) terms *= static_cast<uint64_t>(dims_of(x)[a]);
  Collector out(call.ctx);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t rest = i;
    int64_t base = 0;
    for (size_t k = kept.size(); k-- > 0;) {
      base += static_cast<int64_t>(rest % static_cast<uint64_t>(kept_dims[k])) * strides[kept[k]];
      rest /= static_cast<uint64_t>(kept_dims[k]);
    }
    std::string joined;
    for (uint64_t t = 0; t < terms; ++t) {
      uint64_t inner = t;
      int64_t at = base;
      for (size_t axis : order) {
        const uint64_t d = static_cast<uint64_t>(dims_of(x)[axis]);
        at += static_cast<int64_t>(inner % d) * strides[axis];
        inner /= d;
      }
      if (t > 0) joined += separator;
      joined += x.strings()[static_cast<size_t>(at)];
      WHITTLE_CHECK(within_budget(joined.size(), call.ctx));
    }
    WHITTLE_CHECK(out.add(std::move(joined)));
  }
  return one(out.take(std::move(dims)));
}

// pos and len are scalars or have the input's shape.
Result<Tensors> substr(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_CHECK(need_strings(call.in[0], "input"));
  WHITTLE_ASSIGN(const Dims pos, int_vector(call.in[1], "pos"));
  WHITTLE_ASSIGN(const Dims len, int_vector(call.in[2], "len"));
  const bool chars = call.node.attrs.string_or("unit", "BYTE") == "UTF8_CHAR";
  const auto& strings = call.in[0].strings();
  if (pos.size() != len.size() || (pos.size() != 1 && pos.size() != strings.size())) {
    return no_kernel("Substr with broadcasting");
  }
  Collector out(call.ctx);
  for (size_t i = 0; i < strings.size(); ++i) {
    const std::string& s = strings[i];
    int64_t p = pos[pos.size() == 1 ? 0 : i], n = len[pos.size() == 1 ? 0 : i];
    std::vector<size_t> starts;
    if (chars) {
      for (size_t at = 0; at < s.size(); at += character_size(s, at)) starts.push_back(at);
      starts.push_back(s.size());
    }
    const int64_t size = static_cast<int64_t>(chars ? starts.size() - 1 : s.size());
    if (p < -size || p > size) return invalid_argument(cat("pos ", p, " is out of range"));
    if (p < 0) p += size;
    n = std::clamp<int64_t>(n, 0, size - p);
    const size_t from = chars ? starts[static_cast<size_t>(p)] : static_cast<size_t>(p);
    const size_t to = chars ? starts[static_cast<size_t>(p + n)] : static_cast<size_t>(p + n);
    WHITTLE_CHECK(out.add(s.substr(from, to - from)));
  }
  return one(out.take(dims_of(call.in[0])));
}

// data is split by data_splits; n-grams of every width, joined; padding at both ends.
Result<Tensors> ngrams(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_strings(call.in[0], "data"));
  WHITTLE_ASSIGN(const Dims splits, int_vector(call.in[1], "data_splits"));
  const AttrMap& attrs = call.node.attrs;
  const std::string separator(attrs.string_or("separator", "")), left(attrs.string_or("left_pad", "")),
      right(attrs.string_or("right_pad", ""));
  const int64_t pad_width = attrs.int_or("pad_width", 0);
  const bool preserve = attrs.bool_or("preserve_short_sequences", false);
  const std::vector<int64_t>& widths = ints_attr(call.node, "ngram_widths");
  const auto& data = call.in[0].strings();
  for (int64_t w : widths) {
    if (w < 1 || w > 1 << 20) return invalid_argument("n-gram widths must be positive");
  }
  if (splits.empty() || splits[0] != 0 || splits.back() != static_cast<int64_t>(data.size())) {
    return invalid_argument("data_splits do not cover the data");
  }
  Collector out(call.ctx);
  std::vector<int64_t> out_splits{0};
  for (size_t r = 0; r + 1 < splits.size(); ++r) {
    if (splits[r + 1] < splits[r]) return invalid_argument("data_splits are not increasing");
    const int64_t length = splits[r + 1] - splits[r];
    const auto gram = [&](int64_t pads, int64_t from, int64_t width) {
      std::string joined;
      for (int64_t k = from; k < from + width; ++k) {
        if (k > from) joined += separator;
        joined += k < pads ? left : k < pads + length ? data[static_cast<size_t>(splits[r] + k - pads)]
                                                      : right;
      }
      return joined;
    };
    int64_t made = 0;
    for (int64_t w : widths) {
      const int64_t pads = std::min(pad_width < 0 ? w - 1 : pad_width, w - 1);
      for (int64_t i = 0; i + w <= length + 2 * pads; ++i, ++made) WHITTLE_CHECK(out.add(gram(pads, i, w)));
    }
    if (preserve && made == 0 && length > 0 && !widths.empty()) {
      // One n-gram of all there is.
      const int64_t pads = pad_width < 0 ? 0 : pad_width;
      WHITTLE_CHECK(out.add(gram(pads, 0, length + 2 * pads)));
    }
    out_splits.push_back(out.size());
  }
  const int64_t n = out.size();
  Tensors result = one(out.take({n}));
  WHITTLE_ASSIGN(Tensor s, int_tensor(call.in[1].dtype(), {static_cast<int64_t>(out_splits.size())},
                                      out_splits, call.ctx));
  result.push_back(std::move(s));
  return result;
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "", DTypeSet types = kStringOnly) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("AsString", as_string, "precision,scientific,shortest,width,fill", kReals | kBoolOnly | kStringOnly),
    row("ReduceJoin", reduce_join, "separator,keep_dims"),
    row("StringJoin", string_join, "separator"),
    row("StringLength", length, "unit"),
    row("StringLower", change_case<false>, "encoding"),
    row("StringNGrams", ngrams, "separator,ngram_widths,left_pad,right_pad,pad_width,preserve_short_sequences"),
    row("StringSplit", string_split, "skip_empty"),
    row("StringSplitV2", string_split_v2, "maxsplit"),
    row("StringStrip", strip),
    row("StringToHashBucket", to_bucket, "num_buckets"),
    row("StringToHashBucketFast", to_bucket, "num_buckets"),
    row("StringToHashBucketStrong", to_bucket, "num_buckets,key"),
    row("StringToNumber", to_number, "out_type"),
    row("StringUpper", change_case<true>, "encoding"),
    row("Substr", substr, "unit"),
};

}  // namespace

Rows string_kernels() { return kRows; }

}  // namespace whittle::eval
