// Recurrent cells as single ops: LSTMBlockCell, BlockLSTM and GRUBlockCell.
//
// Gates lie side by side in the weights: i, ci, f, o for LSTMBlockCell and BlockLSTM; i, f, ci, o in
// BlockLSTMV2 (whose forget bias is 0).
#include <algorithm>

#include "families.h"
#include "float_kernels.h"
#include "gemm_kernels.h"

namespace whittle::eval {
namespace {

struct Cell {
  size_t batch = 0, inputs = 0, cells = 0;
  const float *wci = nullptr, *wcf = nullptr, *wco = nullptr, *w = nullptr, *b = nullptr;
  float forget_bias = 1, clip = -1;
  bool peephole = false, ifco = false;
};

// One step; outputs are [batch, cells] each. `gates` and `joined` are scratch.
struct Step {
  float *i, *cs, *f, *o, *ci, *co, *h;
};

void lstm_step(const Cell& cell, const float* x, const float* cs_prev, const float* h_prev,
               std::vector<float>& joined, std::vector<float>& gates, const Step& out) {
  const size_t n = cell.cells, width = cell.inputs + n;
  for (size_t b = 0; b < cell.batch; ++b) {
    std::copy(x + b * cell.inputs, x + (b + 1) * cell.inputs, joined.data() + b * width);
    std::copy(h_prev + b * n, h_prev + (b + 1) * n, joined.data() + b * width + cell.inputs);
  }
  gemm_f32(cell.batch, 4 * n, width, joined.data(), width, cell.w, 4 * n, gates.data(), 4 * n, false);
  const size_t at_ci = cell.ifco ? 2 : 1, at_f = cell.ifco ? 1 : 2;
  for (size_t b = 0; b < cell.batch; ++b) {
    const float* g = gates.data() + b * 4 * n;
    const float* cs = cs_prev + b * n;
    const size_t base = b * n;
    for (size_t k = 0; k < n; ++k) {
      out.i[base + k] = g[k] + cell.b[k] + (cell.peephole ? cs[k] * cell.wci[k] : 0);
      out.ci[base + k] = g[at_ci * n + k] + cell.b[at_ci * n + k];
      out.f[base + k] = g[at_f * n + k] + cell.b[at_f * n + k] + cell.forget_bias +
                        (cell.peephole ? cs[k] * cell.wcf[k] : 0);
    }
    sigmoid_f32(out.i + base, out.i + base, n);
    tanh_f32(out.ci + base, out.ci + base, n);
    sigmoid_f32(out.f + base, out.f + base, n);
    for (size_t k = 0; k < n; ++k) {
      float v = out.ci[base + k] * out.i[base + k] + cs[k] * out.f[base + k];
      if (cell.clip > 0) v = std::clamp(v, -cell.clip, cell.clip);
      out.cs[base + k] = v;
      out.o[base + k] = g[3 * n + k] + cell.b[3 * n + k] + (cell.peephole ? v * cell.wco[k] : 0);
    }
    sigmoid_f32(out.o + base, out.o + base, n);
    tanh_f32(out.cs + base, out.co + base, n);
    for (size_t k = 0; k < n; ++k) out.h[base + k] = out.o[base + k] * out.co[base + k];
  }
}

Status need_shape(const Tensor& t, const Dims& dims, std::string_view what) {
  WHITTLE_CHECK(need_dtype(t, DType::kFloat, what));
  if (dims_of(t) != dims) return invalid_argument(cat(what, " must have shape ", dims_text(dims)));
  return {};
}

// Weights from `first` on: w, wci, wcf, wco, b.
Status weights_of(KernelCall& call, size_t first, Cell& cell) {
  const int64_t n = static_cast<int64_t>(cell.cells);
  WHITTLE_CHECK(need_shape(call.in[first], {static_cast<int64_t>(cell.inputs) + n, 4 * n}, "w"));
  for (size_t i = 1; i < 4; ++i) WHITTLE_CHECK(need_shape(call.in[first + i], {n}, "a peephole weight"));
  WHITTLE_CHECK(need_shape(call.in[first + 4], {4 * n}, "b"));
  cell.w = call.in[first].values<float>().data();
  cell.wci = call.in[first + 1].values<float>().data();
  cell.wcf = call.in[first + 2].values<float>().data();
  cell.wco = call.in[first + 3].values<float>().data();
  cell.b = call.in[first + 4].values<float>().data();
  cell.forget_bias = call.node.attrs.float_or("forget_bias", 1);
  cell.peephole = call.node.attrs.bool_or("use_peephole", false);
  return {};
}

Result<Tensors> seven(const Dims& dims, Context& ctx) {
  Tensors out;
  for (int i = 0; i < 7; ++i) {
    WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kFloat, dims, ctx));
    out.push_back(std::move(t));
  }
  return out;
}

Step step_into(Tensors& out, size_t offset) {
  float* p[7];
  for (size_t i = 0; i < 7; ++i) p[i] = reinterpret_cast<float*>(out[i].mutable_bytes()) + offset;
  return {p[0], p[1], p[2], p[3], p[4], p[5], p[6]};
}

Result<Tensors> lstm_cell(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 8));
  Cell cell;
  WHITTLE_CHECK(need_rank(call.in[0], 2, "x"));
  WHITTLE_CHECK(need_rank(call.in[1], 2, "cs_prev"));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kFloat, "x"));
  const Dims state = dims_of(call.in[1]);
  cell.batch = static_cast<size_t>(dims_of(call.in[0])[0]);
  cell.inputs = static_cast<size_t>(dims_of(call.in[0])[1]);
  cell.cells = static_cast<size_t>(state[1]);
  if (state[0] != dims_of(call.in[0])[0]) return invalid_argument("batches differ");
  WHITTLE_CHECK(need_shape(call.in[1], state, "cs_prev"));
  WHITTLE_CHECK(need_shape(call.in[2], state, "h_prev"));
  WHITTLE_CHECK(weights_of(call, 3, cell));
  cell.clip = call.node.attrs.float_or("cell_clip", 3);
  WHITTLE_CHECK(within_budget(uint64_t{cell.batch} * (cell.inputs + 5 * cell.cells) * 4, call.ctx));
  std::vector<float> joined(cell.batch * (cell.inputs + cell.cells)), gates(cell.batch * 4 * cell.cells);
  WHITTLE_ASSIGN(Tensors out, seven(state, call.ctx));
  lstm_step(cell, call.in[0].values<float>().data(), call.in[1].values<float>().data(),
            call.in[2].values<float>().data(), joined, gates, step_into(out, 0));
  return out;
}

// seq_len_max steps over x [time, batch, inputs]; later steps give zeros.
Result<Tensors> block_lstm(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 9));
  Cell cell;
  WHITTLE_ASSIGN(const int64_t steps, scalar_int(call.in[0], "seq_len_max"));
  const Tensor& x = call.in[1];
  WHITTLE_CHECK(need_rank(x, 3, "x"));
  WHITTLE_CHECK(need_rank(call.in[2], 2, "cs_prev"));
  WHITTLE_CHECK(need_dtype(x, DType::kFloat, "x"));
  const Dims state = dims_of(call.in[2]);
  const int64_t time = dims_of(x)[0];
  cell.batch = static_cast<size_t>(dims_of(x)[1]);
  cell.inputs = static_cast<size_t>(dims_of(x)[2]);
  cell.cells = static_cast<size_t>(state[1]);
  if (state[0] != dims_of(x)[1] || steps < 0 || steps > time) return invalid_argument("sizes do not fit");
  WHITTLE_CHECK(need_shape(call.in[2], state, "cs_prev"));
  WHITTLE_CHECK(need_shape(call.in[3], state, "h_prev"));
  WHITTLE_CHECK(weights_of(call, 4, cell));
  cell.ifco = call.node.op == "BlockLSTMV2";
  cell.clip = call.node.attrs.float_or("cell_clip", cell.ifco ? 0.0f : 3.0f);
  if (cell.ifco) cell.forget_bias = 0;
  WHITTLE_CHECK(within_budget(uint64_t{cell.batch} * (cell.inputs + 5 * cell.cells) * 4, call.ctx));
  std::vector<float> joined(cell.batch * (cell.inputs + cell.cells)), gates(cell.batch * 4 * cell.cells);
  WHITTLE_ASSIGN(Tensors out, seven({time, state[0], state[1]}, call.ctx));
  const float *cs = call.in[2].values<float>().data(), *h = call.in[3].values<float>().data();
  for (int64_t t = 0; t < steps; ++t) {
    WHITTLE_CHECK(call.ctx.check_cancelled());
    const Step into = step_into(out, static_cast<size_t>(t) * cell.batch * cell.cells);
    lstm_step(cell, x.values<float>().data() + static_cast<size_t>(t) * cell.batch * cell.inputs, cs, h,
              joined, gates, into);
    cs = into.cs;
    h = into.h;
  }
  return out;
}

// r and u side by side in w_ru; c from x and r * h.
Result<Tensors> gru_cell(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 6));
  WHITTLE_CHECK(need_rank(call.in[0], 2, "x"));
  WHITTLE_CHECK(need_rank(call.in[1], 2, "h_prev"));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kFloat, "x"));
  const Dims state = dims_of(call.in[1]);
  const int64_t m = dims_of(call.in[0])[1], n = state[1];
  if (state[0] != dims_of(call.in[0])[0]) return invalid_argument("batches differ");
  WHITTLE_CHECK(need_shape(call.in[1], state, "h_prev"));
  WHITTLE_CHECK(need_shape(call.in[2], {m + n, 2 * n}, "w_ru"));
  WHITTLE_CHECK(need_shape(call.in[3], {m + n, n}, "w_c"));
  WHITTLE_CHECK(need_shape(call.in[4], {2 * n}, "b_ru"));
  WHITTLE_CHECK(need_shape(call.in[5], {n}, "b_c"));
  const size_t batch = static_cast<size_t>(state[0]), in = static_cast<size_t>(m), cells = static_cast<size_t>(n),
               width = in + cells;
  WHITTLE_CHECK(within_budget(uint64_t{batch} * (width + 2 * cells) * 4, call.ctx));
  std::vector<float> joined(batch * width), ru(batch * 2 * cells);
  const float *x = call.in[0].values<float>().data(), *h = call.in[1].values<float>().data();
  for (size_t b = 0; b < batch; ++b) {
    std::copy(x + b * in, x + (b + 1) * in, joined.data() + b * width);
    std::copy(h + b * cells, h + (b + 1) * cells, joined.data() + b * width + in);
  }
  gemm_f32(batch, 2 * cells, width, joined.data(), width, call.in[2].values<float>().data(), 2 * cells,
           ru.data(), 2 * cells, false);
  Tensors out;
  for (int i = 0; i < 4; ++i) {
    WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kFloat, state, call.ctx));
    out.push_back(std::move(t));
  }
  auto r = out[0].mutable_values<float>(), u = out[1].mutable_values<float>(), c = out[2].mutable_values<float>(),
       next = out[3].mutable_values<float>();
  const auto b_ru = call.in[4].values<float>(), b_c = call.in[5].values<float>();
  for (size_t b = 0; b < batch; ++b) {
    for (size_t k = 0; k < cells; ++k) {
      r[b * cells + k] = ru[b * 2 * cells + k] + b_ru[k];
      u[b * cells + k] = ru[b * 2 * cells + cells + k] + b_ru[cells + k];
    }
  }
  sigmoid_f32(r.data(), r.data(), r.size());
  sigmoid_f32(u.data(), u.data(), u.size());
  for (size_t b = 0; b < batch; ++b) {
    for (size_t k = 0; k < cells; ++k) joined[b * width + in + k] = h[b * cells + k] * r[b * cells + k];
  }
  gemm_f32(batch, cells, width, joined.data(), width, call.in[3].values<float>().data(), cells, c.data(), cells,
           false);
  for (size_t i = 0; i < c.size(); ++i) c[i] += b_c[i % cells];
  tanh_f32(c.data(), c.data(), c.size());
  for (size_t i = 0; i < c.size(); ++i) next[i] = u[i] * h[i] + (1 - u[i]) * c[i];
  return out;
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&), std::string_view attrs) {
  return {.op = op, .dtypes = dtypes(DType::kFloat), .attrs = attrs, .cost = Cost::kProduct,
          .exactness = Exactness::kSum, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("BlockLSTM", block_lstm, "forget_bias,cell_clip,use_peephole"),
    row("BlockLSTMV2", block_lstm, "cell_clip,use_peephole"),
    row("GRUBlockCell", gru_cell, ""),
    row("LSTMBlockCell", lstm_cell, "forget_bias,cell_clip,use_peephole"),
};

}  // namespace

Rows rnn_kernels() { return kRows; }

}  // namespace whittle::eval
