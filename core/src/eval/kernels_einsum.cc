// Einsum of one or two operands.
//
//   "bij,bjk->bik"   b is in both operands and the result: a batch; j in both and not in the result:
//                    contracted; i and k free. Operands become [batch, free, contracted] and
//                    [batch, contracted, free] by a strided copy, then one batched product follows.
//
// A label that is repeated in an operand takes the diagonal; one that is in a single operand and not
// in the result is summed. "..." stands for broadcast dimensions.
#include <algorithm>

#include "products.h"

namespace whittle::eval {
namespace {

// Labels are the letters' codes; the ellipsis dimensions get 1000, 1001, … counted from the right.
using Labels = std::vector<int>;
constexpr int kEllipsis = 1000;

Result<Labels> parse(std::string_view text, int ellipsis_rank) {
  Labels labels;
  bool seen = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (c == '.') {
      if (seen || text.substr(i, 3) != "...") return invalid_argument("malformed ellipsis");
      seen = true;
      i += 2;
      for (int k = ellipsis_rank; k-- > 0;) labels.push_back(kEllipsis + k);
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels.push_back(c);
    } else {
      return invalid_argument(cat("'", printable(text), "' is no part of an equation"));
    }
  }
  return labels;
}

int letters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(),
                                        [](char c) { return c != '.' && c != ' '; }));
}

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

struct Operand {
  Tensor tensor;
  Labels labels;   // each once
  Dims dims, strides;
};

Result<Operand> make_operand(const Tensor& t, const Labels& labels) {
  if (labels.size() != dims_of(t).size()) {
    return invalid_argument(cat(labels.size(), " labels for shape ", dims_text(dims_of(t))));
  }
  Operand o{t, {}, {}, {}};
  const Dims strides = row_major_strides(dims_of(t));
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto at = std::find(o.labels.begin(), o.labels.end(), labels[i]);
    if (at == o.labels.end()) {
      o.labels.push_back(labels[i]);
      o.dims.push_back(dims_of(t)[i]);
      o.strides.push_back(strides[i]);
      continue;
    }
    const size_t k = static_cast<size_t>(at - o.labels.begin());
    if (o.dims[k] != dims_of(t)[i]) return invalid_argument("a repeated label has two sizes");
    o.strides[k] += strides[i];
  }
  return o;
}

// The operand's elements in the order of `order`; labels it lacks (broadcast) have size 1.
Result<Tensor> arranged(const Operand& o, const Labels& order, const Dims& out_dims, Context& ctx) {
  View view;
  for (int label : order) {
    const auto at = std::find(o.labels.begin(), o.labels.end(), label);
    const size_t k = static_cast<size_t>(at - o.labels.begin());
    view.dims.push_back(at == o.labels.end() ? 1 : o.dims[k]);
    view.strides.push_back(at == o.labels.end() ? 0 : o.strides[k]);
  }
  return materialize(o.tensor, std::move(view), out_dims, ctx);
}

int64_t size_of(const Operand& o, int label) {
  const auto at = std::find(o.labels.begin(), o.labels.end(), label);
  return at == o.labels.end() ? 1 : o.dims[static_cast<size_t>(at - o.labels.begin())];
}

// Sums away the labels that are neither in `keep_a` nor in `keep_b`.
Status sum_lonely(Operand& o, const Labels& keep_a, const Labels& keep_b, Context& ctx) {
  Labels kept, lonely;
  for (int label : o.labels) {
    (has(keep_a, label) || has(keep_b, label) ? kept : lonely).push_back(label);
  }
  if (lonely.empty()) return {};
  Labels order = kept;
  order.insert(order.end(), lonely.begin(), lonely.end());
  Dims kept_dims;
  int64_t rows = 1, count = 1;
  for (int label : kept) {
    kept_dims.push_back(size_of(o, label));
    rows *= kept_dims.back();
  }
  for (int label : lonely) count *= size_of(o, label);
  WHITTLE_ASSIGN(Tensor matrix, arranged(o, order, {rows, count}, ctx));
  // A product with ones sums in the same order as every other product.
  WHITTLE_ASSIGN(Tensor wide, widened(matrix, ctx));
  WHITTLE_ASSIGN(Tensor ones, make_tensor(wide.dtype(), {count, 1}, ctx));
  for (int64_t i = 0; i < count; ++i) {
    if (wide.dtype() == DType::kFloat) {
      ones.mutable_values<float>()[static_cast<size_t>(i)] = 1;
    } else if (wide.dtype() == DType::kDouble) {
      ones.mutable_values<double>()[static_cast<size_t>(i)] = 1;
    } else {
      ones.mutable_values<uint64_t>()[static_cast<size_t>(i)] = 1;
    }
  }
  WHITTLE_ASSIGN(Tensor sum, batched_product(wide, ones, false, false, o.tensor.dtype(), ctx));
  o.tensor = sum.reshaped(Shape(kept_dims));
  o.labels = std::move(kept);
  o.strides = row_major_strides(kept_dims);
  o.dims = std::move(kept_dims);
  return {};
}

Result<Tensors> einsum(KernelCall& call) {
  if (call.in.empty() || call.in.size() > 2) return no_kernel("Einsum of more than two operands");
  const std::string_view equation = call.node.attrs.string_or("equation", "");
  const size_t arrow = equation.find("->");
  if (arrow == std::string_view::npos) return invalid_argument("Einsum equation without '->'");
  const std::vector<std::string_view> sides = split(equation.substr(0, arrow), ',');
  if (sides.size() != call.in.size()) {
    return invalid_argument(cat("equation '", printable(equation), "' for ", call.in.size(),
                                " operands"));
  }
  std::vector<Operand> ops;
  int ellipsis = 0;
  for (size_t i = 0; i < sides.size(); ++i) {
    const int extra = rank_of(call.in[i]) - letters(sides[i]);
    const bool dots = sides[i].find('.') != std::string_view::npos;
    if (extra < 0 || (extra > 0 && !dots)) {
      return invalid_argument(cat("'", printable(sides[i]), "' does not fit shape ",
                                  dims_text(dims_of(call.in[i]))));
    }
    ellipsis = std::max(ellipsis, extra);
    WHITTLE_ASSIGN(const Labels labels, parse(sides[i], extra));
    WHITTLE_ASSIGN(Operand o, make_operand(call.in[i], labels));
    ops.push_back(std::move(o));
  }
  WHITTLE_ASSIGN(const Labels result, parse(equation.substr(arrow + 2), ellipsis));
  for (size_t i = 0; i < result.size(); ++i) {
    if (std::count(result.begin(), result.end(), result[i]) != 1) {
      return no_kernel("Einsum with a repeated result label");
    }
    bool known = false;
    for (const Operand& o : ops) known = known || has(o.labels, result[i]);
    if (!known) return invalid_argument("Einsum result label that no operand has");
  }
  const DType dtype = call.in[0].dtype();
  if (ops.size() == 1) {
    WHITTLE_CHECK(sum_lonely(ops[0], result, {}, call.ctx));
    Dims dims;
    for (int label : result) dims.push_back(size_of(ops[0], label));
    WHITTLE_ASSIGN(Tensor t, arranged(ops[0], result, dims, call.ctx));
    return one(std::move(t));
  }

  Operand &a = ops[0], &b = ops[1];
  WHITTLE_CHECK(need_same_dtype(a.tensor, b.tensor));
  WHITTLE_CHECK(sum_lonely(a, result, b.labels, call.ctx));
  WHITTLE_CHECK(sum_lonely(b, result, a.labels, call.ctx));
  Labels batch, contracted, free_a, free_b;
  for (int label : a.labels) {
    const bool both = has(b.labels, label);
    if (both && size_of(a, label) != size_of(b, label) &&
        !(label >= kEllipsis && (size_of(a, label) == 1 || size_of(b, label) == 1))) {
      return invalid_argument("Einsum operands differ in a label's size");
    }
    (label >= kEllipsis || (both && has(result, label)) ? batch : both ? contracted : free_a)
        .push_back(label);
  }
  for (int label : b.labels) {
    if (label >= kEllipsis) {
      if (!has(batch, label)) batch.push_back(label);
    } else if (!has(a.labels, label)) {
      free_b.push_back(label);
    }
  }
  for (int label : batch) {
    if (!has(result, label)) return no_kernel("Einsum that sums over an ellipsis");
  }
  const auto total = [&](const Operand& o, const Labels& labels) {
    int64_t n = 1;
    for (int label : labels) n *= size_of(o, label);
    return n;
  };
  const int64_t m = total(a, free_a), k = total(a, contracted), n = total(b, free_b);
  Labels order_a = batch, order_b = batch;
  order_a.insert(order_a.end(), free_a.begin(), free_a.end());
  order_a.insert(order_a.end(), contracted.begin(), contracted.end());
  order_b.insert(order_b.end(), contracted.begin(), contracted.end());
  order_b.insert(order_b.end(), free_b.begin(), free_b.end());
  Dims dims_a, dims_b, full;
  for (int label : batch) {
    dims_a.push_back(size_of(a, label));
    dims_b.push_back(size_of(b, label));
    full.push_back(dims_a.back() == 1 ? dims_b.back() : dims_a.back());
  }
  dims_a.insert(dims_a.end(), {m, k});
  dims_b.insert(dims_b.end(), {k, n});
  WHITTLE_ASSIGN(Tensor x, arranged(a, order_a, dims_a, call.ctx));
  WHITTLE_ASSIGN(Tensor y, arranged(b, order_b, dims_b, call.ctx));
  WHITTLE_ASSIGN(Tensor product, batched_product(x, y, false, false, dtype, call.ctx));

  Labels labels = batch;
  labels.insert(labels.end(), free_a.begin(), free_a.end());
  labels.insert(labels.end(), free_b.begin(), free_b.end());
  for (int label : free_a) full.push_back(size_of(a, label));
  for (int label : free_b) full.push_back(size_of(b, label));
  WHITTLE_ASSIGN(Operand c, make_operand(product.reshaped(Shape(full)), labels));
  Dims dims;
  for (int label : result) dims.push_back(size_of(c, label));
  WHITTLE_ASSIGN(Tensor t, arranged(c, result, dims, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo kRows[] = {
    {.op = "Einsum", .dtypes = kReals, .attrs = "equation", .cost = Cost::kProduct,
     .exactness = Exactness::kSum, .run = einsum},
};

}  // namespace

Rows einsum_kernels() { return kRows; }

}  // namespace whittle::eval
