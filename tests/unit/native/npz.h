// npz.h: arrays of a .npz file as tensors. Fixed-size byte strings lose their trailing zeros.
#ifndef WHITTLE_TESTS_NATIVE_NPZ_H_
#define WHITTLE_TESTS_NATIVE_NPZ_H_

#include <map>
#include <string>

#include "whittle/tensor.h"

namespace whittle {

// By name without ".npy". Empty when the file cannot be read; arrays of other kinds are left out.
std::map<std::string, Tensor> read_npz(const std::string& path);
std::string file_content(const std::string& path);

}  // namespace whittle

#endif  // WHITTLE_TESTS_NATIVE_NPZ_H_
