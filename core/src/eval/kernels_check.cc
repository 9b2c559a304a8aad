// Ops that are there for their side effect, and give nothing or their input.
#include "families.h"

namespace whittle::eval {
namespace {

Result<Tensors> assert_true(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  WHITTLE_ASSIGN(const bool ok, scalar_bool(call.in[0], "condition"));
  if (ok) return Tensors{};
  std::string text = "assertion failed:";
  for (size_t i = 1; i < call.in.size() && text.size() < 200; ++i) {
    const Tensor& t = call.in[i];
    if (t.is_string() && t.elements() == 1) text += cat(" ", printable(t.strings()[0], 100));
  }
  return invalid_argument(std::move(text));
}

Result<Tensors> nothing(KernelCall&) { return Tensors{}; }

Result<Tensors> first(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 1));
  return one(std::move(call.in[0]));
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&)) {
  return {.op = op, .dtypes = kMovable, .attrs = "", .cost = Cost::kView, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("Assert", assert_true),
    row("Print", first),
    row("PrintV2", nothing),
};

}  // namespace

Rows check_kernels() { return kRows; }

}  // namespace whittle::eval
