// Random graphs through the rewrites: whatever they do, the outputs stay.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "support/run_pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Grows a graph op by op; knows every value's shape for a feed with two examples.
class Grower {
 public:
  explicit Grower(uint64_t seed) : state_(seed * 2654435761u + 12345) {
    text_ = "x0: float[?,3,4] = Placeholder()\nx1: float[2,3,4] = Placeholder()\n";
    values_ = {{"x0", {2, 3, 4}}, {"x1", {2, 3, 4}}};
  }

  std::string grow(int ops) {
    for (int k = 0; k < ops; ++k) step();
    std::string outputs;
    for (int k = 0; k < 3; ++k) {
      // An op of its own for every output: the value before it may go.
      const size_t v = values_.size() - 1 - roll(std::min<size_t>(values_.size(), 5));
      text_ += cat("o", k, ": float = Tanh(", values_[v].name, ")\n");
      outputs += cat(k == 0 ? "" : ", ", "o", k);
    }
    return cat(text_, "return ", outputs, "\n");
  }

 private:
  struct Value {
    std::string name;
    std::vector<int64_t> shape;
  };

  size_t roll(size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state_ >> 33) % n;
  }

  static std::string list(const std::vector<int64_t>& v) {
    std::string out;
    for (size_t k = 0; k < v.size(); ++k) out += cat(k == 0 ? "" : ", ", v[k]);
    return out;
  }

  std::string ints(const std::vector<int64_t>& v, const std::string& shape = "") {
    const std::string name = cat("c", next_++);
    text_ += cat(name, ": int32[", shape.empty() ? cat(v.size()) : shape, "] = Const(", list(v), ")\n");
    return name;
  }
  std::string scalar(int64_t v) {
    const std::string name = cat("c", next_++);
    text_ += cat(name, ": int32 = Const(", v, ")\n");
    return name;
  }
  std::string floats(const std::vector<int64_t>& shape, std::string_view values) {
    const std::string name = cat("c", next_++);
    text_ += cat(name, ": float[", list(shape), "] = Const(", values, ")\n");
    return name;
  }
  void add(const std::string& expression, std::vector<int64_t> shape) {
    const std::string name = cat("v", next_++);
    text_ += cat(name, ": float = ", expression, "\n");
    values_.push_back({name, std::move(shape)});
  }

  void step() {
    const Value v = values_[values_.size() - 1 - roll(std::min<size_t>(values_.size(), 4))];
    const size_t rank = v.shape.size();
    std::vector<int64_t> s = v.shape;
    switch (roll(17)) {
      case 0: {
        constexpr std::string_view kOps[] = {"Relu", "Neg", "Abs", "Tanh", "Relu6", "Identity"};
        return add(cat(kOps[roll(6)], "(", v.name, ")"), s);
      }
      case 1: {
        for (const Value& other : values_) {
          if (other.shape == s && roll(2) == 0) return add(cat(roll(2) == 0 ? "AddV2(" : "Sub(", v.name, ", ", other.name, ")"), s);
        }
        return add(cat("AddV2(", v.name, ", ", v.name, ")"), s);
      }
      case 2: {
        constexpr std::string_view kValues[] = {"0", "1", "0.5", "seed=3"};
        const std::string c = rank > 0 && roll(2) == 0 ? floats({s.back()}, kValues[roll(4)]) : floats({}, kValues[roll(3)]);
        constexpr std::string_view kOps[] = {"AddV2", "Sub", "Mul"};
        const std::string_view op = kOps[roll(3)];
        return add(roll(2) == 0 ? cat(op, "(", v.name, ", ", c, ")") : cat(op, "(", c, ", ", v.name, ")"), s);
      }
      case 3: case 4: {
        std::vector<int64_t> order(rank);
        std::iota(order.begin(), order.end(), 0);
        for (size_t k = rank; k > 1; --k) std::swap(order[k - 1], order[roll(k)]);
        for (size_t k = 0; k < rank; ++k) s[k] = v.shape[static_cast<size_t>(order[k])];
        if (rank == 0) return;
        return add(cat("Transpose(", v.name, ", ", ints(order), ")"), s);
      }
      case 5: case 6: {
        // Other sizes of the same number of elements.
        int64_t total = 1;
        for (int64_t d : s) total *= d;
        std::vector<int64_t> to;
        for (int64_t f : {2, 3, 4}) {
          if (total % f == 0 && roll(2) == 0) {
            to.push_back(f);
            total /= f;
          }
        }
        to.insert(to.begin() + static_cast<std::ptrdiff_t>(roll(to.size() + 1)), total);
        if (roll(3) == 0) to = s;
        std::vector<int64_t> given = to;
        if (!given.empty() && roll(2) == 0) given[roll(given.size())] = -1;
        return add(cat("Reshape(", v.name, ", ", ints(given), ")"), to);
      }
      case 7: {
        // Sizes taken from the value itself.
        if (rank < 2) return;
        const std::string shape = cat("s", next_++);
        text_ += cat(shape, ": int32 = Shape(", v.name, ")\n");
        const std::string zero = ints({0}), one = ints({1}), n = cat("n", next_++), target = cat("t", next_++);
        text_ += cat(n, ": int32 = StridedSlice(", shape, ", ", zero, ", ", one, ", ", one, ") {shrink_axis_mask = 1}\n");
        int64_t rest = 1;
        for (size_t k = 1; k < rank; ++k) rest *= s[k];
        text_ += cat(target, ": int32 = Pack(", n, ", ", scalar(rest), ")\n");
        return add(cat("Reshape(", v.name, ", ", target, ")"), {s[0], rest});
      }
      case 8: {
        if (rank > 4) return;
        const size_t axis = roll(rank + 1);
        s.insert(s.begin() + static_cast<std::ptrdiff_t>(axis), 1);
        return add(cat("ExpandDims(", v.name, ", ", scalar(static_cast<int64_t>(axis)), ")"), s);
      }
      case 9: {
        for (size_t k = 0; k < rank; ++k) {
          if (s[k] != 1) continue;
          s.erase(s.begin() + static_cast<std::ptrdiff_t>(k));
          return add(cat("Squeeze(", v.name, ") {squeeze_dims = [", k, "]}"), s);
        }
        return;
      }
      case 10: {
        if (rank == 0) return;
        std::vector<int64_t> pads(2 * rank, 0);
        if (roll(2) == 0) pads[roll(2 * rank)] = 1;
        for (size_t k = 0; k < rank; ++k) s[k] += pads[2 * k] + pads[2 * k + 1];
        return add(cat("Pad(", v.name, ", ", ints(pads, cat(rank, ",2")), ")"), s);
      }
      case 11: {
        if (rank == 0 || s[0] > 8) return;
        const size_t axis = roll(rank);
        s[axis] *= 2;
        return add(cat("ConcatV2(", v.name, ", ", v.name, ", ", scalar(static_cast<int64_t>(axis) - (roll(2) == 0 ? static_cast<int64_t>(rank) : 0)), ")"), s);
      }
      case 12: {
        for (size_t k = 0; k < rank; ++k) {
          if (s[k] != 2 && s[k] != 4) continue;
          const std::string name = cat("p", next_++), axis = scalar(static_cast<int64_t>(k));
          text_ += cat(name, ": float, ", name, "b: float = Split(", axis, ", ", v.name, ") {num_split = 2}\n");
          const bool swapped = roll(3) == 0;
          return add(cat("ConcatV2(", name, swapped ? ":1, " : ", ", name, swapped ? ", " : ":1, ", axis, ")"), s);
        }
        return;
      }
      case 13: {
        for (size_t k = 0; k < rank; ++k) {
          if (s[k] != 2) continue;
          const std::string name = cat("p", next_++);
          text_ += cat(name, ": float, ", name, "b: float = Unpack(", v.name, ") {num = 2, axis = ", k, "}\n");
          return add(cat("Pack(", name, ", ", name, ":1) {axis = ", k, "}"), s);
        }
        return;
      }
      case 14: {
        if (rank == 0) return;
        const size_t axis = roll(rank);
        const std::string axes = ints({static_cast<int64_t>(axis)});
        s[axis] = 1;
        add(cat("Max(", v.name, ", ", axes, ") {keep_dims = true}"), s);
        if (roll(2) == 0) return;
        const std::string name = values_.back().name;
        s.erase(s.begin() + static_cast<std::ptrdiff_t>(axis));
        return add(cat("Squeeze(", name, ") {squeeze_dims = [", axis, "]}"), s);
      }
      case 15: {
        if (rank == 0) return;
        std::vector<int64_t> begin(rank, 0), size(rank, -1);
        if (roll(2) == 0) {
          const size_t k = roll(rank);
          if (s[k] > 1) {
            begin[k] = static_cast<int64_t>(roll(2));
            size[k] = s[k] - 1;
            s[k] = size[k];
          }
        }
        return add(cat("Slice(", v.name, ", ", ints(begin), ", ", ints(size), ")"), s);
      }
      default: return add(cat("Square(", v.name, ")"), s);
    }
  }

  uint64_t state_;
  int next_ = 0;
  std::string text_;
  std::vector<Value> values_;
};

TEST(RandomRewrites, KeepTheOutputs) {
  size_t before = 0, after = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    const std::string text = Grower(seed).grow(24);
    const TextModel original = parse_model(text);
    TextModel now = original;
    for (std::string_view pass : {"simplify_movement", "cancel_transposes", "simplify_arithmetic", "merge_duplicate_nodes", "simplify_movement",
                                  "cancel_transposes", "prune_unused"}) {
      const Ran ran = run_pass(pass, now);
      ASSERT_TRUE(ran.ok) << ran.error << text;
      const double d = difference(original, ran.after);
      ASSERT_GE(d, 0) << pass << "\n" << text;
      ASSERT_LE(d, 1e-5) << pass << "\n" << text << ran.text;
      now = ran.after;
    }
    before += original.model.meta.graph.size();
    after += now.model.meta.graph.size();
  }
  EXPECT_LT(after * 4, before * 3);   // and they do something
}

}  // namespace
}  // namespace whittle
