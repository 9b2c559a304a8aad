// kernel_bench.h: the kernels of core/src/quant and the checksums, as numbered cases that a clock
// can be held against. The same cases run natively (kernels.cc) and as wasm under Node (kernels.mjs).
//
//   bench_prepare(MB)            buffers of MB * 10^6 bytes of normal-like floats; 0 = no memory
//   for case in 0 .. bench_count() - 1:
//     bench_run(0), bench_run(case)     case 0 is memcpy; run both in turn, keep the best of each
//   ratio = bench_bytes(case) / seconds / (bench_bytes(0) / seconds of case 0)
#ifndef WHITTLE_KERNEL_BENCH_H_
#define WHITTLE_KERNEL_BENCH_H_

#include <cstdint>

extern "C" {
int32_t bench_prepare(uint32_t megabytes);
int32_t bench_count();
const char* bench_name(int32_t index);  // "int8_per_channel"
double bench_bytes(int32_t index);      // input bytes of one run
double bench_bound(int32_t index);      // least ratio to memcpy that is required; 0 = none
void bench_run(int32_t index);
}

#endif  // WHITTLE_KERNEL_BENCH_H_
