// quantized.h: codes and ranges, as TensorFlow's quantized kernels use them.
#ifndef WHITTLE_EVAL_QUANTIZED_H_
#define WHITTLE_EVAL_QUANTIZED_H_

#include "kernel_util.h"

namespace whittle::eval {

struct CodeRange {
  int64_t low = 0, high = 0;
  int bits = 8;
  bool is_signed = false;
};
Result<CodeRange> code_range(DType dtype);

int64_t code_at(const Tensor& t, uint64_t i);
void put_code(Tensor& t, uint64_t i, int64_t v);
double round_away(double x);

// QuantizedToFloat and FloatToQuantized in their scalar form.
double float_of_code(int64_t q, const CodeRange& range, float low, float high);
int64_t code_of_float(float x, const CodeRange& range, float low, float high);

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_QUANTIZED_H_
