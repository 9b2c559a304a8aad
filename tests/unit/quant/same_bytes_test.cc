// The back ends give the same bytes: each kernel's outputs, over special and random values of many
// lengths, are hashed; the table of hashes is the same for scalar, SSE2 and wasm.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "quant/hash.h"
#include "quant/kernel_inputs.h"
#include "quant/kernels.h"
#include "support/bytes.h"

namespace whittle::quant {
namespace {

using Transcript = std::vector<uint8_t>;

template <class T>
void note(Transcript& to, const T* values, size_t n) {
  const uint8_t* p = reinterpret_cast<const uint8_t*>(values);
  to.insert(to.end(), p, p + n * sizeof(T));
}

struct Input {
  std::vector<float> x, scale;
};

std::vector<Input> inputs() {
  std::vector<Input> all;
  const auto add = [&](std::vector<float> x, float scale, uint64_t seed) {
    Input in{std::move(x), {}};
    in.scale = random_floats(in.x.size(), seed);
    for (float& s : in.scale) s = (s < 0 ? -s : s) * scale;
    all.push_back(std::move(in));
  };
  add(special_floats(), 1.0f, 1);
  for (size_t n = 0; n <= 40; ++n) add(random_floats(n, n), 0.01f, n + 100);
  add(random_floats(1000, 7), 0.01f, 8);
  add(random_floats(4099, 9), 1e-3f, 10);
  add(random_bits(4001, 11), 1e10f, 12);
  add(random_bits(5000, 13), 1.0f, 14);
  Input odd{random_floats(70, 15), random_bits(70, 16)};  // scales of every kind
  all.push_back(std::move(odd));
  return all;
}

using Run = std::function<void(const Kernels&, const Input&, Transcript&)>;

std::map<std::string, Run> cases() {
  std::map<std::string, Run> c;
  c["range"] = [](const Kernels& k, const Input& in, Transcript& t) {
    FloatRange r;
    k.range(in.x.data(), in.x.size(), &r);
    note(t, &r.min, 1);
    note(t, &r.max, 1);
    t.push_back(r.nan);
  };
  c["absmax"] = [](const Kernels& k, const Input& in, Transcript& t) {
    for (const size_t width : {1u, 3u, 5u, 64u}) {
      std::vector<float> m(width, 0.0f);
      k.absmax_columns(in.x.data(), in.x.size() / width, width, m.data());
      note(t, m.data(), m.size());
    }
    const float run = k.absmax_run(in.x.data(), in.x.size(), 0.0f);
    note(t, &run, 1);
  };
  const auto with_floats = [](auto kernel) {
    return [kernel](const Kernels& k, const Input& in, Transcript& t) {
      std::vector<float> out(in.x.size());
      kernel(k, in, out.data());
      note(t, out.data(), out.size());
    };
  };
  c["scale"] = with_floats([](const Kernels& k, const Input& in, float* out) {
    k.scale(in.x.data(), in.scale.data(), in.x.size(), out);
  });
  c["int8"] = [](const Kernels& k, const Input& in, Transcript& t) {
    std::vector<float> inverse;
    for (const float s : in.scale) inverse.push_back(int8_inverse(s));
    std::vector<int8_t> codes(in.x.size());
    k.int8_encode(in.x.data(), in.scale.data(), inverse.data(), in.x.size(), codes.data());
    note(t, codes.data(), codes.size());
    std::vector<float> ones(in.x.size(), 0.37f), out(in.x.size());
    k.int8_decode(codes.data(), ones.data(), in.x.size(), out.data());
    note(t, out.data(), out.size());
  };
  c["half"] = [](const Kernels& k, const Input& in, Transcript& t) {
    std::vector<uint16_t> half(in.x.size());
    k.half_encode(in.x.data(), in.x.size(), half.data());
    note(t, half.data(), half.size());
    std::vector<float> out(in.x.size());
    k.half_decode(half.data(), half.size(), out.data());
    note(t, out.data(), out.size());
  };
  c["bfloat16"] = [](const Kernels& k, const Input& in, Transcript& t) {
    std::vector<uint16_t> half(in.x.size());
    k.bfloat16_encode(in.x.data(), in.x.size(), half.data());
    note(t, half.data(), half.size());
    std::vector<float> out(in.x.size());
    k.bfloat16_decode(half.data(), half.size(), out.data());
    note(t, out.data(), out.size());
  };
  c["quint8"] = [](const Kernels& k, const Input& in, Transcript& t) {
    const float ranges[][2] = {{-1, 1},         {0, 255},        {-65, 62.5f}, {0, 0},
                               {-1e30f, 1e30f}, {-3e38f, 3e38f}, {0, 1e-44f}};
    for (const auto& r : ranges) {
      std::vector<uint8_t> codes(in.x.size());
      k.quint8_encode(in.x.data(), in.x.size(), quint8_params(r[0], r[1]), codes.data());
      note(t, codes.data(), codes.size());
    }
    std::vector<uint8_t> codes(in.x.size());
    for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i * 7);
    std::vector<float> out(in.x.size());
    k.quint8_decode(codes.data(), codes.size(), quint8_decoding(-1.5f, 2.25f), out.data());
    note(t, out.data(), out.size());
  };
  c["round"] = [](const Kernels& k, const Input& in, Transcript& t) {
    const RoundParams params[] = {
        {-1, 2.0f / 256}, {-130, 1}, {0, 1e-30f}, {0, 0}, {float_of(0xff800000), 1}};
    for (const RoundParams& p : params) {
      std::vector<float> out(in.x.size());
      k.round_weights(in.x.data(), in.x.size(), p, out.data());
      note(t, out.data(), out.size());
    }
  };
  c["swap"] = [](const Kernels& k, const Input& in, Transcript& t) {
    for (const uint32_t width : {2u, 4u, 8u}) {
      const size_t n = in.x.size() * 4 / width * width;
      std::vector<uint8_t> out(n + 1);
      k.byte_swap(reinterpret_cast<const uint8_t*>(in.x.data()), n, width, out.data());
      note(t, out.data(), n);
    }
  };
  c["sums"] = [](const Kernels& k, const Input& in, Transcript& t) {
    ErrorSums sums;
    // Numbers only: a NaN sum has no bits of its own (work.cc makes them the same).
    for (size_t i = 0; i < in.x.size(); ++i) {
      if (!(std::fabs(in.x[i]) < 1e30f && std::fabs(in.scale[i]) < 1e30f)) return;
    }
    k.error_sums(in.x.data(), in.scale.data(), in.x.size(), &sums);
    note(t, &sums.signal, 1);
    note(t, &sums.noise, 1);
    note(t, &sums.max_error, 1);
  };
  c["hash"] = [](const Kernels& k, const Input& in, Transcript& t) {
    Hasher h(k);
    h.add(reinterpret_cast<const uint8_t*>(in.x.data()), in.x.size() * 4);
    const Hash128 result = h.finish();
    note(t, &result.lo, 1);
    note(t, &result.hi, 1);
  };
  return c;
}

std::string hash_of(const Transcript& t) {
  Hasher h(scalar_kernels());
  h.add(t.data(), t.size());
  const Hash128 result = h.finish();
  uint8_t bytes[16];
  std::memcpy(bytes, &result.lo, 8);
  std::memcpy(bytes + 8, &result.hi, 8);
  return to_hex(bytes);
}

// Made by this test, natively; a change of a kernel's bytes is a change of every result file.
const std::map<std::string, std::string> kHashes = {
    {"absmax", "8351650f1cb10c625b76514fc7eecf34"},
    {"bfloat16", "b1e3e2a967683332eba84d9c60dc12a9"},
    {"half", "cd14e5cb635c1c6859b38cbdbaff8b1e"},
    {"hash", "eb8fa5402a2ee8e4d92bd609a6a77024"},
    {"int8", "135c96507ddbf19748649cc4184448ba"},
    {"quint8", "2b2988c7f55e4e368d936245cd7d6bf0"},
    {"range", "87201f7765991d34f78959e29c9dcc73"},
    {"round", "75f7ff7680a5e0891c3909c18077c152"},
    {"scale", "f0a73b5bfd8393bf35bcebd5877a66cb"},
    {"sums", "57be9fda1780b57e5df5b9339a083f09"},
    {"swap", "e8ebff04f12c5b051e2375383e41e355"},
};

TEST(SameBytes, EveryBackEndWritesTheStoredBytes) {
  const std::vector<Input> all = inputs();
  for (const auto& [name, run] : cases()) {
    Transcript scalar, vector;
    for (const Input& in : all) {
      run(scalar_kernels(), in, scalar);
      run(kernels(), in, vector);
    }
    EXPECT_TRUE(scalar == vector) << name << " differs between scalar and " << kernels().name;
    const auto stored = kHashes.find(name);
    EXPECT_EQ(hash_of(scalar), stored == kHashes.end() ? "" : stored->second) << name;
  }
}

TEST(SameBytes, KernelsTakeArraysThatLieAtAnyElement) {
  const std::vector<float> x = random_floats(100, 5), scale = random_floats(100, 6);
  for (size_t shift = 0; shift < 4; ++shift) {
    std::vector<float> moved(x.size() + shift), factors(x.size() + shift), out(x.size() + shift);
    std::copy(x.begin(), x.end(), moved.begin() + static_cast<ptrdiff_t>(shift));
    std::copy(scale.begin(), scale.end(), factors.begin() + static_cast<ptrdiff_t>(shift));
    kernels().scale(moved.data() + shift, factors.data() + shift, x.size(), out.data() + shift);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(out[i + shift], x[i] * scale[i]);
  }
}

}  // namespace
}  // namespace whittle::quant
