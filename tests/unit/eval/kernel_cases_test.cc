// Every kernel against TensorFlow, on recorded cases (tools/fixtures/make_kernel_cases.py).
#include <gtest/gtest.h>

#include "eval/case_reader.h"

namespace whittle::testing {
namespace {

void agree(std::string_view text) {
  const std::vector<KernelCase> cases = read_cases(text);
  EXPECT_FALSE(cases.empty());
  for (const KernelCase& c : cases) EXPECT_EQ(run_case(c), "") << c.name;
}

TEST(KernelCases, UnaryOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/unary.inc"
  );
}

TEST(KernelCases, BinaryOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/binary.inc"
  );
}

TEST(KernelCases, CastsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/cast.inc"
  );
}

TEST(KernelCases, ShapeOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/shape.inc"
  );
}

TEST(KernelCases, MovementsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/move.inc"
  );
}

TEST(KernelCases, ReductionsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/reduce.inc"
  );
}

TEST(KernelCases, ProductsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/product.inc"
  );
}

TEST(KernelCases, ImageOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/image.inc"
  );
}

TEST(KernelCases, SparseOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/sparse.inc"
  );
}

TEST(KernelCases, StringOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/text.inc"
  );
}

TEST(KernelCases, QuantizedOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/quantize.inc"
  );
}

TEST(KernelCases, SignalOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/signal.inc"
  );
}

TEST(KernelCases, RandomOpsAgreeWithTensorFlow) {
  agree(
#include "eval/cases/random.inc"
  );
}

}  // namespace
}  // namespace whittle::testing
