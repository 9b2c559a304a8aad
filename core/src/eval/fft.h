// fft.h: discrete Fourier transforms of any length, in double.
#ifndef WHITTLE_EVAL_FFT_H_
#define WHITTLE_EVAL_FFT_H_

#include <vector>

#include "lanes.h"

namespace whittle::eval {

// In place; the inverse divides by the length. Powers of two directly, other lengths by Bluestein's
// convolution (three transforms of the next power of two above twice the length).
void fft(std::vector<Complex128>& x, bool inverse);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_FFT_H_
