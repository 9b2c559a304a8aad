// The audio front end of keyword spotters: AudioSpectrogram and Mfcc.
#include <algorithm>

#include "families.h"
#include "fft.h"
#include "functions.h"

namespace whittle::eval {
namespace {

// [samples, channels] -> [channels, frames, bins]: Hann window, transform of the next power of two.
Result<Tensors> spectrogram(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "input"));
  WHITTLE_CHECK(need_rank(x, 2, "input"));
  const int64_t window = call.node.attrs.int_or("window_size", 0), stride = call.node.attrs.int_or("stride", 0);
  const bool squared = call.node.attrs.bool_or("magnitude_squared", false);
  if (window < 2 || window > 1 << 20 || stride < 1) return invalid_argument("window_size or stride");
  int64_t length = 1;
  while (length < window) length *= 2;
  const int64_t samples = dims_of(x)[0], channels = dims_of(x)[1], bins = length / 2 + 1;
  const int64_t frames = samples < window ? 0 : 1 + (samples - window) / stride;
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {channels, frames, bins}, call.ctx));
  std::vector<double> hann(static_cast<size_t>(window));
  for (int64_t i = 0; i < window; ++i) {
    hann[static_cast<size_t>(i)] =
        0.5 - 0.5 * fn::cos(2 * fn::kPi * static_cast<double>(i) / static_cast<double>(window));
  }
  const auto in = x.values<float>();
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  std::vector<Complex128> line(static_cast<size_t>(length));
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t f = 0; f < frames; ++f) {
      WHITTLE_CHECK(call.ctx.check_cancelled());
      for (int64_t i = 0; i < length; ++i) {
        double v = 0;
        if (i < window) {
          v = static_cast<double>(in[static_cast<size_t>((f * stride + i) * channels + c)]) *
              hann[static_cast<size_t>(i)];
        }
        line[static_cast<size_t>(i)] = {v, 0};
      }
      fft(line, false);
      for (int64_t b = 0; b < bins; ++b) {
        const Complex128 v = line[static_cast<size_t>(b)];
        const float power = static_cast<float>(v.re * v.re + v.im * v.im);
        *to++ = squared ? power : __builtin_sqrtf(power);
      }
    }
  }
  return one(std::move(out));
}

double mel(double frequency) { return 1127.0 * fn::log1p(frequency / 700.0); }

// Triangular filters on the mel scale, as a weight and a lower channel per bin.
struct MelFilters {
  std::vector<double> weight;
  std::vector<int64_t> channel;  // -2 outside of the limits
  int64_t start = 0, end = 0;
};

MelFilters mel_filters(int64_t bins, double rate, int64_t channels, double low, double high) {
  MelFilters m;
  const double mel_low = mel(low), spacing = (mel(high) - mel_low) / static_cast<double>(channels + 1);
  std::vector<double> centre;
  for (int64_t i = 0; i <= channels; ++i) centre.push_back(mel_low + spacing * static_cast<double>(i + 1));
  const double step = 0.5 * rate / static_cast<double>(bins - 1);
  m.start = static_cast<int64_t>(1.5 + low / step);
  m.end = static_cast<int64_t>(high / step);
  int64_t channel = 0;
  for (int64_t i = 0; i < bins; ++i) {
    const double at = mel(static_cast<double>(i) * step);
    int64_t lower = -2;
    double weight = 0;
    if (i >= m.start && i <= m.end) {
      while (channel < channels && centre[static_cast<size_t>(channel)] < at) ++channel;
      lower = channel - 1;
      weight = lower >= 0 ? (centre[static_cast<size_t>(lower + 1)] - at) /
                                (centre[static_cast<size_t>(lower + 1)] - centre[static_cast<size_t>(lower)])
                          : (centre[0] - at) / (centre[0] - mel_low);
    }
    m.channel.push_back(lower);
    m.weight.push_back(weight);
  }
  return m;
}

Result<Tensors> mfcc(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "spectrogram"));
  WHITTLE_CHECK(need_rank(x, 3, "spectrogram"));
  WHITTLE_ASSIGN(const int64_t rate, scalar_int(call.in[1], "sample_rate"));
  const AttrMap& attrs = call.node.attrs;
  const double high = attrs.float_or("upper_frequency_limit", 4000),
               low = attrs.float_or("lower_frequency_limit", 20);
  const int64_t channels = attrs.int_or("filterbank_channel_count", 40),
                coefficients = attrs.int_or("dct_coefficient_count", 13);
  const int64_t bins = dims_of(x)[2];
  if (bins < 2 || channels < 1 || channels > 65536 || coefficients < 1 || coefficients > channels ||
      rate < 1 || !(low >= 0 && high > low)) {
    return invalid_argument("parameters of Mfcc are out of range");
  }
  const MelFilters filters = mel_filters(bins, static_cast<double>(rate), channels, low, high);
  if (filters.end >= bins) return invalid_argument("the upper limit is above the spectrogram");
  // A cosine transform of the logarithms.
  const double norm = fn::sqrt(2.0 / static_cast<double>(channels)),
               step = fn::kPi / static_cast<double>(channels);
  WHITTLE_CHECK(within_budget(static_cast<uint64_t>(channels * coefficients) * 8, call.ctx));
  std::vector<double> cosines;
  for (int64_t i = 0; i < coefficients; ++i) {
    for (int64_t j = 0; j < channels; ++j) {
      cosines.push_back(norm * fn::cos(static_cast<double>(i) * step * (static_cast<double>(j) + 0.5)));
    }
  }
  WHITTLE_ASSIGN(Tensor out, make_tensor(DType::kFloat, {dims_of(x)[0], dims_of(x)[1], coefficients},
                                         call.ctx));
  const auto in = x.values<float>();
  float* to = reinterpret_cast<float*>(out.mutable_bytes());
  std::vector<double> bank(static_cast<size_t>(channels));
  for (size_t row = 0; row < in.size(); row += static_cast<size_t>(bins)) {
    std::fill(bank.begin(), bank.end(), 0.0);
    for (int64_t i = filters.start; i <= filters.end; ++i) {
      const double v = fn::sqrt(static_cast<double>(in[row + static_cast<size_t>(i)]));
      const double weighted = v * filters.weight[static_cast<size_t>(i)];
      const int64_t c = filters.channel[static_cast<size_t>(i)];
      if (c >= 0) bank[static_cast<size_t>(c)] += weighted;
      if (c + 1 >= 0 && c + 1 < channels) bank[static_cast<size_t>(c + 1)] += v - weighted;
    }
    for (double& v : bank) v = fn::log(v < 1e-12 ? 1e-12 : v);
    for (int64_t i = 0; i < coefficients; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < channels; ++j) {
        sum += cosines[static_cast<size_t>(i * channels + j)] * bank[static_cast<size_t>(j)];
      }
      *to++ = static_cast<float>(sum);
    }
  }
  return one(std::move(out));
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&), std::string_view attrs) {
  return {.op = op, .dtypes = dtypes(DType::kFloat), .attrs = attrs, .cost = Cost::kProduct,
          .exactness = Exactness::kSum, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("AudioSpectrogram", spectrogram, "window_size,stride,magnitude_squared"),
    row("Mfcc", mfcc,
        "upper_frequency_limit,lower_frequency_limit,filterbank_channel_count,dct_coefficient_count"),
};

}  // namespace

Rows audio_kernels() { return kRows; }

}  // namespace whittle::eval
