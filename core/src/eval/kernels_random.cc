// Random numbers: Philox 4x32-10, laid out as TensorFlow's CPU kernels do.
//
// Stateless ops are plain functions of their seed. Ops with state start from their seeds at the
// first run of an Evaluator and go on from there; without seeds TensorFlow draws them anew each time,
// and here they are 0, so that runs can be repeated.
#include <algorithm>

#include "families.h"
#include "functions.h"
#include "value.h"
#include "whittle/math.h"

namespace whittle::eval {
namespace {

class Philox {
 public:
  Philox(uint64_t seed_low, uint64_t seed_high) {
    key_[0] = static_cast<uint32_t>(seed_low);
    key_[1] = static_cast<uint32_t>(seed_low >> 32);
    counter_[2] = static_cast<uint32_t>(seed_high);
    counter_[3] = static_cast<uint32_t>(seed_high >> 32);
  }
  // From the seed of a stateless op, which is mixed first.
  static Philox stateless(uint64_t seed0, uint64_t seed1) {
    // The constants are TensorFlow's: a fixed key scrambles the seeds.
    Philox mixer(0, 0);
    mixer.key_[0] = 0x3ec8f720u;
    mixer.key_[1] = 0x02461e29u;
    mixer.counter_[0] = static_cast<uint32_t>(seed0);
    mixer.counter_[1] = static_cast<uint32_t>(seed0 >> 32);
    mixer.counter_[2] = static_cast<uint32_t>(seed1);
    mixer.counter_[3] = static_cast<uint32_t>(seed1 >> 32);
    uint32_t mix[4];
    mixer.next(mix);
    Philox p(0, 0);
    p.key_[0] = mix[0];
    p.key_[1] = mix[1];
    p.counter_[2] = mix[2];
    p.counter_[3] = mix[3];
    return p;
  }

  void next(uint32_t out[4]) {
    uint32_t c[4] = {counter_[0], counter_[1], counter_[2], counter_[3]};
    uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c[0], p1 = uint64_t{0xCD9E8D57u} * c[2];
      const uint32_t n[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
                             static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
      for (int i = 0; i < 4; ++i) c[i] = n[i];
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; ++i) out[i] = c[i];
    skip(1);
  }
  void skip(uint64_t count) {
    const uint64_t low = counter_[0] | static_cast<uint64_t>(counter_[1]) << 32;
    const uint64_t sum = low + count;
    if (sum < low && ++counter_[2] == 0) ++counter_[3];
    counter_[0] = static_cast<uint32_t>(sum);
    counter_[1] = static_cast<uint32_t>(sum >> 32);
  }

 private:
  uint32_t counter_[4] = {0, 0, 0, 0};
  uint32_t key_[2] = {0, 0};
};

// [0, 1) from the low 23 bits.
float unit_float(uint32_t x) { return bit_cast<float>(uint32_t{127} << 23 | (x & 0x7fffffu)) - 1.0f; }
double unit_double(uint32_t x0, uint32_t x1) {
  const uint64_t bits = uint64_t{1023} << 52 | static_cast<uint64_t>(x0 & 0xfffffu) << 32 | x1;
  return bit_cast<double>(bits) - 1.0;
}

// Box-Muller: two uniform numbers become two normal ones.
void normal_floats(uint32_t x0, uint32_t x1, float* f0, float* f1) {
  const float u1 = std::max(unit_float(x0), 1.0e-7f);
  const float v1 = static_cast<float>(2 * fn::kPi * unit_float(x1));
  const float u2 = __builtin_sqrtf(-2.0f * static_cast<float>(fn::log(u1)));
  *f0 = static_cast<float>(fn::sin(v1)) * u2;
  *f1 = static_cast<float>(fn::cos(v1)) * u2;
}
void normal_doubles(const uint32_t x[4], double* d0, double* d1) {
  const double u1 = std::max(unit_double(x[0], x[1]), 1.0e-7);
  const double v1 = 2 * fn::kPi * unit_double(x[2], x[3]);
  const double u2 = fn::sqrt(-2.0 * fn::log(u1));
  *d0 = fn::sin(v1) * u2;
  *d1 = fn::cos(v1) * u2;
}

enum class Draw { kUniform, kNormal, kTruncated };

Result<Tensor> fill_real(Philox rng, Draw what, DType dtype, const Dims& dims, Context& ctx) {
  if (dtype == DType::kDouble) {
    WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, dims, ctx));
    auto out = t.mutable_values<double>();
    if (what == Draw::kTruncated) return no_kernel("truncated normal numbers as double");
    for (size_t i = 0; i < out.size(); i += 2) {
      uint32_t x[4];
      rng.next(x);
      double pair[2];
      if (what == Draw::kNormal) {
        normal_doubles(x, &pair[0], &pair[1]);
      } else {
        pair[0] = unit_double(x[0], x[1]);
        pair[1] = unit_double(x[2], x[3]);
      }
      for (size_t k = 0; k < std::min<size_t>(2, out.size() - i); ++k) out[i + k] = pair[k];
    }
    return t;
  }
  if (dtype != DType::kFloat) return no_kernel(cat("random numbers as ", dtype_name(dtype)));
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, dims, ctx));
  auto out = t.mutable_values<float>();
  for (size_t i = 0; i < out.size(); i += 4) {
    float four[4] = {};
    if (what == Draw::kTruncated) {
      // Every group of four has 256 draws of its own; numbers beyond two deviations are drawn again.
      Philox group = rng;
      group.skip(i / 4 * 256);
      uint32_t x[4];
      int used = 4;
      for (size_t n = 0; n < 4;) {
        float pair[2];
        if (used == 4) {
          group.next(x);
          used = 0;
        }
        const uint32_t x0 = x[used], x1 = x[used + 1];
        used += 2;
        normal_floats(x0, x1, &pair[0], &pair[1]);
        for (float v : pair) {
          if (n < 4 && v > -2.0f && v < 2.0f) four[n++] = v;
        }
      }
    } else {
      uint32_t x[4];
      rng.next(x);
      if (what == Draw::kNormal) {
        normal_floats(x[0], x[1], &four[0], &four[1]);
        normal_floats(x[2], x[3], &four[2], &four[3]);
      } else {
        for (int k = 0; k < 4; ++k) four[k] = unit_float(x[k]);
      }
    }
    for (size_t k = 0; k < std::min<size_t>(4, out.size() - i); ++k) out[i + k] = four[k];
  }
  return t;
}

Result<Tensor> fill_int(Philox rng, const Tensor& low, const Tensor& high, const Dims& dims,
                        Context& ctx) {
  WHITTLE_CHECK(need_same_dtype(low, high));
  WHITTLE_ASSIGN(const int64_t from, scalar_int(low, "minval"));
  WHITTLE_ASSIGN(const int64_t to, scalar_int(high, "maxval"));
  if (from >= to) return invalid_argument("minval must be below maxval");
  const uint64_t range = static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
  WHITTLE_ASSIGN(Tensor t, make_tensor(low.dtype(), dims, ctx));
  const size_t n = static_cast<size_t>(t.elements());
  const bool wide = low.dtype() == DType::kInt64;
  if (!wide && low.dtype() != DType::kInt32) return no_kernel("random integers of that dtype");
  const size_t group = wide ? 2 : 4;
  for (size_t i = 0; i < n; i += group) {
    uint32_t x[4];
    rng.next(x);
    for (size_t k = 0; k < std::min(group, n - i); ++k) {
      if (wide) {
        const uint64_t v = x[2 * k] | static_cast<uint64_t>(x[2 * k + 1]) << 32;
        t.mutable_values<int64_t>()[i + k] =
            static_cast<int64_t>(static_cast<uint64_t>(from) + v % range);
      } else {
        t.mutable_values<int32_t>()[i + k] =
            static_cast<int32_t>(static_cast<uint32_t>(from) + x[k] % static_cast<uint32_t>(range));
      }
    }
  }
  return t;
}

// --- ops with state -------------------------------------------------------------------------------

// Philox of the node, moved past what its earlier runs in this Evaluator drew.
Philox stateful(StateCall& call, uint64_t elements) {
  const uint64_t seed = static_cast<uint64_t>(call.node.attrs.int_or("seed", 0));
  const uint64_t seed2 = static_cast<uint64_t>(call.node.attrs.int_or("seed2", 0));
  Philox rng(seed, seed2);
  uint64_t& drawn = call.state.drawn[&call.node];
  rng.skip(drawn);
  // What TensorFlow reserves: 256 draws a group of four.
  drawn += (elements + 3) / 4 * 256;
  return rng;
}

template <Draw kWhat>
Status random_real(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(const Dims dims, shape_input(call.in[0].tensor, "shape"));
  WHITTLE_ASSIGN(const uint64_t n, element_count(dims));
  WHITTLE_ASSIGN(Tensor t, fill_real(stateful(call, n), kWhat,
                                     call.node.attrs.type_or("dtype", DType::kFloat), dims, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status random_int(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Dims dims, shape_input(call.in[0].tensor, "shape"));
  WHITTLE_ASSIGN(const uint64_t n, element_count(dims));
  WHITTLE_ASSIGN(Tensor t, fill_int(stateful(call, n), call.in[1].tensor, call.in[2].tensor, dims, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

// Draws columns of `logits` by their softmax.
Status multinomial(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(const Tensor logits, widened(call.in[0].tensor, call.ctx));
  WHITTLE_CHECK(need_rank(logits, 2, "logits"));
  if (logits.dtype() != DType::kFloat && logits.dtype() != DType::kDouble) {
    return no_kernel("Multinomial of that dtype");
  }
  WHITTLE_ASSIGN(const int64_t samples, scalar_int(call.in[1].tensor, "num_samples"));
  const int64_t rows = dims_of(logits)[0], classes = dims_of(logits)[1];
  if (samples < 0 || classes < 1) return invalid_argument("num_samples or classes");
  WHITTLE_ASSIGN(const uint64_t n, element_count({rows, samples}));
  WHITTLE_CHECK(within_budget(n * 8 + static_cast<uint64_t>(classes) * 8, call.ctx));
  Philox rng = stateful(call, 2 * n);
  std::vector<int64_t> drawn;
  std::vector<double> sums(static_cast<size_t>(classes));
  for (int64_t r = 0; r < rows; ++r) {
    const auto logit = [&](int64_t c) {
      const size_t at = static_cast<size_t>(r * classes + c);
      return logits.dtype() == DType::kFloat ? static_cast<double>(logits.values<float>()[at])
                                             : logits.values<double>()[at];
    };
    double largest = -fn::kInf, total = 0;
    for (int64_t c = 0; c < classes; ++c) {
      if (logit(c) < fn::kInf) largest = std::max(largest, logit(c));
    }
    for (int64_t c = 0; c < classes; ++c) {
      if (logit(c) < fn::kInf) total += fn::exp(logit(c) - largest);
      sums[static_cast<size_t>(c)] = total;
    }
    for (int64_t s = 0; s < samples; ++s) {
      uint32_t x[4];
      rng.next(x);
      const double wanted = unit_double(x[0], x[1]) * total;
      drawn.push_back(std::upper_bound(sums.begin(), sums.end(), wanted) - sums.begin());
      drawn.back() = std::min(drawn.back(), classes - 1);
    }
  }
  WHITTLE_ASSIGN(Tensor t, int_tensor(call.node.attrs.type_or("output_dtype", DType::kInt64),
                                      {rows, samples}, drawn, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

// --- stateless ops ----------------------------------------------------------------------------------

Result<Philox> seeded(const Tensor& seed) {
  WHITTLE_ASSIGN(const Dims s, int_vector(seed, "seed"));
  if (s.size() != 2) return invalid_argument("seed must have two elements");
  return Philox::stateless(static_cast<uint64_t>(s[0]), static_cast<uint64_t>(s[1]));
}

template <Draw kWhat>
Result<Tensors> stateless_real(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(const Dims dims, shape_input(call.in[0], "shape"));
  WHITTLE_ASSIGN(const Philox rng, seeded(call.in[1]));
  WHITTLE_ASSIGN(Tensor t, fill_real(rng, kWhat, call.node.attrs.type_or("dtype", DType::kFloat), dims,
                                     call.ctx));
  return one(std::move(t));
}

Result<Tensors> stateless_int(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  WHITTLE_ASSIGN(const Dims dims, shape_input(call.in[0], "shape"));
  WHITTLE_ASSIGN(const Philox rng, seeded(call.in[1]));
  WHITTLE_ASSIGN(Tensor t, fill_int(rng, call.in[2], call.in[3], dims, call.ctx));
  return one(std::move(t));
}

constexpr DTypeSet kReal = dtypes(DType::kFloat, DType::kDouble);
constexpr DTypeSet kInt = dtypes(DType::kInt32, DType::kInt64);
constexpr KernelInfo with_state(std::string_view op, DTypeSet types, Status (*run)(StateCall&),
                                std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement,
          .exactness = Exactness::kRandom, .run_state = run};
}
constexpr KernelInfo stateless(std::string_view op, DTypeSet types, Result<Tensors> (*run)(KernelCall&),
                               std::string_view attrs) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kElement,
          .exactness = Exactness::kUlp, .run = run};
}

constexpr KernelInfo kRows[] = {
    with_state("Multinomial", kReal, multinomial, "seed,seed2,output_dtype"),
    with_state("RandomStandardNormal", kReal, random_real<Draw::kNormal>, "seed,seed2,dtype"),
    with_state("RandomUniform", kReal, random_real<Draw::kUniform>, "seed,seed2,dtype"),
    with_state("RandomUniformInt", kInt, random_int, "seed,seed2"),
    stateless("StatelessRandomNormal", kReal, stateless_real<Draw::kNormal>, "dtype"),
    stateless("StatelessRandomUniform", kReal, stateless_real<Draw::kUniform>, "dtype"),
    stateless("StatelessRandomUniformInt", kInt, stateless_int, ""),
    stateless("StatelessTruncatedNormal", dtypes(DType::kFloat), stateless_real<Draw::kTruncated>, "dtype"),
    with_state("TruncatedNormal", dtypes(DType::kFloat), random_real<Draw::kTruncated>, "seed,seed2,dtype"),
};

}  // namespace

Rows random_kernels() { return kRows; }

}  // namespace whittle::eval
