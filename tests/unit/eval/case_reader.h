// case_reader.h: test cases made by tools/fixtures/make_kernel_cases.py, which tells their format.
#ifndef WHITTLE_TESTS_EVAL_CASE_READER_H_
#define WHITTLE_TESTS_EVAL_CASE_READER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/kernel.h"

namespace whittle::testing {

struct KernelCase {
  std::string name;
  std::string op;
  AttrMap attrs;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  bool refused = false;          // TensorFlow gave an error
  std::optional<double> bound;   // relative to the largest magnitude
};

// Asserts (aborts the test program) on malformed text: the cases are ours.
std::vector<KernelCase> read_cases(std::string_view text);

// Empty when `ours` is as close to `theirs` as the class allows, else what differs.
std::string difference(const Tensor& ours, const Tensor& theirs, Exactness exactness,
                       std::optional<double> bound);

// Runs the kernel and says what is wrong; empty when nothing is.
std::string run_case(const KernelCase& c);

}  // namespace whittle::testing

#endif  // WHITTLE_TESTS_EVAL_CASE_READER_H_
